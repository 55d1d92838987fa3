# SPDX-License-Identifier: Apache-2.0
"""Neighbour discovery (RFC 4861) by scapy."""

from scapy.layers.inet6 import (ICMPv6EchoReply, ICMPv6EchoRequest, ICMPv6ND_NA, ICMPv6ND_NS,
                                ICMPv6NDOptDstLLAddr, ICMPv6NDOptSrcLLAddr, IPv6,
                                IPv6ExtHdrFragment)
from scapy.layers.l2 import Ether
from scapy.packet import Raw
from scapy.utils6 import in6_getnsma, in6_getnsmac
import socket


def group_of(address):
    return socket.inet_ntop(socket.AF_INET6, in6_getnsma(socket.inet_pton(socket.AF_INET6, address)))


def group_mac_of(address):
    return in6_getnsmac(in6_getnsma(socket.inet_pton(socket.AF_INET6, address)))


def solicitation(src_mac, src, target, *, dst_mac=None, dst=None, option=True, hlim=255, code=0):
    packet = Ether(src=src_mac, dst=dst_mac or group_mac_of(target))
    packet /= IPv6(src=src, dst=dst or group_of(target), hlim=hlim)
    packet /= ICMPv6ND_NS(tgt=target, code=code)
    if option:
        packet /= ICMPv6NDOptSrcLLAddr(lladdr=src_mac)
    return bytes(packet)


def advertisement(src_mac, dst_mac, target, dst, *, src=None, solicited=1, override=1, router=0,
                  option=True, hlim=255):
    packet = Ether(src=src_mac, dst=dst_mac) / IPv6(src=src or target, dst=dst, hlim=hlim)
    packet /= ICMPv6ND_NA(tgt=target, R=router, S=solicited, O=override)
    if option:
        packet /= ICMPv6NDOptDstLLAddr(lladdr=src_mac)
    return bytes(packet)


def unsolicited(mac, address, router=0):
    """`router`: by who routes on the link, as adit does on a VRF's."""
    return advertisement(mac, "33:33:00:00:00:01", address, "ff02::1", solicited=0, router=router)


def echo6(kind, src_mac, dst_mac, src, dst, data=b"data", **ip):
    message = (ICMPv6EchoRequest if kind == 128 else ICMPv6EchoReply)(id=7, seq=1, data=data)
    return bytes(Ether(src=src_mac, dst=dst_mac) / IPv6(src=src, dst=dst, **ip) / message)


def in_fragments(frame, size=1232, ident=7):
    """An IPv6 frame in fragments of `size` bytes of payload, a multiple of 8."""
    head, payload = Ether(frame), bytes(Ether(frame)[IPv6].payload)
    parts = []
    for at in range(0, max(len(payload), 1), size):
        packet = head[IPv6].copy()
        packet.remove_payload()
        packet.plen = None
        packet.nh = 44
        piece = IPv6ExtHdrFragment(nh=head[IPv6].nh, offset=at // 8, m=at + size < len(payload),
                                   id=ident)
        parts.append(bytes(Ether(src=head.src, dst=head.dst) / packet / piece /
                           Raw(payload[at:at + size])))
    return parts


__all__ = [name for name in dir() if not name.startswith("_")]

# SPDX-License-Identifier: Apache-2.0
"""Packets on their way through a router, and what it says about them, by scapy."""

from scapy.layers.inet import ICMP, IP, UDP
from scapy.layers.inet6 import (ICMPv6DestUnreach, ICMPv6PacketTooBig, ICMPv6TimeExceeded, IPv6)
from scapy.layers.l2 import ARP, Ether
from scapy.packet import Raw

NOBODY, ALL = "00:00:00:00:00:00", "ff:ff:ff:ff:ff:ff"
EXCEEDED = {4: ICMP(type=11), 6: ICMPv6TimeExceeded()}
NO_ROUTE = {4: ICMP(type=3, code=0), 6: ICMPv6DestUnreach(code=0)}
NO_HOST = {4: ICMP(type=3, code=1), 6: ICMPv6DestUnreach(code=3)}
NO_PORT = {4: ICMP(type=3, code=3), 6: ICMPv6DestUnreach(code=4)}


class Link:
    """A network or port with our addresses and a host. `send` gives what comes in of a frame of
    it; `expect` where and as what a frame to the host leaves."""

    def __init__(self, name, number, gateway_mac, send, expect):
        self.name, self.mac, self.host_mac = name, gateway_mac, f"02:00:00:00:{number:02x}:01"
        self.gateway = {4: f"10.{number}.0.254", 6: f"fd0{number}::fe"}
        self.host = {4: f"10.{number}.0.1", 6: f"fd0{number}::1"}
        self.send, self.expect = send, expect

    def frame(self, inner, src=None, dst=None):
        """As the host sends it to its gateway."""
        kind = 0x0800 if bytes(inner)[0] >> 4 == 4 else 0x86DD
        return self.send(bytes(Ether(src=src or self.host_mac, dst=dst or self.mac, type=kind) /
                               inner))

    def delivered(self, inner, dst=None):
        kind = 0x0800 if bytes(inner)[0] >> 4 == 4 else 0x86DD
        return self.expect(bytes(Ether(src=self.mac, dst=dst or self.host_mac, type=kind) / inner))


def merged(*parts):
    out = {}
    for part in parts:
        for port, some in part.items():
            out.setdefault(port, []).extend(some if isinstance(some, list) else [some])
    return out


def arp(op, src_mac, src, dst_mac, dst, asked=NOBODY):
    return bytes(Ether(src=src_mac, dst=dst_mac) /
                 ARP(op=op, hwsrc=src_mac, psrc=src, hwdst=asked, pdst=dst))


def packet(version, src, dst, size=64, ttl=64, tos=0, sport=1000, **ip):
    """An IP packet with UDP of `size` bytes in all."""
    if version == 4:
        head = IP(src=src, dst=dst, ttl=ttl, tos=tos, **({"flags": "DF"} | ip))
        return head / UDP(sport=sport, dport=2000) / Raw(bytes(size - 28))
    return IPv6(src=src, dst=dst, hlim=ttl, tc=tos) / UDP(sport=sport, dport=2000) / Raw(bytes(size - 48))


def hop(inner):
    """The packet one hop further."""
    inner = inner.copy()
    if inner.version == 4:
        inner.ttl -= 1
        del inner.chksum
    else:
        inner.hlim -= 1
    return inner


def about(inner, error, source, most=1280):
    """ICMP about the packet, from one of our addresses, of at most `most` bytes."""
    quote = bytes(inner)[:min(576, most) - 28 if inner.version == 4 else min(1280, most) - 48]
    if inner.version == 4:
        return IP(src=source, dst=inner.src, id=0, ttl=64) / error / Raw(quote)
    return IPv6(src=source, dst=inner.src, hlim=64) / error / Raw(quote)


def too_big(version, mtu):
    return ICMP(type=3, code=4, nexthopmtu=mtu) if version == 4 else ICMPv6PacketTooBig(mtu=mtu)

# SPDX-License-Identifier: Apache-2.0
"""Frames and what adit has to make of them, built by scapy: the independent oracle."""

import functools
import struct

from scapy.layers.inet import ICMP, IP, TCP, UDP
from scapy.layers.inet6 import IPv6
from scapy.layers.l2 import ARP, Dot1Q, Ether
from scapy.layers.vxlan import VXLAN
from scapy.packet import Raw

from harness import AnySourcePort

OUR_MAC = "02:00:00:00:00:01"
OUR_IP = "192.0.2.1"
BROADCAST = "ff:ff:ff:ff:ff:ff"

# Hosts by letter: MAC 02:00:00:00:aa:01 is host 1 of group aa.
def host(group, number):
    return f"02:00:00:00:{group:02x}:{number:02x}"


def remote_ip(number):
    return f"192.0.2.{number}"


def remote_mac(number):
    return f"02:00:00:00:00:{number:02x}"


# Two remotes' neighbours, so that no ARP is seen where it is not the subject.
UPLINK = """
ports:
  uplink:
    device: tap:up0
    mtu_bytes: 1550
    mac: 02:00:00:00:00:01
    addresses: [192.0.2.1/24]
"""
NEIGHBOURS = """
neighbours:
  - {address: 192.0.2.2, mac: 02:00:00:00:00:02}
  - {address: 192.0.2.3, mac: 02:00:00:00:00:03}
  - {address: 192.0.2.4, mac: 02:00:00:00:00:04}
"""


def udp(src, dst, sport=1000, dport=2000, size=32, tos=0, sip="10.0.0.1", dip="10.0.0.2", **ip):
    """An IPv4 UDP frame between two hosts, `size` bytes of payload."""
    payload = bytes(i & 0xFF for i in range(size))
    packet = Ether(src=src, dst=dst) / IP(src=sip, dst=dip, tos=tos, **ip)
    return bytes(packet / UDP(sport=sport, dport=dport) / Raw(payload))


def udp6(src, dst, sport=1000, dport=2000, size=32, tc=0, sip="fd00::1", dip="fd00::2"):
    packet = Ether(src=src, dst=dst) / IPv6(src=sip, dst=dip, tc=tc)
    return bytes(packet / UDP(sport=sport, dport=dport) / Raw(bytes(size)))


def of_length(src, dst, length, kind=0x88B5):
    """A frame of exactly `length` bytes, of a type for experiments (IEEE 802)."""
    head = bytes(Ether(src=src, dst=dst, type=kind))
    return head + bytes(i & 0xFF for i in range(length - len(head)))


def tagged(frame, vlan, prio=0, kind=0x8100):
    """The frame with one more tag before its type."""
    frame = bytes(frame)
    return frame[:12] + struct.pack("!HH", kind, prio << 13 | vlan) + frame[12:]


def arriving(inner, vni=100, remote=2, *, sport=51234, dport=4789, flags=0x08, reserved=(0, 0),
             tos=0, chksum=0, eth=None, ip=None, udp_fields=None):
    """What a remote sends us: the frame inside Ethernet, IPv4, UDP and VXLAN."""
    ethernet = {"src": remote_mac(remote), "dst": OUR_MAC} | (eth or {})
    ipv4 = {"src": remote_ip(remote), "dst": OUR_IP, "tos": tos, "flags": "DF", "id": 0}
    ipv4 |= ip or {}
    datagram = {"sport": sport, "dport": dport, "chksum": chksum} | (udp_fields or {})
    header = struct.pack("!B3sI", flags, reserved[0].to_bytes(3, "big"), vni << 8 | reserved[1])
    return bytes(Ether(**ethernet) / IP(**ipv4) / UDP(**datagram) / Raw(header + bytes(inner)))


@functools.lru_cache(maxsize=None)
def outer_headers(length, vni, remote, next_hop, tos, ttl, dport, src_ip, src_mac, dst_ip):
    outer = Ether(src=src_mac, dst=next_hop or remote_mac(remote))
    outer /= IP(src=src_ip, dst=dst_ip or remote_ip(remote), tos=tos, ttl=ttl, flags="DF", id=0)
    outer /= UDP(sport=49152, dport=dport, chksum=0)
    outer /= VXLAN(flags="Instance", vni=vni)
    return bytes(outer / Raw(bytes(length)))[:50]


def encapsulated(inner, vni=100, remote=2, *, next_hop=None, tos=0, ttl=64, dport=4789,
                 src_ip=OUR_IP, src_mac=OUR_MAC, dst_ip=None):
    """What adit has to send: every byte but the source port is determined."""
    inner = bytes(inner)
    return AnySourcePort(outer_headers(len(inner), vni, remote, next_hop, tos, ttl, dport, src_ip,
                                       src_mac, dst_ip) + inner)


def source_port(frame):
    return int.from_bytes(frame[34:36], "big")


def patched(frame, offset, data):
    """The frame with the bytes at `offset` replaced."""
    frame = bytes(frame)
    return frame[:offset] + bytes(data) + frame[offset + len(data):]


def with_word(frame, at, word, *sums):
    """The frame with another 16-bit word, and the checksums at `sums` by that change (RFC 1624 section 3,
    equation 3): of thousands of frames that differ in one field scapy makes the first."""
    udp = 40 if frame[12:14] == b"\x08\0" and frame[23] == 17 else 60  # where its checksum is never 0
    change = 0xFFFF - int.from_bytes(frame[at:at + 2], "big") + word
    frame = patched(frame, at, word.to_bytes(2, "big"))
    for place in sums:
        total = 0xFFFF - int.from_bytes(frame[place:place + 2], "big") + change
        checksum = 0xFFFF - (total % 0xFFFF or 0xFFFF)
        if place == udp:
            checksum = checksum or 0xFFFF
        frame = patched(frame, place, checksum.to_bytes(2, "big"))
    return frame


def ipv4_sum(header):
    total = sum(struct.unpack(f"!{len(header) // 2}H", header))
    while total >> 16:
        total = (total & 0xFFFF) + (total >> 16)
    return ~total & 0xFFFF


def with_ip_sum(frame, offset=14):
    """The frame with the right checksum in its IPv4 header, for headers that were patched."""
    length = (frame[offset] & 15) * 4
    header = patched(frame[offset:offset + length], 10, b"\0\0")
    return patched(frame, offset + 10, ipv4_sum(header).to_bytes(2, "big"))


def arp_request(sender_mac, sender_ip, target_ip, dst=BROADCAST, target_mac="00:00:00:00:00:00"):
    return bytes(Ether(src=sender_mac, dst=dst) / ARP(
        op=1, hwsrc=sender_mac, psrc=sender_ip, hwdst=target_mac, pdst=target_ip))


def arp_reply(sender_mac, sender_ip, target_mac=OUR_MAC, target_ip=OUR_IP, dst=None):
    return bytes(Ether(src=sender_mac, dst=dst or target_mac) / ARP(
        op=2, hwsrc=sender_mac, psrc=sender_ip, hwdst=target_mac, pdst=target_ip))


def echo(kind, src_mac, dst_mac, src, dst, data, ident=7, seq=1, **ip):
    return bytes(Ether(src=src_mac, dst=dst_mac) / IP(src=src, dst=dst, **ip) /
                 ICMP(type=kind, id=ident, seq=seq) / Raw(data))


HOP_BY_HOP, ROUTING, FRAGMENT, OPTIONS = 0, 43, 44, 60


def with_headers(frame, *headers):
    """Extension headers (RFC 8200 section 4), each a kind and what is behind its next header, before
    what follows the IPv6 header."""
    kinds = [kind for kind, _ in headers] + [frame[20]]
    chain = b"".join(bytes([following]) + body for following, (_, body) in zip(kinds[1:], headers))
    length = int.from_bytes(frame[18:20], "big") + len(chain)
    return (frame[:18] + length.to_bytes(2, "big") + bytes([kinds[0]]) + frame[21:54] + chain +
            frame[54:])


def options_body(options):
    return bytes([(len(options) + 2) // 8 - 1]) + options


__all__ = [name for name in dir() if not name.startswith("_")]

# SPDX-License-Identifier: Apache-2.0
"""Frames as bytes, by hand: what is sent a hundred thousand times is made once, and quickly."""

import socket
import struct

ETHERTYPE = {4: 0x0800, 6: 0x86DD}
ETHER_IN_GRE = 0x6558
VXLAN_PORT, GENEVE_PORT, STT_PORT = 4789, 6081, 7471
IPIP = {4: 4, 6: 41}
UDP, TCP, GRE = 17, 6, 47


def version_of(address):
    return 4 if len(address) == 4 else 6


def packed(text):
    return socket.inet_pton(socket.AF_INET6 if ":" in text else socket.AF_INET, text)


def mac(text):
    return bytes.fromhex(text.replace(":", ""))


def checksum(data):
    """RFC 1071."""
    if len(data) % 2:
        data += b"\0"
    total = sum(struct.unpack(f"!{len(data) // 2}H", data))
    while total >> 16:
        total = (total & 0xFFFF) + (total >> 16)
    return ~total & 0xFFFF


def ethernet(dst, src, ethertype, payload, vlan=0):
    tag = struct.pack("!HH", 0x8100, vlan) if vlan else b""
    return dst + src + tag + struct.pack("!H", ethertype) + payload


def ip(src, dst, protocol, payload, ttl=64):
    if version_of(src) == 6:
        return struct.pack("!IHBB", 6 << 28, len(payload), protocol, ttl) + src + dst + payload
    head = struct.pack("!BBHHHBBH", 0x45, 0, 20 + len(payload), 0, 0x4000, ttl, protocol, 0) + src + dst
    return head[:10] + struct.pack("!H", checksum(head)) + head[12:] + payload


def pseudo(src, dst, protocol, length):
    """What checksums of TCP and UDP cover beside them (RFC 9293 section 3.1, RFC 8200 section 8.1)."""
    return src + dst + struct.pack("!HH" if version_of(src) == 4 else "!IxxH", length, protocol)


def udp(src, dst, sport, dport, payload, sum_it=True):
    """With a checksum, unless that may be 0 (IPv4) and is not asked for."""
    head = struct.pack("!HHHH", sport, dport, 8 + len(payload), 0)
    if sum_it or version_of(src) == 6:
        value = checksum(pseudo(src, dst, UDP, len(head) + len(payload)) + head + payload) or 0xFFFF
        head = head[:6] + struct.pack("!H", value)
    return head + payload


def tcp(src, dst, sport, dport, seq, ack, flags, payload=b"", window=65535):
    head = struct.pack("!HHIIBBHHH", sport, dport, seq & 0xFFFFFFFF, ack & 0xFFFFFFFF, 5 << 4, flags, window, 0, 0)
    value = checksum(pseudo(src, dst, TCP, len(head) + len(payload)) + head + payload)
    return head[:16] + struct.pack("!H", value) + head[18:] + payload


def with_magic(frame, magic):
    """The last bytes replaced; of a UDP datagram, whose checksum then has to be 0."""
    return frame[:-len(magic)] + magic


def wrapped(kind, identifier, inner, src, dst, entropy):
    """The outer IP packet of a tunnel kind; `inner` is a frame, or an IP packet where the kind is routed."""
    if kind == "vxlan":  # RFC 7348 section 5
        return ip(src, dst, UDP, udp(src, dst, 0xC000 + entropy % 0x4000, VXLAN_PORT,
                                     struct.pack("!II", 0x08 << 24, identifier << 8) + inner, sum_it=False))
    if kind == "geneve":  # RFC 8926 section 3.4
        return ip(src, dst, UDP, udp(src, dst, 0xC000 + entropy % 0x4000, GENEVE_PORT,
                                     struct.pack("!HHI", 0, ETHER_IN_GRE, identifier << 8) + inner, sum_it=False))
    if kind == "nvgre":  # RFC 7637 section 3.2: VSID and FlowID
        return ip(src, dst, GRE, struct.pack("!HHI", 0x2000, ETHER_IN_GRE, identifier << 8 | entropy & 0xFF) + inner)
    if kind == "gre":  # RFC 2890
        return ip(src, dst, GRE, struct.pack("!HHI", 0x2000, ETHER_IN_GRE, identifier) + inner)
    if kind == "gre-ip":
        return ip(src, dst, GRE, struct.pack("!HHI", 0x2000, ETHERTYPE[inner[0] >> 4], identifier) + inner)
    if kind == "ipip":
        return ip(src, dst, IPIP[inner[0] >> 4], inner)
    if kind == "stt":  # draft-davie-stt-08: one segment that is the whole frame
        frame = struct.pack("!BBBBHHQH", 0, 0, 0, 0, 0, 0, identifier, 0) + inner
        return ip(src, dst, TCP, tcp(src, dst, 0xC000 + entropy % 0x4000, STT_PORT, len(frame) << 16, entropy, 0x18, frame))
    raise ValueError(f"no tunnel kind '{kind}'")


def turned_around(frame):
    """What the receiver of a UDP datagram in an untagged frame answers: both ends exchanged. All
    checksums stay right, since they are sums."""
    ends = frame[6:12] + frame[:6] + frame[12:14]
    if frame[12:14] == b"\x08\x00":
        head = 14 + (frame[14] & 15) * 4
        addresses = frame[14:26] + frame[30:34] + frame[26:30] + frame[34:head]
    else:
        head = 54
        addresses = frame[14:22] + frame[38:54] + frame[22:38]
    return ends + addresses + frame[head + 2:head + 4] + frame[head:head + 2] + frame[head + 4:]

# SPDX-License-Identifier: Apache-2.0
"""The tunnel kinds as scapy builds them: a frame as a remote sends it, and what adit has to send."""

import struct

from scapy.contrib.geneve import GENEVE
from scapy.layers.inet import IP, TCP, UDP
from scapy.layers.inet6 import IPv6
from scapy.layers.l2 import GRE, Ether
from scapy.layers.vxlan import VXLAN
from scapy.packet import Raw

from harness import Free

OUR_MAC = "02:00:00:00:00:01"
OURS = {4: "192.0.2.1", 6: "2001:db8::1"}
ETHER_IN_GRE = 0x6558


class Kind:
    """One tunnel kind: its name, a remote's keys in the YAML, and its header by scapy."""

    def __init__(self, name, keys, header, udp=None):
        self.name, self.keys, self.header, self.udp = name, keys, header, udp


def vxlan(entropy):
    return VXLAN(flags="Instance", vni=100)


def geneve(entropy):
    return GENEVE(vni=0xABCDEF, proto=ETHER_IN_GRE)


def nvgre(entropy):
    return GRE(key_present=1, key=0x123456 << 8 | entropy, proto=ETHER_IN_GRE)


def gre(**fields):
    def header(entropy):
        return GRE(proto=ETHER_IN_GRE, **fields)

    return header


CONTEXT_ID = 0xFEDCBA9876543210
STT_PORT = 7471


def stt_frame(inner, flags=0, l4_offset=0, mss=0, tci=0, context_id=CONTEXT_ID, version=0):
    """STT frame header (draft-davie-stt-08 section 3.1) and inner frame."""
    return struct.pack("!BBBBHHQH", version, flags, l4_offset, 0, mss, tci, context_id,
                       0) + bytes(inner)


def stt_tcp(frame, offset, last, sport, packet_id, length=None, **fields):
    """The TCP-like header of a segment that begins at `offset` of the frame."""
    length = len(frame) if length is None else length
    return TCP(**{"sport": sport, "dport": STT_PORT, "seq": length << 16 | offset,
                  "ack": packet_id, "flags": "PA" if last else "A", "window": 0,
                  "dataofs": 5} | fields)


def stt_segments(frame, size, family, ends, macs, *, sport=51234, packet_id=7, tos=0, ttl=64,
                 label=0, cuts=None, **fields):
    """The frame in segments of at most `size` bytes of payload, or cut where `cuts` says."""
    cuts = cuts or range(0, len(frame), size)
    cuts = [*cuts, len(frame)]
    (src, dst), (src_mac, dst_mac) = ends, macs
    result = []
    for begin, end in zip(cuts, cuts[1:]):
        if family == 4:
            ip = IP(src=src, dst=dst, tos=tos, ttl=ttl, flags="DF", id=0)
        else:
            ip = IPv6(src=src, dst=dst, tc=tos, hlim=ttl, fl=label)
        tcp = stt_tcp(frame, begin, end == len(frame), sport, packet_id, **fields)
        result.append(bytes(Ether(src=src_mac, dst=dst_mac) / ip / tcp / Raw(frame[begin:end])))
    return result


KINDS = [
    Kind("vxlan", "kind: vxlan", vxlan, 4789),
    Kind("geneve", "kind: geneve, id: 0xABCDEF".replace("0xABCDEF", str(0xABCDEF)), geneve, 6081),
    Kind("nvgre", f"kind: nvgre, id: {0x123456}", nvgre),
    Kind("gre", "kind: gre", gre()),
    Kind("gre-key", f"kind: gre, id: {0xDEADBEEF}", gre(key_present=1, key=0xDEADBEEF)),
    Kind("gre-key-0", "kind: gre, id: 0", gre(key_present=1, key=0)),
    Kind("gre-checksum", "kind: gre, checksum: true", gre(chksum_present=1)),
    Kind("gre-key-checksum", "kind: gre, id: 7, checksum: true",
         gre(key_present=1, key=7, chksum_present=1)),
    Kind("stt", f"kind: stt, id: {CONTEXT_ID}", None),
]


def address(family, number):
    return f"192.0.2.{number}" if family == 4 else f"2001:db8::{number:x}"


def mac(number):
    return f"02:00:00:00:00:{number:02x}"


def outer(kind, inner, family, ends, macs, *, label=0, sport=51234, flow_id=0, tos=0, ttl=64,
          checksum=True, header=None):
    """The whole frame: Ethernet, IP, the tunnel's header, the inner frame."""
    (src, dst), (src_mac, dst_mac) = ends, macs
    if family == 4:
        ip = IP(src=src, dst=dst, tos=tos, ttl=ttl, flags="DF", id=0)
    else:
        ip = IPv6(src=src, dst=dst, tc=tos, hlim=ttl, fl=label)
    if kind.name == "stt":
        return stt_segments(header or stt_frame(inner), 65535, family, ends, macs, sport=sport,
                            packet_id=flow_id, tos=tos, ttl=ttl, label=label)[0]
    if not kind.udp:
        ip.proto = ip.nh = 47
    packet = Ether(src=src_mac, dst=dst_mac) / ip
    if kind.udp:
        zero = {"chksum": 0} if family == 4 or not checksum else {}
        packet /= UDP(sport=sport, dport=kind.udp, **zero)
        return bytes(packet / (header or kind.header(0)) / Raw(bytes(inner)))
    return bytes(packet / (header or kind.header(flow_id)) / Raw(bytes(inner)))


def from_remote(kind, inner, family, number, **fields):
    """What remote `number` sends us."""
    return outer(kind, inner, family, (address(family, number), OURS[family]),
                 (mac(number), OUR_MAC), **fields)


def to_remote(kind, inner, family, number, **fields):
    """What we have to send to remote `number`: all but the entropy is determined."""
    def build(got):
        choice = {}
        if family == 6:
            choice["label"] = int.from_bytes(got[14:18], "big") & 0xFFFFF
        end = 34 if family == 4 else 54
        if kind.name == "stt":
            choice["flow_id"] = int.from_bytes(got[end + 8:end + 12], "big")
        if kind.udp or kind.name == "stt":
            choice["sport"] = int.from_bytes(got[end:end + 2], "big")
            if choice["sport"] < 49152:
                return b"the source port is not of the dynamic range"
        elif kind.name == "nvgre":
            choice["flow_id"] = got[end + 7]
        return outer(kind, inner, family, (OURS[family], address(family, number)),
                     (OUR_MAC, mac(number)), **choice, **fields)

    example = outer(kind, inner, family, (OURS[family], address(family, number)),
                    (OUR_MAC, mac(number)), **fields)
    return Free(build, example)


__all__ = [name for name in dir() if not name.startswith("_")]

# SPDX-License-Identifier: Apache-2.0
"""The tunnel kinds as scapy builds them: a frame as a remote sends it, and what adit has to send."""

import struct

from scapy.contrib.geneve import GENEVE
from scapy.layers.inet import IP, UDP
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
    packet = Ether(src=src_mac, dst=dst_mac) / ip
    if kind.udp:
        zero = {"chksum": 0} if family == 4 or not checksum else {}
        packet /= UDP(sport=sport, dport=kind.udp, **zero)
        return bytes(packet / (header or kind.header(0)) / Raw(bytes(inner)))
    # Nothing scapy would add by itself may stand between the header and the frame.
    ip.proto = ip.nh = 47
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
        if kind.udp:
            choice["sport"] = int.from_bytes(got[end:end + 2], "big")
            if choice["sport"] < 49152:
                return b"the source port is not of the dynamic range"
        else:
            choice["flow_id"] = got[end + 7] if kind.name == "nvgre" else 0
        return outer(kind, inner, family, (OURS[family], address(family, number)),
                     (OUR_MAC, mac(number)), **choice, **fields)

    example = outer(kind, inner, family, (OURS[family], address(family, number)),
                    (OUR_MAC, mac(number)), **fields)
    return Free(build, example)


__all__ = [name for name in dir() if not name.startswith("_")]

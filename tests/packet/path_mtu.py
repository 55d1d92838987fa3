# SPDX-License-Identifier: Apache-2.0
"""A network with a remote of each tunnel kind, and ICMP errors of routers about what is sent to them."""

import frames
import tunnels
from harness import announcement
from nd_frames import unsolicited
from routed_frames import too_big
from tunnels import KINDS, OUR_MAC, OURS, address, mac, to_remote

from scapy.layers.inet import IP, UDP
from scapy.layers.inet6 import IPv6
from scapy.layers.l2 import Ether
from scapy.packet import Raw

START = {"uplink": [announcement(), unsolicited(OUR_MAC, OURS[6])]}
NEAR = frames.host(10, 1)
FAMILIES = (4, 6)
NUMBERS = {(kind.name, family): 2 + 2 * i + (family == 6)
           for i, kind in enumerate(KINDS) for family in FAMILIES}
# From outer IP header to inner frame.
HEADERS = {kind.name: len(tunnels.outer(kind, b"", 4, ("192.0.2.1", "192.0.2.2"), (OUR_MAC, mac(2)))) - 34
           for kind in KINDS if kind.name != "stt"}
NARROW = 1290  # leaves less than 1280 inside


def ip_bytes(family):
    return 20 if family == 4 else 40


def config(keys=""):
    remotes, macs, neighbours = "", "", ""
    for kind in KINDS:
        for family in FAMILIES:
            number = NUMBERS[kind.name, family]
            remotes += f'      - {{address: "{address(family, number)}", {kind.keys}}}\n'
            macs += f'      - {{mac: "{frames.host(1, number)}", remote: "{address(family, number)}"}}\n'
            neighbours += f'  - {{address: "{address(family, number)}", mac: "{mac(number)}"}}\n'
    return f"""
ports:
  uplink: {{device: tap:up0, mtu_bytes: 1600, mac: {OUR_MAC}, addresses: [192.0.2.1/24, "2001:db8::1/64"]}}
  red0: {{device: tap:red0, mtu_bytes: 9000}}
neighbours:
{neighbours}networks:
  red:
    vni: 100
    {keys}
    members: [{{port: red0}}]
    remotes:
{remotes}    static_macs:
      - {{mac: "{NEAR}", port: red0}}
{macs}  other:
    vni: 101
    remotes: [{{address: 192.0.2.2}}]
"""


def big(number, size, family=4):
    """A frame with an IP packet of `size` bytes to the host behind the remote."""
    if family == 4:
        return frames.udp(NEAR, frames.host(1, number), size=size - 28, flags="DF")
    return frames.udp6(NEAR, frames.host(1, number), size=size - 48)


def error_about(sent, error, most=1280, src=None, dst=None):
    """A router's ICMP about an outer packet of ours, with the first `most` bytes of it."""
    if sent.version == 4:
        packet = IP(src=src or "203.0.113.7", dst=dst or sent.src)
    else:
        packet = IPv6(src=src or "2001:db8:9::7", dst=dst or sent.src)
    return bytes(Ether(src=mac(2), dst=OUR_MAC) / packet / error / Raw(bytes(sent)[:most]))


def any_of(size):
    """Whatever frame of that size."""
    return tunnels.Free(lambda got: got, bytes(size))


def outer_of(kind, family, number, frame):
    sent = to_remote(kind, frame, family, number).frame
    return Ether(sent)[IP if family == 4 else IPv6]


def told(frame, mtu):
    packet = Ether(frame)
    layer = packet[IP] if IP in packet else packet[IPv6]
    version = layer.version
    head = (IP(src=layer.dst, dst=layer.src, id=0, ttl=64) if version == 4
            else IPv6(src=layer.dst, dst=layer.src, hlim=64))
    most = 576 - 28 if version == 4 else 1280 - 48
    return bytes(Ether(src=packet.dst, dst=packet.src) / head / too_big(version, mtu) /
                 Raw(bytes(layer)[:most]))


def changed(sent, **fields):
    """The outer packet with other fields, its checksum made anew."""
    packet = IP(bytes(sent))
    for name in ("sport", "dport"):
        if name in fields:
            setattr(packet[UDP], name, fields.pop(name))
    for name, value in fields.items():
        setattr(packet, name, value)
    del packet.chksum
    return packet


def without_df(frame):
    """The same outer packet as one that routers may fragment; its id is adit's choice."""
    def build(got):
        packet = Ether(frame.build(got) if isinstance(frame, tunnels.Free) else frame)
        packet[IP].flags, packet[IP].id = 0, int.from_bytes(got[18:20], "big")
        del packet[IP].chksum
        return bytes(packet)
    return tunnels.Free(build, frame.frame if isinstance(frame, tunnels.Free) else frame)


def in_parts(run, name, send, payload, most, port="uplink", same=lambda data: data):
    """One IPv6 packet leaves in fragments of at most `most` bytes, with that behind its header."""
    step, sizes = (most - 48) // 8 * 8, []
    for at in range(0, len(payload), step):
        sizes.append(48 + min(step, len(payload) - at))

    def check(got, _):
        packets = sorted((IPv6(each[14:]) for each in got[port]),
                         key=lambda each: int.from_bytes(bytes(each)[42:44], "big"))
        data = b"".join(bytes(each)[48:] for each in packets)
        ids = {bytes(each)[44:48] for each in packets}
        more = [bytes(each)[43] & 1 for each in packets]
        if same(data) != same(payload) or len(ids) != 1 or more != [1] * (len(packets) - 1) + [0]:
            return [f"not what was sent: {packets}"]
        return []

    run.case(name, send, {port: [any_of(14 + size) for size in sizes]}, check=check)

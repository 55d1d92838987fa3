# SPDX-License-Identifier: Apache-2.0
"""What the tests of load balancing share: tenants with clients and backends, packets by scapy, and
what a gateway has to make of them."""

from harness import Scenario, announcement
from nd_frames import unsolicited
from tunnels import OUR_MAC, OURS

from scapy.layers.inet import ICMP, IP, TCP, UDP
from scapy.layers.inet6 import ICMPv6DestUnreach, ICMPv6ParamProblem, ICMPv6TimeExceeded, IPv6
from scapy.layers.l2 import ARP, Ether
from scapy.layers.sctp import SCTP, crc32c
from scapy.packet import Raw

import frames

CLIENT_MAC, EDGE_MAC, BACK_MAC = "02:00:00:00:0a:01", "02:00:00:00:00:b1", "02:00:00:00:00:b2"
GREEN_MAC, RED_MAC, RED_BACK_MAC = "02:00:00:00:00:c1", "02:00:00:00:00:d1", "02:00:00:00:00:d2"
NET_MAC = "02:ad:17:00:00:64"  # of the gateway of the network with VNI 100
VERSIONS = (4, 6)
GATEWAY = {4: "10.1.0.254", 6: "fd01::fe"}
BACK_GATEWAY = {4: "10.2.0.254", 6: "fd02::fe"}
LOCAL = {4: "10.9.1.1", 6: "fd09:1::1"}  # of full NAT


def client(version, number=1):
    return f"10.1.0.{number}" if version == 4 else f"fd01::{number}"


def vip(version, number):
    return f"10.9.0.{number}" if version == 4 else f"fd09::{number}"


def backend(version, number, net=2):
    return f"10.{net}.0.{number}" if version == 4 else f"fd0{net}::{number}"


def backend_mac(number, net=2):
    return f"02:00:00:00:{net:02x}:{number:02d}"


def config(services, balancer="", more="", back_mtu=1500, extra_neighbours="", reassemble=""):
    def neighbours(net, numbers):
        return "".join(f'      - {{address: "{backend(v, n, net)}", mac: "{backend_mac(n, net)}"}}\n'
                       for n in numbers for v in VERSIONS)

    clients = "".join(f'      - {{address: "{client(v, n)}", mac: "{CLIENT_MAC}"}}\n'
                      for n in (1, 2, 3) for v in VERSIONS)
    return f"""
ports:
  uplink: {{device: tap:up0, mtu_bytes: 1600, mac: {OUR_MAC}, addresses: [192.0.2.1/24, "2001:db8::1/64"]}}
  edge0: {{device: tap:edge0, mac: "{EDGE_MAC}", addresses: [10.1.0.254/24, "fd01::fe/64"]}}
  back0: {{device: tap:back0, mac: "{BACK_MAC}", mtu_bytes: {back_mtu}, addresses: [10.2.0.254/24, "fd02::fe/64"]}}
  green0: {{device: tap:green0, mac: "{GREEN_MAC}", addresses: [10.2.0.254/24, "fd02::fe/64"]}}
  red0: {{device: tap:red0, mac: "{RED_MAC}", addresses: [10.1.0.254/24, "fd01::fe/64"]}}
  red1: {{device: tap:red1, mac: "{RED_BACK_MAC}", addresses: [10.2.0.254/24, "fd02::fe/64"]}}
neighbours:
  - {{address: 192.0.2.2, mac: "02:00:00:00:00:02"}}
{extra_neighbours}{reassemble}networks: {{vx: {{vni: 100, remotes: [{{address: 192.0.2.2}}]}}}}
vrfs:
  blue:
    ports: [edge0, back0]
    networks: {{vx: {{addresses: [10.4.0.254/24, "fd04::fe/64"]}}}}
    neighbours:
{clients}{neighbours(2, (11, 12, 13))}{neighbours(4, (11,))}
  green:
    ports: [green0]
    neighbours:
{neighbours(2, (11, 12))}
  red:
    ports: [red0, red1]
    neighbours:
{clients}{neighbours(2, (11, 12))}
{more}balancer: {{{balancer}}}
services:
{services}"""


PORTS = ["uplink", "edge0", "back0", "green0", "red0", "red1"]


def both(mac, net):
    return [announcement(mac, f"10.{net}.0.254"), unsolicited(mac, f"fd0{net}::fe", router=1)]


START = {
    "uplink": [announcement(), unsolicited(OUR_MAC, OURS[6])] +
              [frames.encapsulated(frame, 100, 2) for frame in both(NET_MAC, 4)],
    "edge0": both(EDGE_MAC, 1), "back0": both(BACK_MAC, 2), "green0": both(GREEN_MAC, 2),
    "red0": both(RED_MAC, 1), "red1": both(RED_BACK_MAC, 2),
}


def scenario(name, text, start=None, stray=None, ports=None):
    return Scenario(name, text, ports or PORTS, start=start or START, stray=stray)


def service(name, version, number, port=80, *, vrf="blue", backends=(11,), net=2, weights=None,
            backend_port=8080, backend_keys="", **keys):
    """A service of the virtual address `number`; its backends by number."""
    keys = {"scheduler": "rr"} | keys
    text = f'  {name}:\n    vrf: {vrf}\n    address: "{vip(version, number)}"\n    port: {port}\n'
    text += "".join(f"    {key}: {value}\n" for key, value in keys.items())
    text += "    backends:\n" if backends else ""
    for i, one in enumerate(backends):
        address = one if isinstance(one, str) else backend(version, one, net)
        weight = f", weight: {weights[i]}" if weights else ""
        where = f", port: {backend_port}" if backend_port else ""
        text += f'      - {{address: "{address}"{where}{weight}{backend_keys}}}\n'
    return text


def ip(version, src, dst, ttl=64, tos=0, **fields):
    if version == 4:
        return IP(src=src, dst=dst, ttl=ttl, tos=tos, **({"flags": "DF", "id": 7} | fields))
    return IPv6(src=src, dst=dst, hlim=ttl, tc=tos, **fields)


def tcp(version, src, dst, flags="S", sport=1000, dport=80, size=0, seq=1000, ack=None,
        may_cut=False, **fields):
    if may_cut:
        fields["flags"] = 0
    ack = (2000 if "A" in flags else 0) if ack is None else ack
    head = TCP(sport=sport, dport=dport, flags=flags, seq=seq, ack=ack)
    return ip(version, src, dst, **fields) / head / Raw(pattern(size))


def pattern(size):
    return bytes(i * 7 & 0xFF for i in range(size))


def udp(version, src, dst, sport=1000, dport=80, size=20, **fields):
    return ip(version, src, dst, **fields) / UDP(sport=sport, dport=dport) / Raw(pattern(size))


def hop(packet, hops=1):
    """The packet one hop further."""
    packet = packet.copy()
    if packet.version == 4:
        packet.ttl -= hops
        packet.chksum = None
    else:
        packet.hlim -= hops
    return packet


def rewritten(packet, src=None, dst=None, sport=None, dport=None):
    """The packet with other ends, one hop further; its checksums by scapy."""
    packet = hop(packet)
    packet.src, packet.dst = src or packet.src, dst or packet.dst
    l4 = next(layer for layer in (TCP, UDP, SCTP) if layer in packet)
    l4 = packet[l4]
    l4.sport, l4.dport = sport or l4.sport, dport or l4.dport
    l4.chksum = None
    return packet


def frame(packet, src, dst):
    kind = 0x0800 if bytes(packet)[0] >> 4 == 4 else 0x86DD
    return bytes(Ether(src=src, dst=dst, type=kind) / packet)


def with_source_port(whole, port):
    """A frame of scapy's, of TCP, UDP or SCTP, with another source port: thousands take scapy long."""
    at, protocol = (34, whole[23]) if whole[14] >> 4 == 4 else (54, whole[20])
    if protocol != 132:
        return frames.with_word(whole, at, port, at + {6: 16, 17: 6}[protocol])
    segment = port.to_bytes(2, "big") + whole[at + 2:at + 8] + bytes(4) + whole[at + 12:]
    return whole[:at] + segment[:8] + crc32c(segment).to_bytes(4, "big") + segment[12:]


def from_client(packet):
    return "edge0", frame(packet, CLIENT_MAC, EDGE_MAC)


def to_client(packet):
    return {"edge0": frame(packet, EDGE_MAC, CLIENT_MAC)}


def from_backend(packet, number=11):
    return "back0", frame(packet, backend_mac(number), BACK_MAC)


def to_backend(packet, number=11):
    return {"back0": frame(packet, BACK_MAC, backend_mac(number))}


def sctp(version, src, dst, chunk, sport=1000, dport=80):
    return ip(version, src, dst) / SCTP(sport=sport, dport=dport, tag=7) / chunk


def served(run, one, number=11, **fields):
    """A packet that its service takes."""
    where = backend(one.version, number)
    return run.case(f"IPv{one.version} {one.summary()}", from_client(one),
                    to_backend(rewritten(one, dst=where, dport=8080), number), **fields)


NO_PORT = {4: ICMP(type=3, code=3), 6: ICMPv6DestUnreach(code=4)}


def is_of_destination(error):
    """A closed port, fragments that are wrong or incomplete: not a router's."""
    if isinstance(error, ICMP):
        return (error.type, error.code) in ((3, 3), (11, 1))
    return isinstance(error, ICMPv6ParamProblem) or (isinstance(error, (ICMPv6DestUnreach, ICMPv6TimeExceeded)) and
                                                     error.code == (4 if isinstance(error, ICMPv6DestUnreach) else 1))


def icmp_about(packet, error, source=None):
    """The ICMP error about the packet, to its sender."""
    version = packet.version
    quote = bytes(packet)[:576 - 28 if version == 4 else 1280 - 48]
    source = source or (packet.dst if is_of_destination(error) else GATEWAY[version])
    if version == 4:
        return IP(src=source, dst=packet.src, id=0, ttl=64) / error / Raw(quote)
    return IPv6(src=source, dst=packet.src, hlim=64) / error / Raw(quote)


def reset(packet):
    """RFC 9293 section 3.5.2: the answer to a segment that nobody expects."""
    segment = packet[TCP]
    if segment.flags.A:
        answer = TCP(flags="R", seq=segment.ack)
    else:
        length = len(bytes(segment.payload)) + segment.flags.S + segment.flags.F
        answer = TCP(flags="RA", seq=0, ack=segment.seq + length)
    answer.sport, answer.dport, answer.window = segment.dport, segment.sport, 0
    if packet.version == 4:
        return IP(src=packet.dst, dst=packet.src, id=0, flags="DF", ttl=64) / answer
    return IPv6(src=packet.dst, dst=packet.src, hlim=64) / answer


def arp(op, src_mac, src, dst_mac, dst, asked="00:00:00:00:00:00"):
    return bytes(Ether(src=src_mac, dst=dst_mac) /
                 ARP(op=op, hwsrc=src_mac, psrc=src, hwdst=asked, pdst=dst))


__all__ = [name for name in dir() if not name.startswith("_")]

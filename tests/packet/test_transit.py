# SPDX-License-Identifier: Apache-2.0
"""A service changes nothing that is not its own: packets between hosts of a VRF, by every kind of link
and as odd as they come, leave as they would without services, and are dropped for the same reasons."""

import collections
import itertools
import random

from frames import arriving, options_body, tagged
from harness import SECOND, START_NS, accounting_problems, main, run_replay, tap
from fragments import cut

from scapy.layers.inet import ICMP, IP, TCP, UDP, IPOption_RR, IPOption_Router_Alert
from scapy.layers.inet6 import ICMPv6Unknown, IPv6
from scapy.layers.l2 import Ether
from scapy.packet import Raw

PORTS = ["uplink", "edge0", "back0", "trunk0"]
MACS = {"edge0": "02:00:00:00:00:b1", "back0": "02:00:00:00:00:b2", "trunk0": "02:00:00:00:00:b3"}
NET_MAC = "02:ad:17:00:00:64"
# By name: number of the subnet and in it. A backend of NAT is one of them.
HOSTS = {"client": (1, 1), "backend": (2, 11), "other": (2, 12), "net": (4, 11), "vlan": (5, 11), "tunnel": (6, 11)}


def address(host, version):
    net, number = HOSTS[host]
    return f"10.{net}.0.{number}" if version == 4 else f"fd0{net}::{number}"


def mac(host):
    net, number = HOSTS[host]
    return f"02:00:00:00:{net:02d}:{number:02d}"


BASE = """
ports:
  uplink: {device: tap:up0, mtu_bytes: 1700, mac: "02:00:00:00:00:01", addresses: [192.0.2.1/24]}
  edge0: {device: tap:edge0, mac: "02:00:00:00:00:b1", addresses: [10.1.0.254/24, "fd01::fe/64"]}
  back0: {device: tap:back0, mac: "02:00:00:00:00:b2", mtu_bytes: 1400, addresses: [10.2.0.254/24, "fd02::fe/64"]}
  trunk0: {device: tap:trunk0, mac: "02:00:00:00:00:b3"}
neighbours:
  - {address: 192.0.2.2, mac: "02:00:00:00:00:02"}
  - {address: 192.0.2.3, mac: "02:00:00:00:00:03"}
networks: {vx: {vni: 100, remotes: [{address: 192.0.2.2}]}}
vrfs:
  blue:
    ports: [edge0, back0]
    vlans: [{port: trunk0, vlan: 5, addresses: [10.5.0.254/24, "fd05::fe/64"]}]
    networks: {vx: {addresses: [10.4.0.254/24, "fd04::fe/64"]}}
    tunnels: {site: {kind: ipip, address: 192.0.2.3, addresses: [10.6.0.1/24, "fd06::1/64"]}}
    neighbours:
""" + "".join(f'      - {{address: "{address(host, version)}", mac: "{mac(host)}"}}\n'
              for host in HOSTS if host != "tunnel" for version in (4, 6))

SERVICES = "services:\n" + "".join(f"""
  nat{v}: {{vrf: blue, address: "{vip}", port: 80, protocol: udp, backends: [{{address: "{backend}", port: 8080}}]}}
  tcp{v}: {{vrf: blue, address: "{vip}", port: 80, backends: [{{address: "{backend}", port: 8080}}]}}
  full{v}: {{vrf: blue, address: "{vip}", port: 81, forwarding: fullnat, backends: [{{address: "{backend}", port: 8081}}],
             local_addresses: [10.9.9.1, "fd09:9::1"]}}
  direct{v}: {{vrf: blue, address: "{vip}", port: 82, forwarding: direct, backends: [{{address: "{backend}"}}]}}
  wrapped{v}: {{vrf: blue, address: "{vip}", port: 83, forwarding: tunnel, backends: [{{address: "{backend}"}}]}}
""" for v, vip, backend in ((4, "10.9.0.1", "10.2.0.11"), (6, "fd09::1", "fd02::11")))


def enter(host, packet):
    """(port, frame) of what a host sends to its gateway."""
    raw = bytes(packet)
    kind = 0x0800 if raw[0] >> 4 == 4 else 0x86DD
    if host == "tunnel":
        outer = IP(src="192.0.2.3", dst="192.0.2.1", proto=4 if kind == 0x0800 else 41, flags="DF", id=0)
        return "uplink", bytes(Ether(src="02:00:00:00:00:03", dst="02:00:00:00:00:01") / outer / Raw(raw))
    port = {1: "edge0", 2: "back0", 4: "uplink", 5: "trunk0"}[HOSTS[host][0]]
    frame = bytes(Ether(src=mac(host), dst=MACS.get(port, NET_MAC), type=kind)) + raw
    if host == "net":
        frame = arriving(frame, 100, 2)
    return port, tagged(frame, 5) if host == "vlan" else frame


def ip(version, src, dst, protocol, payload, **fields):
    if version == 4:
        return IP(bytes(IP(**{"src": src, "dst": dst, "proto": protocol, "id": 1} | fields) / Raw(payload)))
    return IPv6(bytes(IPv6(**{"src": src, "dst": dst, "nh": protocol} | fields) / Raw(payload)))


def bodies(rng, version, src, dst):
    """(name, protocol, what follows the IP header)"""
    def whole(l4):
        return bytes((IP if version == 4 else IPv6)(src=src, dst=dst) / l4)[20 if version == 4 else 40:]

    yield "UDP", 17, whole(UDP(sport=7, dport=9) / Raw(bytes(rng.choice((0, 1, 900)))))
    yield "UDP without checksum", 17, whole(UDP(sport=7, dport=9, chksum=0) / b"abc")
    yield "UDP with a length beyond", 17, whole(UDP(sport=7, dport=9, len=500) / b"abc")
    yield "UDP cut", 17, whole(UDP(sport=7, dport=9))[:rng.randrange(8)]
    for flags in ("S", "SA", "A", "R", "FA", "", "SF", "FPU"):
        yield f"TCP {flags}", 6, whole(TCP(sport=rng.choice((7, 80)), dport=rng.choice((9, 80, 8080)), flags=flags))
    yield "TCP with a wrong offset", 6, whole(TCP(dataofs=rng.choice((0, 4, 15))))
    yield "TCP cut", 6, whole(TCP())[:rng.randrange(20)]
    yield "SCTP cut", 132, bytes(rng.randrange(16))
    for protocol in (47, 50, 51, 59, 4, 41, 255):
        yield f"protocol {protocol}", protocol, rng.randbytes(rng.choice((0, 1, 40, 200)))
    for kind in (0, 8, 9, 13, 40, 255) if version == 4 else (0, 100, 128, 129, 130, 143, 255):
        yield f"ICMP {kind}", 1 if version == 4 else 58, icmp(version, src, dst, kind, 0, bytes(30))


def icmp(version, src, dst, kind, code, data):
    if version == 4:
        return bytes(ICMP(type=kind, code=code) / Raw(data))[:8] + data
    return bytes(IPv6(src=src, dst=dst) / ICMPv6Unknown(type=kind, code=code, msgbody=bytes(4) + data))[40:]


def errors(rng, version, src, dst, about):
    """ICMP errors about a packet from `dst` to `about`."""
    head = 20 if version == 4 else 40
    kinds = ((3, 1), (3, 3), (3, 4), (11, 0), (12, 0), (4, 0), (5, 1)) if version == 4 else (
        (1, 0), (1, 4), (2, 0), (3, 0), (4, 0), (4, 1))
    long = (IP if version == 4 else IPv6)(bytes((IP if version == 4 else IPv6)(src=dst, dst=about) /
                                              UDP(sport=7, dport=9) / Raw(bytes(2000))))
    first, later = cut(long, 1200, 9)
    quotes = [("the first fragment", bytes(first)[:head + 40]), ("a later fragment", bytes(later)[:head + 40]),
              ("what is none", rng.randbytes(60))]
    for name, protocol, body in rng.sample(list(bodies(rng, version, dst, about)), 4):
        quoted = bytes(ip(version, dst, about, protocol, body))
        quotes += [(name, quoted), (f"{name}, cut", quoted[:rng.randrange(len(quoted) + 1)])]
    for name, quote in quotes:
        kind, code = rng.choice(kinds)
        yield f"ICMP {kind}.{code} about {name}", 1 if version == 4 else 58, icmp(version, src, dst, kind, code, quote)


def arranged(rng, parts):
    how = rng.randrange(6)
    if how == 0:
        return rng.sample(parts, len(parts))
    return [parts, parts[::-1], parts[:1], parts[1:], [part for part in parts for _ in (0, 1)]][how - 1]


def extended(rng, version, src, dst):
    """With options or extension headers."""
    if version == 4:
        for option in (IPOption_RR(routers=["0.0.0.0"] * 2), IPOption_Router_Alert()):
            yield "options", IP(bytes(IP(src=src, dst=dst, options=[option]) / UDP(sport=7, dport=9) / b"x"))
        return
    after = bytes(UDP(sport=7, dport=9, len=8))
    for kinds in ((0,), (60,), (43,), (44,), (0, 44), (60,) * 8, (60,) * 9, (44, 60), (0, 60, 43, 44, 60)):
        chain = b"".join(bytes([following]) + {
            44: bytes(7), 43: bytes([2, 2, rng.randrange(2)]) + bytes(20)}.get(kind, options_body(bytes(6)))
            for kind, following in zip(kinds, (*kinds[1:], 17)))
        yield f"extension headers {kinds}", ip(6, src, dst, kinds[0], chain + after)


def cases(rng, version, one, other):
    """(name, packets of the host `one` to the host `other`)"""
    src, dst = address(one, version), address(other, version)
    ids = itertools.count(rng.randrange(1, 50000))
    for name, protocol, body in bodies(rng, version, src, dst):
        whole = ip(version, src, dst, protocol, body)
        yield name, [whole]
        if len(body) > 8:
            yield f"{name} in fragments", arranged(rng, cut(whole, rng.choice((8, 16, 64, 400)), next(ids)))
    for about in ("client", "other", "vlan"):
        if about == other:
            continue
        for name, protocol, body in errors(rng, version, src, dst, address(about, version)):
            whole = ip(version, src, dst, protocol, body)
            yield name, [whole]
            # The first fragment shows at least the addresses.
            parts = cut(whole, rng.choice((40 if version == 4 else 56, 64)), next(ids))
            yield f"{name}, in fragments", arranged(rng, parts)
    for size in (1300, 1500, 2500, 9000):
        whole = ip(version, src, dst, 17, bytes(UDP(sport=7, dport=9, len=size)) + bytes(size - 8))
        yield f"{size} bytes in fragments", arranged(rng, cut(whole, rng.choice((400, 1200)), next(ids)))
        if size <= 1500:
            yield f"{size} bytes", [whole]
    for name, packet in extended(rng, version, src, dst):
        yield name, [packet]


def by_every_link():
    rng = random.Random(1)
    inputs, names, now = collections.defaultdict(list), {}, START_NS + SECOND
    for version in (4, 6):
        for one, other in (("client", "backend"), ("backend", "client"), ("other", "net"), ("net", "tunnel"),
                           ("tunnel", "vlan"), ("vlan", "client")):
            for name, packets in cases(rng, version, one, other):
                for packet in packets:
                    port, frame = enter(one, packet)
                    inputs[port].append((now, frame))
                    names[port, len(inputs[port])] = f"IPv{version} from {one} to {other}, {name}"
                    now += 10_000
                now += 2_000_000
    for port in PORTS:  # lets the time pass
        inputs[port].append((now + 4 * SECOND, b""))
    without, beside = (run_replay(text, dict(inputs), PORTS) for text in (BASE, BASE + SERVICES))
    for name, run in (("without services", without), ("beside services", beside)):
        tap.result(f"{len(names)} packets {name} are accounted for", accounting_problems(run))
    drops = []
    for run in (without, beside):
        reasons = collections.defaultdict(list)
        for drop in run.report["drops"]:
            reasons[drop["port"], drop["packet"]].append(drop["reason"])
        drops.append({key: sorted(value) for key, value in reasons.items()})
    tap.result("the same is dropped", [
        f"{names.get(key, key)}: {drops[0].get(key)} without services, {drops[1].get(key)} beside them"
        for key in sorted({*drops[0], *drops[1]}) if drops[0].get(key) != drops[1].get(key)])
    for port in PORTS:
        one, other = (collections.Counter(frame for _, frame in run.outputs[port]) for run in (without, beside))
        tap.result(f"the same leaves by {port}",
                   [f"without services alone: {frame.hex()}" for frame in one - other] +
                   [f"beside services alone: {frame.hex()}" for frame in other - one])
    tap.check("most packets leave", sum(len(run) for run in beside.outputs.values()) > len(names) // 2)


if __name__ == "__main__":
    main(by_every_link)

# SPDX-License-Identifier: Apache-2.0
"""The express lane of routed packets: what it takes, what it leaves to the pipeline, and that packets of
a flow leave in their order. That both ways give the same bytes, the harness compares in each test."""

import collections
import random

from frames import HOP_BY_HOP, OPTIONS, options_body, patched, tagged, with_headers, with_ip_sum
from harness import MS, START_NS, accounting_problems, main, run_replay, tap
from tunnels import OUR_MAC, OURS, address, mac

from scapy.layers.inet import ICMP, IP, TCP, UDP, IPOption_NOP
from scapy.layers.inet6 import ICMPv6EchoRequest, ICMPv6ND_NS, IPv6
from scapy.layers.l2 import GRE, Ether
from scapy.packet import Raw

PORTS = ["uplink", "blue0", "blue1", "red0"]
MACS = {"blue0": "02:00:00:00:00:b1", "blue1": "02:00:00:00:00:b2", "red0": "02:00:00:00:00:c1"}
HOST = {4: "10.1.0.1", 6: "fd01::1"}
OTHER = {4: "10.4.0.1", 6: "fd04::1"}
HOST_MAC, OTHER_MAC, ROUTER_MAC = "02:00:00:00:0b:01", "02:00:00:00:0b:04", "02:00:00:00:0b:07"
RED_HOST_MAC = "02:00:00:00:0c:01"
AWAY = {4: "10.3.0.9", 6: "fd03::9"}  # behind the router
KINDS = {"ipip": ("kind: ipip", None), "gre": ("kind: gre-ip", {}), "gre-key": ("kind: gre-ip, id: 7", {"key": 7})}
# By kind and underlay: the number of the tunnel's other end.
ENDS = {(kind, family): 16 + 2 * i + (family == 6) for i, kind in enumerate(KINDS) for family in (4, 6)}


def behind(version, number):
    """A host behind the tunnel to that end."""
    return f"10.2.{number}.9" if version == 4 else f"fd02:{number:x}::9"


def config(extra="", vrf="", red="", mtu=1500, services=""):
    neighbours = "".join(f'  - {{address: "{address(family, n)}", mac: "{mac(n)}"}}\n'
                         for (_, family), n in ENDS.items())
    tunnels = "".join(f'      t{n}: {{address: "{address(family, n)}", {KINDS[kind][0]}{extra}}}\n'
                      for (kind, family), n in ENDS.items())
    routes = "".join(f'      - {{to: 10.2.{n}.0/24, tunnel: t{n}}}\n      - {{to: "fd02:{n:x}::/32", tunnel: t{n}}}\n'
                     for n in ENDS.values())
    return f"""
ports:
  uplink: {{device: tap:up0, mtu_bytes: {mtu}, mac: "{OUR_MAC}", addresses: [192.0.2.1/24, "2001:db8::1/64"]}}
  blue0: {{device: tap:blue0, mac: "{MACS['blue0']}", mtu_bytes: 1500, addresses: [10.1.0.254/24, "fd01::fe/64"]}}
  blue1: {{device: tap:blue1, mac: "{MACS['blue1']}", mtu_bytes: 1400, addresses: [10.4.0.254/24, "fd04::fe/64"]}}
  red0: {{device: tap:red0, mac: "{MACS['red0']}", addresses: [10.1.0.254/24, 10.4.0.254/24]}}
neighbours:
{neighbours}  - {{address: 192.0.2.40, mac: "{mac(40)}"}}
vrfs:
  blue:
    ports: [blue0, blue1]
    tunnels:
{tunnels}    routes:
{routes}      - {{to: 10.3.0.0/16, via: 10.4.0.7}}
      - {{to: "fd03::/16", via: "fd04::7"}}
      - {{to: 10.5.0.0/16, via: 10.4.0.77}}
    neighbours:
      - {{address: {HOST[4]}, mac: "{HOST_MAC}"}}
      - {{address: "{HOST[6]}", mac: "{HOST_MAC}"}}
      - {{address: {OTHER[4]}, mac: "{OTHER_MAC}"}}
      - {{address: "{OTHER[6]}", mac: "{OTHER_MAC}"}}
      - {{address: 10.4.0.7, mac: "{ROUTER_MAC}"}}
      - {{address: "fd04::7", mac: "{ROUTER_MAC}"}}
{vrf}
  red:
    ports: [red0]
    tunnels: {{only: {{kind: ipip, address: 192.0.2.40}}}}
    routes: [{{to: 10.2.0.0/16, tunnel: only}}]
    neighbours: [{{address: 10.4.0.1, mac: "{RED_HOST_MAC}"}}, {{address: 10.1.0.1, mac: "{RED_HOST_MAC}"}}]
{red}{services}"""


def packet(version, src, dst, size=64, ttl=64, tos=0, sport=1000, **ip):
    """An IP packet with UDP of `size` bytes in all."""
    if version == 4:
        head = IP(src=src, dst=dst, ttl=ttl, tos=tos, **({"flags": "DF"} | ip))
        return head / UDP(sport=sport, dport=2000) / Raw(bytes(size - 28))
    return IPv6(src=src, dst=dst, hlim=ttl, tc=tos) / UDP(sport=sport, dport=2000) / Raw(bytes(size - 48))


def hop(inner, **fields):
    """The packet one hop further."""
    inner = (IP if inner.version == 4 else IPv6)(bytes(inner))
    if inner.version == 4:
        inner.ttl -= 1
        del inner.chksum
    else:
        inner.hlim -= 1
    for name, value in fields.items():
        setattr(inner, name, value)
    return inner


def frame(inner, port="blue0", src=HOST_MAC, dst=None):
    """As a host sends it."""
    kind = 0x0800 if bytes(inner)[0] >> 4 == 4 else 0x86DD
    return bytes(Ether(src=src, dst=dst or MACS[port], type=kind)) + bytes(inner)


def delivered(inner, port, dst):
    return frame(inner, src=MACS[port], dst=dst)


def wrapped(kind, family, inner, ends, macs, tos=0, ttl=64, label=0, key=None, **outer):
    version, fields = bytes(inner)[0] >> 4, KINDS[kind][1]
    if family == 4:
        ip = IP(**{"src": ends[0], "dst": ends[1], "tos": tos, "ttl": ttl, "flags": "DF", "id": 0} | outer)
    else:
        ip = IPv6(**{"src": ends[0], "dst": ends[1], "tc": tos, "hlim": ttl, "fl": label} | outer)
    ip.proto = ip.nh = (4 if version == 4 else 41) if fields is None else 47
    head = b"" if fields is None else bytes(GRE(proto=0x0800 if version == 4 else 0x86DD,
                                                **({"key_present": 1} | fields if fields else {})))
    return bytes(Ether(src=macs[0], dst=macs[1]) / ip / Raw(head + bytes(inner)))


def arriving(kind, family, inner, number=None, **fields):
    number = number or ENDS[kind, family]
    return wrapped(kind, family, inner, (address(family, number), OURS[family]), (mac(number), OUR_MAC), **fields)


def leaving(kind, family, inner, number=None, **fields):
    """Whether a frame is the wrapped packet; over IPv6 the label is adit's choice."""
    number = number or ENDS[kind, family]

    def is_right(got):
        label = int.from_bytes(got[14:18], "big") & 0xFFFFF if family == 6 else 0
        return got == wrapped(kind, family, inner, (OURS[family], address(family, number)), (OUR_MAC, mac(number)),
                              label=label, **fields)
    return is_right


def replay(text, *bursts):
    """`bursts`: lists of (port, frame) that come at one time."""
    inputs = {}
    for number, burst in enumerate(bursts):
        for port, one in burst:
            inputs.setdefault(port, []).append((START_NS + (number + 1) * 10 * MS, bytes(one)))
    run = run_replay(text, inputs, PORTS, ("--burst", "32"))
    return run, accounting_problems(run)


def sent_by(run, port, begin=START_NS + 10 * MS, end=float("inf")):
    """Without what adit says of its own."""
    return [one for time, one in run.outputs[port]
            if begin <= time < end and one[12:14] != b"\x08\x06" and one[20] != 58]


CASES = {}  # by configuration, and whether their packets are taken


def expect(name, text, burst, count, out=None, drop=None):
    """`count`: how many take the lane, all or none. `out`: port -> frames, or what says whether a frame
    is the right one; where it is given, all of them. `drop`: of each; "": none."""
    assert count in (0, len(burst))
    CASES.setdefault((text, count != 0), []).append((name, burst, out or {}, drop))


def run_cases():
    """Those of one configuration that are taken in one go, and those that are left in another."""
    for (text, taken), cases in CASES.items():
        run, problems = replay(text, *(burst for _, burst, _, _ in cases))
        packets = sum(len(burst) for _, burst, _, _ in cases)
        took, wanted = run.report["worker"]["express"], packets if taken else 0
        if took != wanted:
            problems.append(f"{took} of {packets} took the lane, not {wanted}")
            problems += [f"wrong: {name}" for name, burst, _, _ in cases
                         if replay(text, burst)[0].report["worker"]["express"] != (len(burst) if taken else 0)]
        tap.result(f"{len(cases)} cases from {cases[0][0]!r} on: {wanted} packets take the lane", problems)
        numbers = collections.Counter()
        reasons = {(drop["port"], drop["packet"]): drop["reason"] for drop in run.report["drops"]}
        for number, (name, burst, out, drop) in enumerate(cases):
            problems = []
            for port, _ in burst:
                numbers[port] += 1
                reason = reasons.get((port, numbers[port]), "")
                if drop not in (None, reason):
                    problems.append(f"drop: {reason!r}, not {drop!r}")
            begin = START_NS + (number + 1) * 10 * MS
            for port, frames in out.items():
                sent = sent_by(run, port, begin, begin + 10 * MS)
                if len(sent) != len(frames) or not all(
                        one(got) if callable(one) else one == got for one, got in zip(frames, sent)):
                    problems.append(f"{port}: {[one.hex() for one in sent]}")
            tap.result(name, problems)
    CASES.clear()


def between_ports():
    for version in (4, 6):
        for size in (48, 64, 1400):
            there = packet(version, HOST[version], OTHER[version], size)
            expect(f"IPv{version} of {size} bytes to a host of the other port", config(), [("blue0", frame(there))], 1,
                   {"blue1": [delivered(hop(there), "blue1", OTHER_MAC)]})
        there = packet(version, HOST[version], AWAY[version])
        expect(f"IPv{version} to a router", config(), [("blue0", frame(there))], 1,
               {"blue1": [delivered(hop(there), "blue1", ROUTER_MAC)]})
        there = packet(version, AWAY[version], HOST[version])
        expect(f"IPv{version} from a host elsewhere", config(), [("blue1", frame(there, "blue1"))], 1,
               {"blue0": [delivered(hop(there), "blue0", HOST_MAC)]})
    there = packet(4, HOST[4], OTHER[4], 28)
    expect("a short frame", config(), [("blue0", frame(there))], 1, {"blue1": [delivered(hop(there), "blue1", OTHER_MAC)]})
    expect("padding behind a packet", config(), [("blue0", frame(there) + bytes(18))], 1,
           {"blue1": [delivered(hop(there), "blue1", OTHER_MAC)]})
    bare = IP(src=HOST[4], dst=OTHER[4], proto=254)
    expect("a header alone", config(), [("blue0", frame(bare))], 1,
           {"blue1": [delivered(hop(bare), "blue1", OTHER_MAC)]})
    ping = IP(src=HOST[4], dst=OTHER[4]) / ICMP() / b"abc"
    expect("ICMP to a host", config(), [("blue0", frame(ping))], 1,
           {"blue1": [delivered(hop(ping), "blue1", OTHER_MAC)]})
    last = packet(4, HOST[4], OTHER[4], ttl=2)
    expect("a TTL of 2", config(), [("blue0", frame(last))], 1, {"blue1": [delivered(hop(last), "blue1", OTHER_MAC)]})
    # All checksums, as TTL and sum are changed together.
    burst, wanted = [], []
    for number in range(0, 65536, 1311):
        one = packet(4, HOST[4], OTHER[4], 40, id=number)
        burst.append(("blue0", frame(one)))
        wanted.append(delivered(hop(one), "blue1", OTHER_MAC))
    expect(f"{len(burst)} header checksums", config(), burst, len(burst), {"blue1": wanted})
    run_cases()


def into_tunnels():
    for (kind, family), number in ENDS.items():
        for version in (4, 6):
            name = f"IPv{version} in {kind} over IPv{family}"
            for ecn in range(4):
                there = packet(version, HOST[version], behind(version, number), tos=0xB8 | ecn)
                expect(f"{name}, ECN {ecn}: out", config(), [("blue0", frame(there))], 1,
                       {"uplink": [leaving(kind, family, hop(there), tos=ecn)]})
            there = packet(version, HOST[version], behind(version, number), 1400)
            expect(f"{name}, 1400 bytes: out", config(), [("blue0", frame(there))], 1,
                   {"uplink": [leaving(kind, family, hop(there))]})
            there = packet(version, HOST[version], behind(version, number), tos=0xB9, ttl=33)
            expect(f"{name}, DSCP and TTL of the inside: out",
                   config(", tunnel: {dscp_mode: uniform, ttl_mode: uniform}"), [("blue0", frame(there))], 1,
                   {"uplink": [leaving(kind, family, hop(there), tos=0xB9, ttl=32)]})
    run_cases()


def out_of_tunnels():
    for (kind, family), number in ENDS.items():
        for version in (4, 6):
            name = f"IPv{version} in {kind} over IPv{family}"
            back = packet(version, behind(version, number), HOST[version])
            expect(f"{name}: in", config(), [("uplink", arriving(kind, family, back))], 1,
                   {"blue0": [delivered(hop(back), "blue0", HOST_MAC)]})
            expect(f"{name}, with bytes behind: in", config(), [("uplink", arriving(kind, family, bytes(back) + bytes(9)))], 1,
                   {"blue0": [delivered(hop(back), "blue0", HOST_MAC)]})
            expect(f"{name}, padded: in", config(), [("uplink", arriving(kind, family, back) + bytes(9))], 1,
                   {"blue0": [delivered(hop(back), "blue0", HOST_MAC)]})
            for other, other_family in (("ipip", 4), ("gre-key", 6)):
                through = packet(version, behind(version, number), behind(version, ENDS[other, other_family]), tos=1)
                expect(f"{name}, on in {other} over IPv{other_family}", config(),
                       [("uplink", arriving(kind, family, through))], 1,
                       {"uplink": [leaving(other, other_family, hop(through), tos=1)]})
    run_cases()


def combined_fields():
    """What the outer header changes inside."""
    for version in (4, 6):
        for inner_ecn, outer_ecn, result in ((2, 3, 3), (1, 3, 3), (2, 1, 1), (2, 0, 2), (0, 2, 0), (3, 1, 3)):
            back = packet(version, behind(version, 16), HOST[version], tos=inner_ecn)
            after = hop(packet(version, behind(version, 16), HOST[version], tos=result))
            expect(f"IPv{version}, ECN {inner_ecn} inside, {outer_ecn} outside", config(),
                   [("uplink", arriving("ipip", 4, back, tos=outer_ecn))], 1,
                   {"blue0": [delivered(after, "blue0", HOST_MAC)]})
        back = packet(version, behind(version, 16), HOST[version])
        expect(f"IPv{version}, congestion that the inside cannot tell is dropped by the pipeline", config(),
               [("uplink", arriving("ipip", 4, back, tos=3))], 0, drop="ecn_illegal")
        uniform = config(", tunnel: {dscp_mode: uniform, ttl_mode: uniform}")
        for inner_ttl, outer_ttl in ((64, 20), (20, 64), (64, 2)):
            back = packet(version, behind(version, 16), HOST[version], ttl=inner_ttl, tos=2)
            after = hop(packet(version, behind(version, 16), HOST[version], ttl=min(inner_ttl, outer_ttl), tos=0xB8 | 3))
            expect(f"IPv{version}, DSCP and TTL {outer_ttl} of the outside, {inner_ttl} inside", uniform,
                   [("uplink", arriving("ipip", 4, back, tos=0xB8 | 3, ttl=outer_ttl))], 1,
                   {"blue0": [delivered(after, "blue0", HOST_MAC)]})
        expect(f"IPv{version}, a TTL of 1 outside that is taken over is left", uniform,
               [("uplink", arriving("ipip", 4, back, ttl=1))], 0, drop="ttl_expired")
        expect(f"IPv{version}, a TTL of 1 outside that is not: taken", config(),
               [("uplink", arriving("ipip", 4, back, ttl=1))], 1)
    run_cases()


def odd_packets(version, src, dst):
    """name -> (packet, why it is dropped; "": it is not)"""
    plain = packet(version, src, dst)
    raw = bytes(plain)
    odd = {
        "a TTL of 1": (packet(version, src, dst, ttl=1), "ttl_expired"),
        "a TTL of 0": (packet(version, src, dst, ttl=0), "ttl_expired"),
        "another version": (b"\x75" + raw[1:], None),
        "a length beyond the frame": (patched(raw, 2 if version == 4 else 4, b"\x05\x05"), None),
        "a packet that is cut": (raw[:19], None),
    }
    if version == 4:
        ends = {"src": src, "dst": dst}
        odd |= {
            "options": (IP(options=[IPOption_NOP()] * 4, **ends) / UDP() / b"abc", ""),
            "a first fragment": (IP(flags="MF", **ends) / Raw(bytes(24)), ""),
            "a later fragment": (IP(frag=3, **ends) / Raw(bytes(24)), ""),
            "a wrong header checksum": (packet(4, src, dst, chksum=1), "ip_checksum"),
            "a header of 16 bytes": (b"\x44" + raw[1:], None),
            "a length within the header": (IP(len=19, **ends), "ip_total_length"),
            "a loopback source": (packet(4, "127.0.0.1", dst), "ip_source"),
            "no source": (packet(4, "0.0.0.0", dst), "ip_source"),
            "a group as source": (packet(4, "224.0.0.9", dst), "ip_source"),
            "a link-local source": (packet(4, "169.254.0.9", dst), "not_routable"),
            "our address as source": (packet(4, "10.1.0.254", dst), "ip_source"),
            "a subnet's broadcast as source": (packet(4, "10.4.0.255", dst), "ip_source"),
            "a group": (packet(4, src, "224.0.0.9"), "not_routable"),
            "a link-local destination": (packet(4, src, "169.254.0.9"), "not_routable"),
            "a broadcast": (packet(4, src, "255.255.255.255"), "not_routable"),
            "no destination": (packet(4, src, "0.0.0.0"), "not_routable"),
            "a subnet's broadcast": (packet(4, src, "10.4.0.255"), None),
            "a route to a next hop that is not known": (packet(4, src, "10.5.0.1"), None),
        }
        ping = IP(src=src, dst="10.4.0.254") / ICMP()
    else:
        extended = [with_headers(bytes(Ether() / plain), (kind, options_body(bytes(6))))[14:]
                    for kind in (OPTIONS, HOP_BY_HOP)]
        odd |= {
            "destination options": (extended[0], ""), "hop-by-hop options": (extended[1], ""),
            "a fragment": (IPv6(src=src, dst=dst, nh=44) / Raw(bytes([17, 0, 0, 1]) + bytes(20)), ""),
            "a loopback source": (packet(6, "::1", dst), "ip_source"),
            "no source": (packet(6, "::", dst), "ip_source"),
            "an IPv4 address as source": (packet(6, "::ffff:10.1.0.1", dst), "ip_source"),
            "a group as source": (packet(6, "ff02::9", dst), "ip_source"),
            "a link-local source": (packet(6, "fe80::9", dst), "not_routable"),
            "our address as source": (packet(6, "fd01::fe", dst), "ip_source"),
            "a group": (packet(6, src, "ff0e::9"), "not_routable"),
            "a link-local destination": (packet(6, src, "fe80::9"), None),
        }
        ping = IPv6(src=src, dst="fd04::fe") / ICMPv6EchoRequest()
    odd |= {
        "no route": (packet(version, src, "203.0.113.1" if version == 4 else "2001:db9::1"), "no_route"),
        "an address of ours": (packet(version, src, "10.4.0.254" if version == 4 else "fd04::fe"), "udp_port_closed"),
        "an echo request for us": (ping, ""),
        "a host that is not known": (packet(version, src, "10.4.0.99" if version == 4 else "fd04::99"), None),
        "a packet that is too long": (packet(version, src, OTHER[version], 1401), None),
    }
    return odd


def left_at_ports():
    for version in (4, 6):
        src, dst = HOST[version], OTHER[version]
        for name, (odd, drop) in odd_packets(version, src, dst).items():
            kind = 0x0800 if version == 4 else 0x86DD
            expect(f"IPv{version}, {name}: left to the pipeline", config(),
                   [("blue0", bytes(Ether(src=HOST_MAC, dst=MACS["blue0"], type=kind)) + bytes(odd))], 0, drop=drop)
        good = packet(version, src, dst)
        left = {"another MAC": frame(good, dst="02:00:00:00:00:99"), "a group MAC": frame(good, dst="01:00:5e:00:00:09"),
                "a tag": tagged(frame(good), 5), "a priority tag": tagged(frame(good), 0),
                "another type": patched(frame(good), 12, b"\x88\xb5"), "a runt": frame(good)[:13]}
        for name, one in left.items():
            expect(f"IPv{version}, {name}: left to the pipeline", config(), [("blue0", one)], 0)
        for number, taken in ((1400, 1), (1401, 0)):
            expect(f"IPv{version} of {number} bytes to a port of 1400", config(),
                   [("blue0", frame(packet(version, src, dst, number)))], taken)
        for (kind, family), end in ENDS.items():
            most = 1500 - (20 if family == 4 else 40) - {"ipip": 0, "gre": 4, "gre-key": 8}[kind]
            for size, taken in ((most, 1), (most + 1, 0)):
                expect(f"IPv{version} of {size} bytes in {kind} over IPv{family}", config(),
                       [("blue0", frame(packet(version, src, behind(version, end), size)))], taken)
    ask = IPv6(src=HOST[6], dst=OTHER[6]) / ICMPv6EchoRequest()
    expect("ICMPv6 of a port is left", config(), [("blue0", frame(ask))], 0,
           {"blue1": []})
    expect("neighbour discovery is left", config(),
           [("blue0", frame(IPv6(src=HOST[6], dst="fd01::fe", hlim=255) / ICMPv6ND_NS(tgt="fd01::fe")))], 0)
    for df in ("clear", "inherit"):
        expect(f"a tunnel with `df: {df}` is left: its packets have numbers", config(f", tunnel: {{df: {df}}}"),
               [("blue0", frame(packet(4, HOST[4], behind(4, 16))))], 0)
    for option in ("checksum", "sequence"):
        text = config().replace("kind: gre-ip, id: 7", f"kind: gre-ip, id: 7, {option}: true")
        expect(f"GRE with `{option}` is left", text,
               [("blue0", frame(packet(4, HOST[4], behind(4, ENDS['gre-key', 4]))))], 0)
    expect("a tunnel whose next hop is not known is left",
           config().replace(f'  - {{address: "{address(4, 16)}", mac: "{mac(16)}"}}\n', ""),
           [("blue0", frame(packet(4, HOST[4], behind(4, 16))))], 0)
    clamp = config(vrf="    mss_clamp: true")

    def tcp(flags, mss):
        return IP(src=HOST[4], dst=OTHER[4]) / TCP(flags=flags, options=[("MSS", mss)])
    for flags, taken in (("S", 0), ("SA", 0), ("A", 1)):
        expect(f"TCP {flags} where the MSS is clamped", clamp, [("blue0", frame(tcp(flags, 9000)))], taken)
    expect("a SYN where it is not: taken", config(), [("blue0", frame(tcp("S", 9000)))], 1)
    run_cases()


def left_in_tunnels():
    for version in (4, 6):
        src, dst = behind(version, 16), HOST[version]
        for name, (odd, drop) in odd_packets(version, src, dst).items():
            odd = bytes(odd)
            if drop == "udp_port_closed":
                drop = None
            one = arriving("ipip", 4, b"\x45" if version == 4 else b"\x60")
            one = bytes(Ether(one[:14]) / IP(src=address(4, 16), dst=OURS[4], proto=4 if version == 4 else 41) / Raw(odd))
            expect(f"IPv{version} in a tunnel, {name}: left to the pipeline", config(), [("uplink", one)], 0, drop=drop)
    back = packet(4, behind(4, 16), HOST[4])
    good = arriving("ipip", 4, back)
    left = {
        "a wrong header checksum": (patched(good, 24, b"\1\2"), "ip_checksum"),
        "IP options": (arriving("ipip", 4, back, options=[IPOption_NOP()] * 4), ""),
        "a fragment": (arriving("ipip", 4, back, flags="MF"), None),
        "another sender": (arriving("ipip", 4, back, 77), "remote_unknown"),
        "another MAC": (patched(good, 0, bytes.fromhex("020000000099")), "not_our_mac"),
        "another address": (arriving("ipip", 4, back, dst="192.0.2.9"), "ip_not_local"),
        "no address": (arriving("ipip", 4, back, dst="0.0.0.0"), "ip_not_local"),
        "a loopback source": (arriving("ipip", 4, back, src="127.0.0.1"), "ip_source"),
        "a length beyond the frame": (arriving("ipip", 4, back, len=500), "ip_total_length"),
        "a length within the inner header": (arriving("ipip", 4, back, len=39), "ip_truncated"),
        "a VLAN tag outside": (tagged(good, 5), "vlan_not_member"),
        "protocol 41 with IPv4": (with_ip_sum(patched(good, 23, b"\x29")), "tunnel_payload"),
    }
    for name, (one, drop) in left.items():
        expect(f"{name}: left to the pipeline", config(), [("uplink", one)], 0, drop=drop)
    expect("no address of IPv6: left", config(), [("uplink", arriving("ipip", 6, packet(4, behind(4, 17), HOST[4]), dst="::"))],
           0, drop="ip_not_local")
    gre = ENDS["gre", 4]

    def by_gre(header, inner=back):
        ip = IP(src=address(4, gre), dst=OURS[4], proto=47)
        return bytes(Ether(src=mac(gre), dst=OUR_MAC) / ip / Raw(header + bytes(inner)))
    headers = {
        "a key": (b"\x20\0\x08\0\0\0\0\x07", "remote_unknown"), "an Ethernet payload": (b"\0\0\x65\x58", None),
        "another payload": (b"\0\0\x88\x47", "tunnel_payload"), "another version": (b"\0\1\x08\0", "gre_flags"),
        "IPv6 that is IPv4": (b"\0\0\x86\xdd", "tunnel_payload"), "a sequence number": (b"\x10\0\x08\0\0\0\0\1", ""),
    }
    for name, (header, drop) in headers.items():
        expect(f"GRE with {name}: left", config(), [("uplink", by_gre(header))], 0, drop=drop)
    expect("GRE as it should be: taken", config(), [("uplink", by_gre(b"\0\0\x08\0"))], 1)
    numbered = config().replace("kind: gre-ip, id: 7", "kind: gre-ip, id: 7, sequence: true")
    expect("GRE beside a tunnel that numbers its packets: left", numbered, [("uplink", by_gre(b"\0\0\x08\0"))], 0)
    keepalive = IP(src=OURS[4], dst=address(4, gre), proto=47) / Raw(bytes(4))
    expect("a keepalive of GRE: answered by the pipeline", config(), [("uplink", by_gre(b"\0\0\x08\0", keepalive))], 0,
           drop="")
    run_cases()


def keeps_order():
    """A packet that the pipeline takes stays before those that come behind it."""
    def numbered(number, src, dst, **ip):
        return IP(src=src, dst=dst, **ip) / UDP() / Raw(bytes(number))

    def burst(make_odd, make_plain):
        return [make_odd(n) if n % 5 == 3 else make_plain(n) for n in range(24)]

    options = {"options": [IPOption_NOP()] * 4}
    ends = (behind(4, 16), HOST[4])
    ways = {
        "IP options": (burst(lambda n: ("blue0", frame(numbered(n, HOST[4], OTHER[4], **options))),
                             lambda n: ("blue0", frame(numbered(n, HOST[4], OTHER[4])))), "blue1"),
        "fragments": (burst(lambda n: ("blue0", frame(numbered(n, HOST[4], OTHER[4], flags="MF"))),
                            lambda n: ("blue0", frame(numbered(n, HOST[4], OTHER[4])))), "blue1"),
        "IP options in a tunnel": (burst(lambda n: ("uplink", arriving("ipip", 4, numbered(n, *ends, **options))),
                                         lambda n: ("uplink", arriving("ipip", 4, numbered(n, *ends)))), "blue0"),
        "IP options outside": (burst(lambda n: ("uplink", arriving("ipip", 4, numbered(n, *ends), **options)),
                                     lambda n: ("uplink", arriving("ipip", 4, numbered(n, *ends)))), "blue0"),
    }
    for name, (frames, port) in ways.items():
        run, problems = replay(config(), frames)
        numbers = [int.from_bytes(one[16:18], "big") - 4 * (one[14] & 15) - 8 for one in sent_by(run, port)]
        if numbers != list(range(24)):
            problems.append(f"sent in the order {numbers}")
        if run.report["worker"]["express"] != 3:
            problems.append(f"{run.report['worker']['express']} took the lane, not the first 3")
        tap.result(f"{name}: a flow keeps its order in a burst", problems)
    mixed = [("blue0", frame(numbered(1, HOST[4], OTHER[4], **options))), ("blue0", frame(numbered(1, HOST[4], AWAY[4]))),
             ("blue0", frame(numbered(1, HOST[4], behind(4, 16))))]
    run, problems = replay(config(), mixed)
    if run.report["worker"]["express"] != 2:
        problems.append("packets to others did not take the lane")
    tap.result("packets to others pass one that is left", problems)


def what_waits():
    """What waits for a next hop, and what comes behind it, leave in their order."""
    unknown = packet(4, HOST[4], "10.4.0.98")
    run, problems = replay(config(), [("blue0", frame(unknown))],
                           [("blue0", frame(unknown)), ("blue0", frame(packet(4, HOST[4], OTHER[4])))])
    if run.report["worker"]["express"] != 1:
        problems.append(f"{run.report['worker']['express']} took the lane, not 1")
    tap.result("packets for others pass those that wait for a host", problems)


def tenants():
    """The same addresses in another VRF are of that one."""
    there = packet(4, HOST[4], OTHER[4])
    expect("each VRF has its own host of an address", config(),
           [("blue0", frame(there)), ("red0", frame(packet(4, "10.4.0.1", "10.1.0.1"), "red0"))], 2,
           {"blue1": [delivered(hop(there), "blue1", OTHER_MAC)],
            "red0": [delivered(hop(packet(4, "10.4.0.1", "10.1.0.1")), "red0", RED_HOST_MAC)]})
    out = packet(4, "10.4.0.1", behind(4, 16))
    expect("each VRF has its own tunnels, out", config(), [("red0", frame(out, "red0"))], 1,
           {"uplink": [leaving("ipip", 4, hop(out), 40)]})
    back = packet(4, behind(4, 16), HOST[4])
    expect("each VRF has its own tunnels, in", config(),
           [("uplink", arriving("ipip", 4, back, 40)), ("uplink", arriving("ipip", 4, back))], 2,
           {"red0": [delivered(hop(back), "red0", RED_HOST_MAC)], "blue0": [delivered(hop(back), "blue0", HOST_MAC)]})
    away = packet(4, "10.4.0.1", AWAY[4])
    expect("a VRF does not have another's routes", config(), [("red0", frame(away, "red0"))], 0, drop="no_route")
    run_cases()


def services():
    """Packets of a VRF with services are left, also by tunnels; those of another are taken."""
    text = config(services="""
services:
  s: {vrf: blue, address: 10.9.0.1, port: 80, backends: [{address: 10.4.0.1}]}
""")
    expect("a VRF with services, from a port", text, [("blue0", frame(packet(4, HOST[4], OTHER[4])))], 0)
    expect("a VRF with services, from a tunnel", text,
           [("uplink", arriving("ipip", 4, packet(4, behind(4, 16), HOST[4])))], 0)
    back = packet(4, behind(4, 16), HOST[4])
    expect("another VRF, from a tunnel", text, [("uplink", arriving("ipip", 4, back, 40))], 1,
           {"red0": [delivered(hop(back), "red0", RED_HOST_MAC)]})
    run_cases()


def host_interfaces():
    """Of a VRF with a host interface, what is to an address of ours is left, whatever it carries, and the
    rest is taken."""
    text = config(vrf="    host: {interface: blue-host}")
    ways = {"a port": lambda inner: [("blue0", frame(inner))],
            "a tunnel": lambda inner: [("uplink", arriving("ipip", 4, inner))]}
    for way, arrived in ways.items():
        for version in (4, 6):
            src = {"a port": HOST[version], "a tunnel": behind(version, 16)}[way]
            for own in {4: ("10.1.0.254", "10.4.0.254"), 6: ("fd01::fe", "fd04::fe")}[version]:
                head = (IP if version == 4 else IPv6)(src=src, dst=own)
                for name, inner in (("UDP", head / UDP(dport=9) / b"abc"), ("TCP", head / TCP(flags="S")),
                                    ("another protocol", head / Raw(bytes(24))),
                                    ("ICMP", head / (ICMP() if version == 4 else ICMPv6EchoRequest()))):
                    expect(f"a host interface, {name} to {own} by {way}: left", text, arrived(inner), 0)
            there = packet(version, src, OTHER[version])
            expect(f"a host interface, IPv{version} on its way, by {way}: taken", text, arrived(there), 1,
                   {"blue1": [delivered(hop(there), "blue1", OTHER_MAC)]})
    run_cases()


def not_worth_it():
    """A port whose packets are all left is not looked at for a while."""
    odd = [("blue0", frame(IP(src=HOST[4], dst=AWAY[4], options=[IPOption_NOP()] * 4) / UDP()))] * 32
    plain = [("blue0", frame(packet(4, HOST[4], OTHER[4])))]
    for vain, count in ((7, 1), (8, 0), (8 + 256, 1)):
        run, problems = replay(config(), *[odd] * vain, plain)
        if run.report["worker"]["express"] != count:
            problems.append(f"{run.report['worker']['express']} took the lane, not {count}")
        tap.result(f"a plain packet behind {32 * vain} others: {count} takes the lane", problems)


def counted():
    """What comes by a tunnel, and leaves by one, is counted for it."""
    through = packet(4, behind(4, 16), behind(4, ENDS["gre", 4]), 100)
    text = config()
    burst = [("uplink", arriving("ipip", 4, bytes(through) + bytes(5)))] * 3
    run, problems = replay(text, burst, burst)
    if run.report["worker"]["express"] != 6:
        problems.append(f"{run.report['worker']['express']} took the lane, not 6")
    tunnels = {tunnel["name"]: tunnel for tunnel in run.report["tunnels"] if tunnel["vrf"] == "blue"}
    came, went = tunnels["t16"], tunnels[f"t{ENDS['gre', 4]}"]
    for what, got, wanted in (("came", (came["rx_packets"], came["rx_bytes"]), (6, 630)),
                              ("went", (went["tx_packets"], went["tx_bytes"]), (6, 600))):
        if got != wanted:
            problems.append(f"{what}: {got}, not {wanted}")
    tap.result("packets and bytes of tunnels", problems)


def random_transit():
    """Bursts of packets of all sorts between all sorts of places."""
    for seed in range(6):
        rng = random.Random(seed)
        text = config(rng.choice(("", ", tunnel: {dscp_mode: uniform, ttl_mode: uniform}")),
                      vrf=rng.choice(("", "    mss_clamp: true")))
        places = {version: [HOST[version], OTHER[version], AWAY[version]] +
                  [behind(version, n) for n in ENDS.values()] for version in (4, 6)}
        odd = {version: [bytes(one) for one, _ in odd_packets(version, HOST[version], OTHER[version]).values()
                         if len(bytes(one)) > 40] for version in (4, 6)}
        bursts = []
        for _ in range(30):
            burst = []
            for _ in range(rng.randrange(1, 33)):
                version = rng.choice((4, 6))
                src, dst = rng.choice(places[version]), rng.choice(places[version])
                one = bytes(rng.choice((
                    lambda: packet(version, src, dst, rng.choice((48, 64, 333, 1300, 1380, 1450)), ttl=rng.choice((1, 2, 64)),
                                   tos=rng.randrange(256), sport=rng.randrange(3)),
                    lambda: (IP if version == 4 else IPv6)(src=src, dst=dst) / TCP(flags=rng.choice(("S", "A"))),
                    lambda: packet(version, src, dst, sport=rng.randrange(3)),
                    lambda: packet(version, src, dst, 100),
                ))()) if rng.random() < 0.9 else rng.choice(odd[version])
                if rng.random() < 0.03:
                    one = patched(one, rng.randrange(20), bytes([rng.randrange(256)]))
                if rng.random() < 0.5:
                    port = rng.choice(("blue0", "blue1"))
                    burst.append((port, frame(one, port) if one[0] >> 4 in (4, 6) else frame(packet(4, src, dst))
                                  if version == 4 else frame(packet(6, src, dst))))
                else:
                    kind, family = rng.choice(list(ENDS))
                    if one[0] >> 4 in (4, 6):
                        burst.append(("uplink", arriving(kind, family, one, **(
                            {"tos": rng.randrange(256), "ttl": rng.choice((1, 2, 64))} if rng.random() < 0.3 else {}))))
            bursts.append(burst)
        run, problems = replay(text, *bursts)
        count, all_ = run.report["worker"]["express"], sum(map(len, bursts))
        if not all_ // 10 < count < all_:
            problems.append(f"{count} of {all_} took the lane")
        tap.result(f"random packets, seed {seed}: {count} of {all_} take the lane", problems)


if __name__ == "__main__":
    main(between_ports, into_tunnels, out_of_tunnels, combined_fields, left_at_ports, left_in_tunnels, keeps_order,
         what_waits, tenants, services, host_interfaces, not_worth_it, counted, random_transit)

# SPDX-License-Identifier: Apache-2.0
"""The express lane of routed packets: what it takes, and what becomes of it. That both ways give the same
bytes, the harness compares in each test."""

from harness import main, tap
from routed_lane import (AWAY, ENDS, HOST, HOST_MAC, OTHER, OTHER_MAC, RED_HOST_MAC, ROUTER_MAC, arriving,
                         behind, config, delivered, expect, frame, hop, leaving, packet, replay, run_cases)

from scapy.layers.inet import ICMP, IP, TCP, UDP, IPOption_NOP
from scapy.layers.inet6 import ICMPv6EchoRequest, IPv6
from scapy.packet import Raw


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


if __name__ == "__main__":
    main(between_ports, into_tunnels, out_of_tunnels, combined_fields, tenants, services, host_interfaces, not_worth_it, counted)

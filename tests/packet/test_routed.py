# SPDX-License-Identifier: Apache-2.0
"""Routed tunnels (GRE with an IP payload, IP in IP) in VRFs: what is forwarded both ways over both
underlays, and how it leaves."""

from harness import MS, SECOND, main
from routed_frames import ALL, NO_HOST, about, arp, hop, packet
from routed_tunnels import *

from scapy.layers.inet import fragment


def both_ways():
    run = scenario("both ways")
    for kind in KINDS:
        for family in (4, 6):
            number = REMOTES[kind.name, family]
            for version in (4, 6):
                for size in (64, 1400):
                    name = f"IPv{version} of {size} bytes in {kind.name} over IPv{family}"
                    inner = packet(version, behind(version, number), HOST[version], size)
                    run.case(f"{name}, in", ("uplink", arriving(kind, inner, family)),
                             {"blue0": delivered(hop(inner))})
                    inner = packet(version, HOST[version], behind(version, number), size)
                    run.case(f"{name}, out", ("blue0", frame(inner)),
                             {"uplink": leaving(kind, hop(inner), family)})
    run.run()


def between_tunnels():
    run = scenario("between tunnels")
    for first in KINDS:
        for second in KINDS:
            for version in (4, 6):
                source, target = REMOTES[first.name, 4], REMOTES[second.name, 6]
                inner = packet(version, behind(version, source), behind(version, target))
                run.case(f"IPv{version} from {first.name} to {second.name}",
                         ("uplink", arriving(first, inner, 4)),
                         {"uplink": leaving(second, hop(inner), 6)})
    run.run()


def apart():
    """The tenants have the same addresses, and nothing in common."""
    run = without_router("apart", config())
    red_mac = "02:00:00:00:00:c1"
    inner = packet(4, HOST[4], behind(4, 16))
    run.case("red's packet to the same address", ("red0", frame(inner, dst=red_mac)),
             {"uplink": leaving(KINDS[0], hop(inner), 4, 40)})
    inner = packet(4, behind(4, 16), HOST[4])
    run.case("red's host is another one, and unknown",
             ("uplink", arriving(KINDS[0], inner, 4, 40)),
             {"red0": [arp(1, red_mac, GATEWAY[4], ALL, HOST[4])] * 2,
              "uplink": leaving(KINDS[0], about(hop(inner), NO_HOST[4], GATEWAY[4]), 4, 40)},
             "neighbour_unresolved", last_ns=1700 * MS)
    inner = packet(4, HOST[4], behind(4, 40).replace("10.2", "10.3"))
    # Nor does the host answer to whom that is to be told.
    run.case("red has no route that blue has", ("red0", frame(inner, dst=red_mac)),
             {"red0": [arp(1, red_mac, GATEWAY[4], ALL, HOST[4])] * 2},
             [["no_route", "neighbour_unresolved"]], wait_ns=5 * SECOND, last_ns=1700 * MS)
    run.run()


def fragmented():
    run = scenario("fragmented")
    for size in (1481, 3000, 8999):
        inner = packet(4, HOST[4], behind(4, 16), size, flags=0, id=77)
        parts = fragment(hop(inner), fragsize=(MTU - 40) // 8 * 8)
        for part in parts:
            del part.chksum
        run.case(f"{size} bytes", ("blue0", frame(inner)),
                 {"uplink": [leaving(KINDS[0], part, 4) for part in parts]})
    run.run()


def marked():
    """ECN by RFC 6040, DSCP and TTL as configured; padding behind the packet is cut off."""
    for uniform in (False, True):
        options = ", tunnel: {dscp_mode: uniform, ttl_mode: uniform}" if uniform else ""
        run = scenario(f"marks, {'uniform' if uniform else 'pipe'}", config(options), known=False)
        for version in (4, 6):
            for ecn in range(4):
                tos = 0xB8 | ecn
                inner = packet(version, HOST[version], behind(version, 16), tos=tos, ttl=33)
                fields = {"tos": tos, "ttl": 32} if uniform else {"tos": ecn}
                run.case(f"IPv{version}, ECN {ecn}, out", ("blue0", frame(inner)),
                         {"uplink": leaving(KINDS[0], hop(inner), 4, **fields)})
                for outer_ecn in range(4):
                    marks_in(run, version, ecn, outer_ecn, uniform)
        run.run()


def marks_in(run, version, ecn, outer_ecn, uniform):
    table = {0: [0, 0, 0, None], 1: [1, 1, 1, 3], 2: [2, 1, 2, 3], 3: [3, 3, 3, 3]}
    want = table[ecn][outer_ecn]
    target = REMOTES["gre-ip", 4]
    inner = packet(version, behind(version, 16), behind(version, target), tos=0x28 | ecn, ttl=50)
    sent = arriving(KINDS[0], inner, 4, tos=0xB8 | outer_ecn, ttl=40)
    name = f"IPv{version}, inner ECN {ecn}, outer {outer_ecn}"
    if want is None:
        return run.case(name, ("uplink", sent), {}, "ecn_illegal")
    dscp = 0xB8 if uniform else 0x28
    after = packet(version, behind(version, 16), behind(version, target), tos=dscp | want,
                   ttl=39 if uniform else 49)
    fields = {"tos": dscp | want, "ttl": 39} if uniform else {"tos": want}
    return run.case(name, ("uplink", sent), {"uplink": leaving(KINDS[1], after, 4, **fields)})


def numbered():
    """Both versions in one tunnel are numbered alike, RFC 2890."""
    text = config().replace("kind: gre-ip, id: 7", "kind: gre-ip, id: 7, sequence: true")
    run = scenario("numbered", text)
    number = REMOTES["gre-ip-key", 4]
    for i, version in enumerate((4, 6, 6, 4)):
        inner = packet(version, HOST[version], behind(version, number))
        head = GRE(proto=0x0800 if version == 4 else 0x86DD, key_present=1, key=7,
                   seqnum_present=1, seqence_number=i)
        run.case(f"packet {i}", ("blue0", frame(inner)),
                 {"uplink": leaving(KINDS[2], hop(inner), 4, header=head)})
    for sequence, version, good in ((5, 4, True), (5, 6, False), (6, 6, True), (4, 4, False)):
        inner = packet(version, behind(version, number), HOST[version])
        head = GRE(proto=0x0800 if version == 4 else 0x86DD, key_present=1, key=7,
                   seqnum_present=1, seqence_number=sequence)
        run.case(f"number {sequence} comes in by IPv{version}",
                 ("uplink", arriving(KINDS[2], inner, 4, header=head)),
                 {"blue0": delivered(hop(inner))} if good else {}, None if good else "gre_sequence")
    run.run()


def trimmed():
    run = scenario("trimmed")
    inner = packet(4, behind(4, 16), HOST[4], 40)
    run.case("bytes behind the inner packet", ("uplink", arriving(KINDS[0], bytes(inner) + bytes(9),
                                                                  4)),
             {"blue0": delivered(hop(inner))})
    inner = packet(4, HOST[4], behind(4, 16), 30)
    run.case("padding of a short frame", ("blue0", frame(inner) + bytes(16)),
             {"uplink": leaving(KINDS[0], hop(inner), 4)})
    run.run()


main(both_ways, between_tunnels, apart, fragmented, marked, numbered, trimmed)

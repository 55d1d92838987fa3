# SPDX-License-Identifier: Apache-2.0
"""Explicit congestion notification in tunnels: RFC 6040, both ways, each combination."""

from frames import *
from harness import Scenario, main

CONFIG = UPLINK + """
  red0: {device: tap:red0}
  tag0: {device: tap:tag0}
""" + NEIGHBOURS + """
networks:
  red:
    vni: 100
    carry_vlans: true
    members: [{port: red0}]
    remotes: [{address: 192.0.2.2}]
    static_macs:
      - {mac: "02:00:00:00:0a:02", remote: 192.0.2.2}
      - {mac: "02:00:00:00:0a:0c", port: red0}
"""
NEAR, FAR = host(10, 12), host(10, 2)
NAMES = ["Not-ECT", "ECT(1)", "ECT(0)", "CE"]  # by the two bits: RFC 3168 section 5
NOT_ECT, ECT1, ECT0, CE = range(4)
# RFC 6040 section 4.2, figure 4: inner -> outer -> result; None: drop.
DECAP = {
    NOT_ECT: {NOT_ECT: NOT_ECT, ECT0: NOT_ECT, ECT1: NOT_ECT, CE: None},
    ECT0: {NOT_ECT: ECT0, ECT0: ECT0, ECT1: ECT1, CE: CE},
    ECT1: {NOT_ECT: ECT1, ECT0: ECT1, ECT1: ECT1, CE: CE},
    CE: {NOT_ECT: CE, ECT0: CE, ECT1: CE, CE: CE},
}


def v4(src, dst, tos):
    return udp(src, dst, tos=tos)


def v4_in_tag(src, dst, tos):
    return tagged(udp(src, dst, tos=tos), 7)


def v6(src, dst, tos):
    return udp6(src, dst, tc=tos)


def v6_in_two_tags(src, dst, tos):
    return tagged(tagged(udp6(src, dst, tc=tos), 7), 8, kind=0x88A8)


FAMILIES = {"IPv4": v4, "IPv6": v6, "IPv4 behind a tag": v4_in_tag,
            "IPv6 behind two tags": v6_in_two_tags}


def encap():
    run = Scenario("encap", CONFIG, ["uplink", "red0"])
    for family, make in FAMILIES.items():
        for dscp in (0, 46):
            for ecn in range(4):
                frame = make(NEAR, FAR, dscp << 2 | ecn)
                run.case(f"{family}, DSCP {dscp}: {NAMES[ecn]} is copied", ("red0", frame),
                         {"uplink": encapsulated(frame, tos=ecn)})
    arp = bytes(Ether(src=NEAR, dst=FAR) / ARP(pdst="10.0.0.3"))
    run.case("not IP: Not-ECT", ("red0", arp), {"uplink": encapsulated(arp)})
    run.run()


def decap():
    """scapy computes the inner IPv4 checksum of the expected frame afresh."""
    run = Scenario("decap", CONFIG, ["uplink", "red0"])
    for family, make in FAMILIES.items():
        for dscp in (0, 46):
            for inner, row in DECAP.items():
                for outer, result in row.items():
                    frame = arriving(make(FAR, NEAR, dscp << 2 | inner), tos=outer | 10 << 2)
                    name = f"{family}, DSCP {dscp}: {NAMES[inner]} in {NAMES[outer]}"
                    if result is None:
                        run.case(f"{name} is dropped", ("uplink", frame), drop="ecn_illegal")
                    else:
                        expected = make(FAR, NEAR, dscp << 2 | result)
                        run.case(f"{name} gives {NAMES[result]}", ("uplink", frame),
                                 {"red0": expected})
    # Sums at the edges of one's complement arithmetic: every id once around a carry.
    for ident in (0, 1, 0x7FFF, 0x8000, 0xFFFE, 0xFFFF):
        for inner in (ECT0, ECT1):
            frame = udp(FAR, NEAR, tos=inner, id=ident)
            run.case(f"IPv4 checksum after CE, id {ident:#x}, {NAMES[inner]}",
                     ("uplink", arriving(frame, tos=CE)),
                     {"red0": udp(FAR, NEAR, tos=CE, id=ident)})
    arp = bytes(Ether(src=FAR, dst=NEAR) / ARP(pdst="10.0.0.3"))
    for outer in (ECT0, ECT1):
        run.case(f"not IP in {NAMES[outer]} passes", ("uplink", arriving(arp, tos=outer)),
                 {"red0": arp})
    for cut in (0, 1, 8, 19):
        frame = udp(FAR, NEAR, tos=ECT0)[:14 + cut]
        run.case(f"IPv4 header of {cut} bytes in ECT(1) passes as it is",
                 ("uplink", arriving(frame, tos=ECT1)), {"red0": frame})
    run.run()


def checksum_edges():
    """All 65536 values of the inner checksum, near enough: the id walks through them."""
    run = Scenario("sums", CONFIG, ["uplink", "red0"])
    packets, expected = [], []
    for ident in range(0, 65536, 97):
        packets.append(("uplink", arriving(udp(FAR, NEAR, tos=ECT0, id=ident, size=1), tos=CE)))
        expected.append(udp(FAR, NEAR, tos=CE, id=ident, size=1))
    run.case(f"{len(packets)} checksums after a CE rewrite", packets, {"red0": expected},
             ordered=True)
    run.run()


if __name__ == "__main__":
    main(encap, decap, checksum_edges)

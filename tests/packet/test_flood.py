# SPDX-License-Identifier: Apache-2.0
"""Flooding: exact copies for many remotes and members, and its limits."""

from frames import *
from harness import MS, SECOND, Scenario, main, tap

A, B, NOBODY = host(1, 1), host(1, 2), host(1, 77)
MANY = range(2, 202)  # last bytes of the remotes' addresses


def wide_config():
    """200 remotes and 24 members, tagged and not: the copies share the frame's payload."""
    return UPLINK + """
  red0: {device: tap:red0, mtu_bytes: 9000}
  red1: {device: tap:red1}
  trunk: {device: tap:trunk0}
  trunk2: {device: tap:trunk1}
neighbours:
""" + "".join(f"  - {{address: 192.0.2.{n}, mac: '{remote_mac(n)}'}}\n" for n in MANY) + """
networks:
  red:
    vni: 100
    carry_vlans: true
    members:
      - {port: red0}
      - {port: red1}
""" + "".join(f"      - {{port: trunk, vlan: {v}}}\n" for v in range(10, 21)) + \
        "".join(f"      - {{port: trunk2, vlan: {v}}}\n" for v in range(10, 21)) + \
        "    remotes:\n" + "".join(f"      - {{address: 192.0.2.{n}}}\n" for n in MANY)


WIDE_PORTS = ["uplink", "red0", "red1", "trunk", "trunk2"]


def copies(frame, source):
    """All there are of a frame that came in by (port, VLAN)."""
    out = {"red0": [frame], "red1": [frame],
           "trunk": [tagged(frame, v) for v in range(10, 21)],
           "trunk2": [tagged(frame, v) for v in range(10, 21)],
           "uplink": [encapsulated(frame, 100, n) for n in MANY]}
    if source[0] == "trunk":
        out["trunk"] = [tagged(frame, v) for v in range(10, 21) if v != source[1]]
    else:
        out.pop(source[0])
    return out


def wide():
    run = Scenario("wide", wide_config(), WIDE_PORTS)
    frame = udp(A, BROADCAST)
    run.case("from an untagged member", ("red0", frame), copies(frame, ("red0",)))
    frame = udp(A, BROADCAST, size=900)
    run.case("from a tagged member, to its own port's other VLANs too",
             ("trunk", tagged(frame, 12)), copies(frame, ("trunk", 12)))
    frame = tagged(udp(A, NOBODY), 99)
    run.case("with a carried tag", ("red0", frame), copies(frame, ("red0",)))
    frame = of_length(A, BROADCAST, 14)
    run.case("of 14 bytes", ("red1", frame), copies(frame, ("red1",)))
    frame = udp(B, BROADCAST, tos=2)
    out = copies(frame, ("uplink",))
    run.case("from a remote, to members only", ("uplink", arriving(frame, tos=2)), out)
    frame = udp(B, BROADCAST, tos=2)
    out = copies(udp(B, BROADCAST, tos=3), ("uplink",))
    run.case("from a remote, its congestion mark in all copies",
             ("uplink", arriving(frame, tos=3)), out)
    frame = of_length(A, BROADCAST, 1515)
    out = copies(frame, ("red0",))
    out["uplink"] = []
    run.case("too long for the remotes, not for members with a tag to spare", ("red0", frame), out,
             [["mtu_exceeded"] * len(MANY)])
    frame = of_length(A, BROADCAST, 1519)
    run.case("too long for all", ("red0", frame), {}, [["mtu_exceeded"] * (len(MANY) + 23)])
    burst = [udp(A, BROADCAST, size=20, dport=port) for port in range(20, 40)]
    run.case("twenty in turn keep their order at each port", [("red0", f) for f in burst],
             {port: [f for frame in burst for f in copies(frame, ("red0",))[port]]
              for port in ("red1", "trunk", "trunk2", "uplink")}, last_ns=3 * MS)
    result = run.run()
    order = [frame for _, frame in result.outputs["red1"]][-20:]
    tap.check("wide: red1 has the twenty in order", order == burst)


def wide_bursts():
    """Many flooded frames in one burst, between frames of every other fate."""
    run = Scenario("wide, in bursts", wide_config(), WIDE_PORTS, ["--burst", "64"])
    flooded = [udp(A, BROADCAST, size=20, dport=port) for port in range(20)]
    runt, stray, self_sent = b"12345", tagged(udp(A, BROADCAST), 5), udp("00:00:00:00:00:00", A)
    packets, reasons = [], []
    for frame in flooded:
        packets += [("red0", frame), ("red0", runt), ("red0", self_sent), ("trunk", stray)]
        reasons += [None, "runt_frame", "source_mac_invalid", "vlan_not_member"]
    run.case("20 flooded ones among 80", packets,
             {port: [f for frame in flooded for f in copies(frame, ("red0",))[port]]
              for port in ("red1", "trunk", "trunk2", "uplink")}, reasons, spacing_ns=0)
    run.run()


def narrow():
    config = UPLINK + """
  red0: {device: tap:red0}
  pair0: {device: tap:pair0}
  mute0: {device: tap:mute0}
""" + NEIGHBOURS + """
networks:
  alone: {vni: 1, members: [{port: red0}]}
  pair: {vni: 2, members: [{port: pair0}], remotes: [{address: 192.0.2.2}]}
  far: {vni: 3, members: [], remotes: [{address: 192.0.2.2}, {address: 192.0.2.3}]}
"""
    run = Scenario("narrow", config, ["uplink", "red0", "pair0", "mute0"])
    for name, frame in (("broadcast", udp(A, BROADCAST)), ("unknown unicast", udp(A, B)),
                        ("multicast", udp(A, "01:00:5e:00:00:05"))):
        run.case(f"{name} in a network with one member", ("red0", frame), drop="flood_no_member")
        run.case(f"{name} to the only other place", ("pair0", frame),
                 {"uplink": encapsulated(frame, 2)})
        run.case(f"{name} from there", ("uplink", arriving(frame, 2)), {"pair0": frame})
        run.case(f"{name} between remotes only", ("uplink", arriving(frame, 3)),
                 drop="flood_no_member")
    run.case("frame on a port without a network", ("mute0", udp(A, B)), drop="vlan_not_member")
    run.run()


def limited():
    """100 packets a second: a burst is ten packets, then one every 10 ms."""
    config = UPLINK + """
  red0: {device: tap:red0}
  red1: {device: tap:red1}
  free0: {device: tap:free0}
  free1: {device: tap:free1}
""" + NEIGHBOURS + """
networks:
  red:
    vni: 100
    members: [{port: red0}, {port: red1}]
    static_macs: [{mac: "02:00:00:00:01:02", port: red1}]
    flood_limits: {broadcast_pps: 100, multicast_pps: 100, unknown_unicast_pps: 100}
  free:
    vni: 200
    members: [{port: free0}, {port: free1}]
"""
    run = Scenario("limits", config, ["uplink", "red0", "red1", "free0", "free1"])
    kinds = (("broadcast", udp(A, BROADCAST), "broadcast_limit"),
             ("multicast", udp(A, "01:00:5e:00:00:05"), "multicast_limit"),
             ("unknown unicast", udp(A, NOBODY), "unknown_unicast_limit"))
    for name, frame, reason in kinds:
        run.case(f"{name}: of 15 at once 10 pass", [("red0", frame)] * 15,
                 {"red1": [frame] * 10}, [None] * 10 + [reason] * 5, wait_ns=SECOND)
    for name, frame, reason in kinds:
        run.case(f"{name}: each kind has its own bucket, and it fills again",
                 [("red0", frame)] * 12, {"red1": [frame] * 10}, [None] * 10 + [reason] * 2,
                 wait_ns=200 * MS)
    name, frame, reason = kinds[0]
    run.case("after the burst one of two at 200 a second passes",
             [("red0", frame)] * 10 + [("red0", frame, 5 * MS)] * 40,
             {"red1": [frame] * 30},
             [None] * 10 + [reason, None] * 20, wait_ns=SECOND)
    run.case("known unicast has no limit", [("red0", udp(A, B))] * 50, {"red1": [udp(A, B)] * 50})
    run.case("another network has none", [("free0", frame)] * 50, {"free1": [frame] * 50})
    run.run()


if __name__ == "__main__":
    main(wide, wide_bursts, narrow, limited)

# SPDX-License-Identifier: Apache-2.0
"""VXLAN encapsulation: each byte of the outer headers, the source port, access by VLAN."""

from frames import *
from harness import Scenario, announcement, main, tap

NETWORKS = NEIGHBOURS + """
networks:
  red:
    vni: 100
    members: [{port: red0}, {port: trunk, vlan: 10}]
    remotes: [{address: 192.0.2.2}, {address: 192.0.2.3}]
    static_macs:
      - {mac: "02:00:00:00:0a:02", remote: 192.0.2.2}
      - {mac: "02:00:00:00:0a:03", remote: 192.0.2.3}
      - {mac: "02:00:00:00:0a:0c", port: red0}
      - {mac: "02:00:00:00:0a:0d", port: trunk, vlan: 10}
  blue:
    vni: 16777215
    members: [{port: trunk, vlan: 20}, {port: blue0}]
    remotes: [{address: 192.0.2.2}]
    static_macs: [{mac: "02:00:00:00:0a:02", remote: 192.0.2.2}]
  carry:
    vni: 1
    carry_vlans: true
    members: [{port: carry0}, {port: trunk, vlan: 4094}]
    remotes: [{address: 192.0.2.2}]
    static_macs: [{mac: "02:00:00:00:0a:02", remote: 192.0.2.2}]
"""
MEMBERS = """
  red0: {device: tap:red0}
  blue0: {device: tap:blue0}
  carry0: {device: tap:carry0}
  trunk: {device: tap:trunk0}
"""
PORTS = ["uplink", "red0", "blue0", "carry0", "trunk"]
FAR2, FAR3, NEAR = host(10, 2), host(10, 3), host(10, 12)


def outer_headers():
    run = Scenario("encap", UPLINK + MEMBERS + NETWORKS, PORTS)
    frame = udp(NEAR, FAR2)
    run.case("untagged frame, all outer bytes", ("red0", frame),
             {"uplink": encapsulated(frame, 100)})
    run.case("frame tagged VLAN 10 loses its tag", ("trunk", tagged(frame, 10)),
             {"uplink": encapsulated(frame, 100)})
    run.case("priority and DEI of the tag do not matter", ("trunk", tagged(frame, 10 | 0x1000, 7)),
             {"uplink": encapsulated(frame, 100)})
    run.case("the same MACs in another VLAN: the largest VNI", ("trunk", tagged(frame, 20)),
             {"uplink": encapsulated(frame, 16777215)})
    run.case("VNI 1, VLAN 4094", ("trunk", tagged(frame, 4094)),
             {"uplink": encapsulated(frame, 1)})
    run.case("the other remote", ("red0", udp(NEAR, FAR3)),
             {"uplink": encapsulated(udp(NEAR, FAR3), 100, 3)})
    run.case("IPv6 inside", ("red0", udp6(NEAR, FAR2)),
             {"uplink": encapsulated(udp6(NEAR, FAR2))})
    for length in (14, 15, 59, 60, 61, 1513, 1514):
        frame = of_length(NEAR, FAR2, length)
        run.case(f"{length} bytes inside", ("red0", frame), {"uplink": encapsulated(frame)})
    frame = of_length(NEAR, FAR2, 60, kind=0x002E)
    run.case("IEEE 802.3 length instead of a type", ("red0", frame),
             {"uplink": encapsulated(frame)})
    run.case("ARP inside", ("red0", bytes(Ether(src=NEAR, dst=FAR2) / ARP(pdst="10.0.0.9"))),
             {"uplink": encapsulated(bytes(Ether(src=NEAR, dst=FAR2) / ARP(pdst="10.0.0.9")))})
    for dscp in (10, 46, 63):
        frame = udp(NEAR, FAR2, tos=dscp << 2)
        run.case(f"inner DSCP {dscp} stays inside", ("red0", frame),
                 {"uplink": encapsulated(frame)})
    for cut in (1, 8, 19, 20, 21, 27):
        frame = udp(NEAR, FAR2)[:14 + cut]
        run.case(f"inner IPv4 broken off after {cut} bytes is a frame like any other",
                 ("red0", frame), {"uplink": encapsulated(frame)})
    for cut in (1, 39, 40, 41, 43):
        frame = udp6(NEAR, FAR2)[:14 + cut]
        run.case(f"inner IPv6 broken off after {cut} bytes is a frame like any other",
                 ("red0", frame), {"uplink": encapsulated(frame)})
    run.run()


def with_priority(frame, kinds):
    """Behind tags of these kinds, each with VLAN 0."""
    for kind in kinds:
        frame = tagged(frame, 0, 3, kind=kind)
    return frame


def vlans():
    run = Scenario("vlan", UPLINK + MEMBERS + NETWORKS, PORTS)
    frame = udp(NEAR, FAR2)
    run.case("priority tag (VID 0) on an untagged member is taken off",
             ("red0", tagged(frame, 0, 5)), {"uplink": encapsulated(frame)})
    back = udp(FAR2, NEAR)
    for name, kinds in (("an 802.1ad priority tag", [0x88A8]), ("two priority tags", [0x8100, 0x8100]),
                        ("two of either kind", [0x8100, 0x88A8]), ("four", [0x8100] * 4)):
        run.case(f"{name} on an untagged member", ("red0", with_priority(frame, kinds)),
                 {"uplink": encapsulated(frame)})
        run.case(f"{name} on the uplink", ("uplink", with_priority(arriving(back), kinds)),
                 {"red0": back})
        run.case(f"{name} inside of a tunnel",
                 ("uplink", arriving(with_priority(back, kinds))), {"red0": back})
        run.case(f"{name} before a member's VLAN",
                 ("trunk", with_priority(tagged(frame, 10), kinds)), {"uplink": encapsulated(frame)})
        run.case(f"{name} behind a member's VLAN",
                 ("trunk", tagged(with_priority(frame, kinds), 10)), {"uplink": encapsulated(frame)})
    run.case("five priority tags", ("red0", with_priority(frame, [0x8100] * 5)), drop="vlan_not_member")
    run.case("ends inside of a second tag", ("red0", with_priority(frame, [0x8100] * 2)[:21]),
             drop="runt_frame")
    run.case("tag on an untagged member", ("red0", tagged(frame, 10)), drop="vlan_not_member")
    run.case("VLAN without a member", ("trunk", tagged(frame, 11)), drop="vlan_not_member")
    run.case("VLAN 4095", ("trunk", tagged(frame, 4095)), drop="vlan_not_member")
    run.case("untagged on a port with tagged members only", ("trunk", frame),
             drop="vlan_not_member")
    run.case("VID 0 on a port with tagged members only", ("trunk", tagged(frame, 0)),
             drop="vlan_not_member")
    run.case("second tag below the member's", ("trunk", tagged(tagged(frame, 30), 10)),
             drop="vlan_in_network")
    run.case("802.1ad tag is no member's tag", ("trunk", tagged(frame, 10, kind=0x88A8)),
             drop="vlan_not_member")
    run.case("802.1ad tag on an untagged member", ("red0", tagged(frame, 10, kind=0x88A8)),
             drop="vlan_not_member")
    run.case("second tag behind a priority tag", ("red0", tagged(tagged(frame, 30), 0)),
             drop="vlan_not_member")
    run.case("tagged uplink without such a member", ("uplink", tagged(arriving(frame), 10)),
             drop="vlan_not_member")

    inner = tagged(frame, 30, 3)
    run.case("carry_vlans: tag is kept", ("carry0", inner), {"uplink": encapsulated(inner, 1)})
    run.case("carry_vlans: tag below the member's is kept", ("trunk", tagged(inner, 4094)),
             {"uplink": encapsulated(inner, 1)})
    double = tagged(inner, 31, kind=0x88A8)
    run.case("carry_vlans: two tags are kept", ("carry0", double),
             {"uplink": encapsulated(double, 1)})
    run.case("carry_vlans: untagged stays untagged", ("carry0", frame),
             {"uplink": encapsulated(frame, 1)})
    zero = tagged(frame, 0, 6)
    run.case("carry_vlans: priority tag is kept", ("carry0", zero),
             {"uplink": encapsulated(zero, 1)})
    run.case("carry_vlans: a tag with nothing behind it",
             ("carry0", frame[:12] + b"\x81\x00\x00\x1e\x81\x00"),
             {"uplink": encapsulated(frame[:12] + b"\x81\x00\x00\x1e\x81\x00", 1)})
    run.case("frame ends inside the tag", ("carry0", frame[:12] + b"\x81\x00\x00"),
             drop="runt_frame")

    near = udp(FAR2, host(10, 12))
    run.case("to an untagged member", ("uplink", arriving(near)), {"red0": near})
    near = udp(FAR2, host(10, 13))
    run.case("to a tagged member", ("uplink", arriving(near)), {"trunk": tagged(near, 10)})
    near = udp(NEAR, host(10, 13))
    run.case("from untagged to tagged member", ("red0", near), {"trunk": tagged(near, 10)})
    near = udp(host(10, 13), NEAR)
    run.case("from tagged to untagged member", ("trunk", tagged(near, 10)), {"red0": near})
    run.run()


def shared_uplink():
    """A port that is underlay for untagged frames, and member of networks by tag."""
    config = UPLINK + "  red0: {device: tap:red0}\n" + NEIGHBOURS + """
networks:
  red:
    vni: 100
    members: [{port: red0}, {port: uplink, vlan: 30}]
    remotes: [{address: 192.0.2.2}]
"""
    run = Scenario("shared uplink", config, ["uplink", "red0"])
    hello = udp(NEAR, BROADCAST)
    run.case("flooded to its member and to the remote", ("red0", hello),
             {"uplink": [tagged(hello, 30), encapsulated(hello)]})
    run.case("tagged in is bridged", ("uplink", tagged(udp(host(1, 1), NEAR), 30)),
             {"red0": udp(host(1, 1), NEAR)})
    run.case("tagged VXLAN is not ours but the network's",
             ("uplink", tagged(arriving(hello), 30)),
             {"uplink": encapsulated(arriving(hello)), "red0": arriving(hello)})
    run.case("untagged in is the underlay's", ("uplink", arriving(udp(FAR2, NEAR))),
             {"red0": udp(FAR2, NEAR)})
    run.case("from the remote to the tagged member of the same port",
             ("uplink", arriving(udp(FAR2, host(1, 1)))),
             {"uplink": tagged(udp(FAR2, host(1, 1)), 30)})
    run.case("and back", ("uplink", tagged(udp(host(1, 1), FAR2), 30)),
             {"uplink": encapsulated(udp(host(1, 1), FAR2))})
    run.case("ARP by the tag is the network's",
             ("uplink", tagged(arp_request(host(1, 1), remote_ip(9), OUR_IP), 30)),
             {"uplink": encapsulated(arp_request(host(1, 1), remote_ip(9), OUR_IP)),
              "red0": arp_request(host(1, 1), remote_ip(9), OUR_IP)})
    run.case("another tag", ("uplink", tagged(udp(host(1, 1), NEAR), 31)), drop="vlan_not_member")
    run.run()


def settings():
    config = UPLINK.replace("02:00:00:00:00:01", "02:00:00:00:00:99") + MEMBERS + NETWORKS
    config += "tunnels:\n  vxlan: {udp_port: 8472, ttl: 7, dscp: 46}\n"
    run = Scenario("settings", config, PORTS,
                   start={"uplink": [announcement("02:00:00:00:00:99")]})
    outer = {"ttl": 7, "dport": 8472, "src_mac": "02:00:00:00:00:99"}
    for ecn in range(4):
        frame = udp(NEAR, FAR2, tos=10 << 2 | ecn)
        run.case(f"UDP port, TTL, DSCP and MAC as configured, ECN {ecn} beside it",
                 ("red0", frame), {"uplink": encapsulated(frame, tos=46 << 2 | ecn, **outer)})
    inner = udp(FAR2, NEAR)
    eth = {"dst": "02:00:00:00:00:99"}
    run.case("takes in the configured UDP port", ("uplink", arriving(inner, dport=8472, eth=eth)),
             {"red0": inner})
    run.case("and no longer 4789", ("uplink", arriving(inner, dport=4789, eth=eth)),
             drop="udp_port_closed")
    run.run()


def flows():
    """The source port tells flows apart and stays with each (RFC 7348 section 4)."""
    run = Scenario("source port", UPLINK + MEMBERS + NETWORKS, PORTS)
    run_flows = {}

    def ecn_of(frame):
        packet = Ether(frame)
        return packet[IP].tos & 3 if IP in packet else 0

    def add(flow, frames):
        # Inner ECN is copied outside: RFC 6040 section 4.1.
        case = {"uplink": [encapsulated(frame, tos=ecn_of(frame)) for frame in frames]}
        run.case(f"flow: {flow}", [("red0", frame) for frame in frames], case, ordered=True,
                 check=lambda out, _: run_flows.update(
                     {flow: [source_port(frame) for frame in out["uplink"]]}) or [])

    sizes = [64, 1, 500, 64]
    add("base", [udp(NEAR, FAR2, size=size) for size in sizes])
    add("other source port", [udp(NEAR, FAR2, sport=1001, size=size) for size in sizes])
    add("other destination port", [udp(NEAR, FAR2, dport=2001, size=size) for size in sizes])
    add("other source address", [udp(NEAR, FAR2, sip="10.0.0.3", size=s) for s in sizes])
    add("other destination address", [udp(NEAR, FAR2, dip="10.0.0.3", size=s) for s in sizes])
    add("IPv6", [udp6(NEAR, FAR2, size=size) for size in sizes])
    add("IPv6, other port", [udp6(NEAR, FAR2, sport=1001, size=size) for size in sizes])
    add("IPv6, other address", [udp6(NEAR, FAR2, dip="fd00::3", size=size) for size in sizes])
    add("neither", [of_length(NEAR, FAR2, size + 60) for size in sizes])
    add("neither, other host", [of_length(host(10, 14), FAR2, size + 60) for size in sizes])
    add("DSCP, ECN, TTL and id do not make a flow",
        [udp(NEAR, FAR2, sport=7, tos=tos, ttl=1 + tos, id=tos) for tos in (0, 1 << 2, 201)])
    add("fragments of a datagram stay together",
        [udp(NEAR, FAR2, sport=9, flags="MF"), udp(NEAR, FAR2, sport=9, frag=5, flags="MF"),
         udp(NEAR, FAR2, sport=9, frag=9)])
    tcp = [bytes(Ether(src=NEAR, dst=FAR2) / IP(src="10.0.0.1", dst="10.0.0.2") /
                 TCP(sport=1000, dport=2000, flags=flags, seq=seq))
           for flags, seq in (("S", 1), ("A", 2), ("FA", 99999))]
    add("TCP of the same ports", tcp)
    many = [udp(NEAR, FAR2, sport=port) for port in range(2000, 2400)]
    add("400 flows", many)
    run.run()

    one_per_flow = {}
    for flow, ports in run_flows.items():
        if flow == "400 flows":
            continue
        tap.check(f"source port: one for the flow '{flow}'", len(set(ports)) == 1, str(ports))
        one_per_flow[flow] = ports[0] if ports else None
    different = len(set(one_per_flow.values()))
    tap.check("source port: flows differ", different >= len(one_per_flow) - 1, str(one_per_flow))
    ports = set(run_flows.get("400 flows", []))
    # 400 of 16384 at random leave about 395 different ones.
    tap.check("source port: 400 flows spread over the range", len(ports) > 370, f"{len(ports)}")
    tap.check("source port: from the lower to the upper end of the range",
              bool(ports) and min(ports) < 50500 and max(ports) > 64200,
              f"{min(ports, default=0)} to {max(ports, default=0)}")


if __name__ == "__main__":
    main(outer_headers, vlans, shared_uplink, settings, flows)

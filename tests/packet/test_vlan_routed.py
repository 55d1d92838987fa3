# SPDX-License-Identifier: Apache-2.0
"""VLANs of ports as interfaces of VRFs: routed between two of a trunk, to a network's gateway and
into a tunnel, beside an underlay and bridged VLANs; ARP, ND and ICMP with the tag."""

import frames
from harness import MS, SECOND, Scenario, announcement, main
from nd_frames import advertisement, solicitation, unsolicited
from routed_frames import (ALL, EXCEEDED, NO_HOST, NO_PORT, NO_ROUTE, Link, about, arp, hop, merged,
                           packet, too_big)
from frames import OUR_MAC, tagged

from scapy.layers.inet import ICMP, IP, fragment
from scapy.layers.inet6 import ICMPv6EchoReply, ICMPv6EchoRequest, IPv6
from scapy.layers.l2 import GRE, Ether
from scapy.packet import Raw

TRUNK_MAC = "02:00:00:00:70:fe"
FAR = {4: "10.9.0.1", 6: "fd09::1"}  # behind the tunnel
NOWHERE = {4: "198.51.100.1", 6: "2001:db8:ffff::1"}
ROUTER, ROUTER_MAC = "10.2.0.7", "02:00:00:00:02:07"


def by_vlan(port, vlan):
    return lambda frame: (port, tagged(frame, vlan)), lambda frame: {port: tagged(frame, vlan)}


TEN = Link("VLAN 10", 1, TRUNK_MAC, *by_vlan("trunk", 10))
ELEVEN = Link("VLAN 11", 2, TRUNK_MAC, *by_vlan("trunk", 11))
BESIDE = Link("VLAN 21 beside the underlay", 3, OUR_MAC, *by_vlan("uplink", 21))
# A network of VLAN 30, with a gateway.
BRIDGED = Link("the network of VLAN 30", 4, "02:ad:17:00:00:64", *by_vlan("trunk", 30))
# Another tenant, with the addresses of VLANs 10 and 11.
TWENTY = Link("VLAN 20", 1, TRUNK_MAC, *by_vlan("trunk", 20))
OTHER = Link("VLAN 22", 2, TRUNK_MAC, *by_vlan("trunk", 22))
TWENTY.host_mac, OTHER.host_mac = "02:00:00:00:0f:01", "02:00:00:00:0f:02"
# Routed beside an untagged network that carries tags.
OVER = Link("VLAN 40", 5, "02:00:00:00:71:fe", *by_vlan("carry", 40))
LINKS = [TEN, ELEVEN, BESIDE, TWENTY, OTHER, OVER]


def entry(link, port, vlan, more=""):
    return (f'{{port: {port}, vlan: {vlan}, addresses: [{link.gateway[4]}/24, '
            f'"{link.gateway[6]}/64"]{more}}}')


CONFIG = f"""
ports:
  uplink: {{device: tap:up0, mtu_bytes: 1600, mac: {OUR_MAC}, addresses: [192.0.2.1/24]}}
  trunk: {{device: tap:trunk0, mtu_bytes: 1500, mac: "{TRUNK_MAC}"}}
  carry: {{device: tap:carry0, mac: "{OVER.mac}"}}
neighbours:
  - {{address: 192.0.2.2, mac: "02:00:00:00:00:02"}}
  - {{address: 192.0.2.40, mac: "02:00:00:00:00:28"}}
networks:
  bridged: {{vni: 100, members: [{{port: trunk, vlan: 30}}], remotes: [{{address: 192.0.2.2}}]}}
  carried: {{vni: 101, carry_vlans: true, members: [{{port: carry}}], remotes: [{{address: 192.0.2.2}}]}}
vrfs:
  one:
    vlans:
      - {entry(TEN, "trunk", 10)}
      - {entry(ELEVEN, "trunk", 11, ", mtu_bytes: 1400")}
      - {entry(BESIDE, "uplink", 21)}
      - {entry(OVER, "carry", 40)}
    networks: {{bridged: {{addresses: [{BRIDGED.gateway[4]}/24, "{BRIDGED.gateway[6]}/64"]}}}}
    tunnels: {{site: {{address: 192.0.2.40, kind: gre-ip, id: 7, addresses: [10.255.0.1/30]}}}}
    routes:
      - {{to: 10.9.0.0/16, tunnel: site}}
      - {{to: "fd09::/64", tunnel: site}}
      - {{to: 10.8.0.0/16, via: {ROUTER}}}
    neighbours: [{{address: {ROUTER}, mac: "{ROUTER_MAC}"}}]
  two:
    vlans:
      - {entry(TWENTY, "trunk", 20)}
      - {entry(OTHER, "trunk", 22)}
"""
PORTS = ["uplink", "trunk", "carry"]


def announced(link):
    return [announcement(link.mac, link.gateway[4]), unsolicited(link.mac, link.gateway[6], router=1)]


def in_network(frame, vlan=30, vni=100):
    """What the gateway sends to all of its network."""
    return {"trunk": [tagged(frame, vlan)], "uplink": [frames.encapsulated(frame, vni, 2)]}


START = merged({"uplink": announcement()},
               *[link.expect(frame) for link in LINKS for frame in announced(link)],
               *[in_network(frame) for frame in announced(BRIDGED)])


def question(link, version, target):
    if version == 4:
        return arp(1, link.mac, link.gateway[4], ALL, target)
    return solicitation(link.mac, link.gateway[6], target)


def answer(link, version):
    """Of a host that was asked for."""
    mac, address = link.host_mac, link.host[version]
    if version == 4:
        return arp(2, mac, address, link.mac, link.gateway[4], asked=link.mac)
    return advertisement(mac, link.mac, address, link.gateway[6])


def site_outer(inner, src, dst, src_mac, dst_mac):
    proto = 0x0800 if inner.version == 4 else 0x86DD
    return bytes(Ether(src=src_mac, dst=dst_mac) / IP(src=src, dst=dst, flags="DF", id=0) /
                 GRE(proto=proto, key_present=1, key=7) / inner)


def from_site(inner):
    return "uplink", site_outer(inner, "192.0.2.40", "192.0.2.1", "02:00:00:00:00:28", OUR_MAC)


def to_site(inner):
    return {"uplink": site_outer(inner, "192.0.2.1", "192.0.2.40", OUR_MAC, "02:00:00:00:00:28")}


def is_question(port, frame):
    """ARP and ND of adit's own, which go on as long as nobody answers."""
    if port == "uplink" and frame[12:14] == b"\x08\x00":
        frame = frame[50:]
    inner = frame[:12] + frame[16:] if frame[12:14] == b"\x81\x00" else frame
    return inner[12:14] == b"\x08\x06" or len(inner) > 54 and inner[20] == 58 and inner[54] == 135


def scenario(name, text=CONFIG, known=True, start=None):
    """`known`: the hosts have been met: asked for in their VLAN, they answer there."""
    run = Scenario(name, text, PORTS, start=start or START, stray=is_question)
    for link in (TEN, ELEVEN, BESIDE, BRIDGED, OVER) if known else ():
        for version in (4, 6):
            inner = packet(version, FAR[version], link.host[version])
            asked = question(link, version, link.host[version])
            run.case(f"IPv{version} host of {link.name} is asked for, and gets what waited",
                     [from_site(inner), (*link.send(answer(link, version)), MS)],
                     merged(in_network(asked) if link is BRIDGED else link.expect(asked),
                            link.delivered(hop(inner))))
    return run


def routed():
    run = scenario("routed")
    links = (TEN, ELEVEN, BESIDE, BRIDGED, OVER)
    for source in links:
        for version in (4, 6):
            for target in links:
                inner = packet(version, source.host[version], target.host[version], 200)
                run.case(f"IPv{version} from {source.name} to {target.name}", source.frame(inner),
                         target.delivered(hop(inner)))
            inner = packet(version, source.host[version], FAR[version])
            run.case(f"IPv{version} from {source.name} into the tunnel", source.frame(inner),
                     to_site(hop(inner)))
            inner = packet(version, FAR[version], source.host[version])
            run.case(f"IPv{version} from the tunnel to {source.name}", from_site(inner),
                     source.delivered(hop(inner)))
    inner = packet(4, TEN.host[4], "10.8.1.1")
    run.case("a router in a VLAN", TEN.frame(inner), ELEVEN.delivered(hop(inner), ROUTER_MAC))
    inner = packet(4, TEN.host[4], ELEVEN.host[4])
    port, frame = TEN.frame(inner)
    run.case("a priority in the tag is not passed on",
             (port, frame[:14] + bytes([0xA0 | frame[14]]) + frame[15:]),
             ELEVEN.delivered(hop(inner)))
    run.case("padding is cut off", (port, frame + bytes(9)), ELEVEN.delivered(hop(inner)))
    many = [packet(4, TEN.host[4], ELEVEN.host[4], sport=1000 + i) for i in range(32)]
    run.case("a burst keeps its order", [TEN.frame(inner) for inner in many],
             {"trunk": [ELEVEN.delivered(hop(inner))["trunk"] for inner in many]}, spacing_ns=0,
             ordered=True)
    run.run()


def apart():
    """The tenants have the same addresses and MACs of ours, on one port."""
    run = scenario("apart")
    for version in (4, 6):
        inner = packet(version, TWENTY.host[version], OTHER.host[version])
        run.case(f"IPv{version} of the other tenant asks in its own VLAN",
                 [TWENTY.frame(inner), (*OTHER.send(answer(OTHER, version)), MS)],
                 merged(OTHER.expect(question(OTHER, version, OTHER.host[version])),
                        OTHER.delivered(hop(inner))))
        inner = packet(version, TEN.host[version], ELEVEN.host[version])
        run.case(f"IPv{version} of the first goes to its own host", TEN.frame(inner),
                 ELEVEN.delivered(hop(inner)))
    run.case("it has no route that the other has", TWENTY.frame(packet(4, "203.0.113.1", FAR[4])),
             {}, "no_route")
    run.run()


def asked():
    run = scenario("asked", known=False)
    for link in LINKS:
        ask = arp(1, link.host_mac, link.host[4], ALL, link.gateway[4])
        run.case(f"ARP for our address in {link.name}", link.send(ask), link.expect(
            arp(2, link.mac, link.gateway[4], link.host_mac, link.host[4], asked=link.host_mac)))
        ask = solicitation(link.host_mac, link.host[6], link.gateway[6])
        run.case(f"ND for our address in {link.name}", link.send(ask), link.expect(
            advertisement(link.mac, link.host_mac, link.gateway[6], link.host[6], router=1)))
    ask = solicitation(TEN.host_mac, "::", TEN.gateway[6], option=False)
    run.case("ND that looks for a duplicate", TEN.send(ask),
             TEN.expect(unsolicited(TEN.mac, TEN.gateway[6], router=1)))
    run.case("ARP for the address of another VLAN", TEN.send(
        arp(1, TEN.host_mac, TEN.host[4], ALL, ELEVEN.gateway[4])), {}, "arp_not_for_us")
    run.case("ND for the address of another VLAN", TEN.send(
        solicitation(TEN.host_mac, TEN.host[6], ELEVEN.gateway[6])), {}, "nd_not_for_us")
    run.case("ND that crossed a router", TEN.send(
        solicitation(TEN.host_mac, TEN.host[6], TEN.gateway[6], dst_mac=TEN.mac,
                     dst=TEN.gateway[6], hlim=64)), {}, "icmp_ignored")
    ask = arp(1, "02:00:00:00:00:63", "192.0.2.99", ALL, "192.0.2.1")
    reply = arp(2, OUR_MAC, "192.0.2.1", "02:00:00:00:00:63", "192.0.2.99",
                asked="02:00:00:00:00:63")
    run.case("the underlay's untagged ARP is answered as ever", ("uplink", ask),
             {"uplink": reply})
    run.case("also with a priority tag", ("uplink", tagged(ask, 0, prio=5)), {"uplink": reply})
    told = announcement("02:00:00:00:01:99", TEN.host[4])
    run.case("an announcement is heard", TEN.send(told), {})
    run.run()


def refused():
    run = scenario("refused")
    inner = packet(4, TEN.host[4], ELEVEN.host[4])
    plain = bytes(Ether(src=TEN.host_mac, dst=TEN.mac) / inner)
    for name, frame in {
            "untagged": plain, "priority tag alone": tagged(plain, 0, prio=3),
            "another VLAN": tagged(plain, 12), "VLAN 4095": tagged(plain, 4095),
            "a service tag of the number": tagged(plain, 10, kind=0x88A8)}.items():
        run.case(name, ("trunk", frame), {}, "vlan_not_member")
    run.case("the trunk's VLAN on the uplink", ("uplink", tagged(plain, 10)), {},
             "vlan_not_member")
    run.case("a second tag", ("trunk", tagged(tagged(plain, 5), 10)), {}, "ether_type_unknown")
    run.case("ends inside the tag", ("trunk", tagged(plain, 10)[:17]), {}, "runt_frame")
    run.case("ends behind the tag", ("trunk", tagged(plain, 10)[:18]), {}, "ip_truncated")
    run.case("for another MAC", TEN.frame(inner, dst="02:00:00:00:70:ff"), {}, "not_our_mac")
    run.case("IP to all", TEN.frame(inner, dst=ALL), {}, "not_our_mac")
    run.case("another type", TEN.send(bytes(Ether(src=TEN.host_mac, dst=TEN.mac, type=0x88B5) /
                                            Raw(bytes(50)))), {}, "ether_type_unknown")
    carried = tagged(frames.udp("02:00:00:00:0c:01", "02:00:00:00:0c:02"), 41)
    run.case("a tag that nobody routes is carried by the network", ("carry", carried),
             {"uplink": frames.encapsulated(carried, 101, 2)})
    run.run()


def told():
    """ICMP from our address in the VLAN, with its tag."""
    run = scenario("told")
    for link in (TEN, ELEVEN, BESIDE):
        for version in (4, 6):
            ours = link.gateway[version]
            inner = packet(version, link.host[version], FAR[version], ttl=1)
            run.case(f"IPv{version} with TTL 1 from {link.name}", link.frame(inner),
                     link.delivered(about(inner, EXCEEDED[version], ours)), "ttl_expired")
            inner = packet(version, link.host[version], NOWHERE[version])
            run.case(f"IPv{version} without route from {link.name}", link.frame(inner),
                     link.delivered(about(inner, NO_ROUTE[version], ours)), "no_route")
            inner = packet(version, link.host[version], ours)
            run.case(f"IPv{version} UDP for our address in {link.name}", link.frame(inner),
                     link.delivered(about(inner, NO_PORT[version], ours)), "udp_port_closed")
        ping = IP(src=link.host[4], dst=link.gateway[4], id=5) / ICMP(id=1, seq=2) / Raw(b"data")
        pong = IP(src=link.gateway[4], dst=link.host[4], id=5) / ICMP(type=0, id=1, seq=2) / Raw(
            b"data")
        run.case(f"our address in {link.name} answers echo", link.frame(ping), link.delivered(pong))
        ping = IPv6(src=link.host[6], dst=link.gateway[6]) / ICMPv6EchoRequest(id=1, data=b"data")
        pong = IPv6(src=link.gateway[6], dst=link.host[6]) / ICMPv6EchoReply(id=1, data=b"data")
        run.case(f"also over IPv6, {link.name}", link.frame(ping), link.delivered(pong))
    run.run()


def measured():
    """The tag is beside the MTU."""
    run = scenario("measured")
    for source, target, mtu in ((ELEVEN, TEN, 1500), (TEN, ELEVEN, 1400), (TEN, BESIDE, 1600)):
        for version in (4, 6):
            inner = packet(version, source.host[version], target.host[version], mtu)
            run.case(f"IPv{version} that just fits {target.name}", source.frame(inner),
                     target.delivered(hop(inner)))
            inner = packet(version, source.host[version], target.host[version], mtu + 1)
            run.case(f"IPv{version} one byte too long for {target.name}", source.frame(inner),
                     source.delivered(about(inner, too_big(version, mtu),
                                            source.gateway[version])), "mtu_exceeded")
        inner = packet(4, source.host[4], target.host[4], 1700, flags=0, id=77)
        parts = fragment(hop(inner), fragsize=(mtu - 20) // 8 * 8)
        for part in parts:
            del part.chksum
        run.case(f"IPv4 that may be fragmented, to {target.name}", source.frame(inner),
                 merged(*[target.delivered(part) for part in parts]))
    run.run()


def waiting():
    run = scenario("waiting", known=False)
    for version in (4, 6):
        gone = {4: "10.1.0.66", 6: "fd01::66"}[version]
        inner = packet(version, FAR[version], gone)
        asks = TEN.expect(question(TEN, version, gone))
        source = "10.255.0.1" if version == 4 else TEN.gateway[6]
        run.case(f"an IPv{version} host that is not there", from_site(inner),
                 merged(asks, asks, to_site(about(hop(inner), NO_HOST[version], source))),
                 "neighbour_unresolved", wait_ns=5 * SECOND, last_ns=1700 * MS)
    run.run()


main(routed, apart, asked, refused, told, measured, waiting)

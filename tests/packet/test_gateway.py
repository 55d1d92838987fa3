# SPDX-License-Identifier: Apache-2.0
"""Gateways of networks: hosts behind an access port, VXLAN and STT are routed to each other, to a
port's subnet and into a tunnel; ARP and ND within the network, ICMP from the gateway's address."""

import frames
import tunnels
from harness import MS, SECOND, Free, Scenario, announcement, main, tap
from nd_frames import advertisement, solicitation, unsolicited
from routed_frames import (ALL, EXCEEDED, NO_HOST, NO_PORT, NO_ROUTE, Link, about, arp, hop,
                           merged, packet, too_big)
from tunnels import OUR_MAC

from scapy.layers.inet import ICMP, IP, TCP, fragment
from scapy.layers.inet6 import ICMPv6EchoReply, ICMPv6EchoRequest, IPv6
from scapy.layers.l2 import GRE, Ether
from scapy.packet import Raw

MTU = 1500  # of the uplink
ALL_NODES = "33:33:00:00:00:01"


def by_vxlan(vni, remote):
    return (lambda inner: ("uplink", frames.arriving(inner, vni, remote)),
            lambda inner: {"uplink": frames.encapsulated(inner, vni, remote)})


def by_port(name):
    return lambda inner: (name, inner), lambda inner: {name: inner}


# Network red behind VXLAN, with a MAC by its VNI; blue behind a port, with one of its own.
RED = Link("red", 1, "02:ad:17:00:00:64", *by_vxlan(100, 2))
BLUE = Link("blue", 2, "02:00:00:00:02:fe", *by_port("blue0"))
PORT = Link("port", 3, "02:00:00:00:03:fe", *by_port("edge0"))
# Another tenant, with red's addresses.
OTHER = Link("other", 1, "02:ad:17:00:00:c8", *by_vxlan(200, 2))
OTHER.host_mac = "02:00:00:00:0f:01"
OTHER_SITE = "10.2.0.1"
FITS = {"red": MTU - 50, "blue": 1400}  # the largest IP packet
FAR = {4: "10.9.0.1", 6: "fd09::1"}  # behind the tunnel
ROUTER, ROUTER_MAC = "10.2.0.7", "02:00:00:00:02:07"
STILL, STILL_MAC = "10.1.0.8", "02:00:00:00:01:08"

CONFIG = f"""
ports:
  uplink: {{device: tap:up0, mtu_bytes: {MTU}, mac: {OUR_MAC}, addresses: [192.0.2.1/24]}}
  blue0: {{device: tap:blue0, mtu_bytes: 1500}}
  blue1: {{device: tap:blue1, mtu_bytes: 1400}}
  edge0: {{device: tap:edge0, mac: "{PORT.mac}", addresses: [{PORT.gateway[4]}/24, "{PORT.gateway[6]}/64"]}}
  other0: {{device: tap:other0, mac: "02:00:00:00:0e:fe", addresses: [10.2.0.254/24]}}
neighbours:
  - {{address: 192.0.2.2, mac: "02:00:00:00:00:02"}}
  - {{address: 192.0.2.3, mac: "02:00:00:00:00:03"}}
  - {{address: 192.0.2.40, mac: "02:00:00:00:00:28"}}
networks:
  red: {{vni: 100, remotes: [{{address: 192.0.2.2}}, {{address: 192.0.2.3}}]}}
  blue: {{vni: 101, members: [{{port: blue0}}, {{port: blue1}}]}}
  other: {{vni: 200, remotes: [{{address: 192.0.2.2}}]}}
  plain: {{vni: 300, members: [{{port: other0, vlan: 3}}], remotes: [{{address: 192.0.2.2}}]}}
vrfs:
  one:
    ports: [edge0]
    networks:
      red: {{addresses: [{RED.gateway[4]}/24, "{RED.gateway[6]}/64"]}}
      blue: {{addresses: [{BLUE.gateway[4]}/24, "{BLUE.gateway[6]}/64"], mac: "{BLUE.mac}"}}
    tunnels: {{site: {{address: 192.0.2.40, kind: gre-ip, id: 7, addresses: [10.255.0.1/30]}}}}
    routes:
      - {{to: 10.9.0.0/16, tunnel: site}}
      - {{to: "fd09::/64", tunnel: site}}
      - {{to: 10.8.0.0/16, via: {ROUTER}}}
    neighbours: [{{address: {STILL}, mac: "{STILL_MAC}"}}]
  two:
    ports: [other0]
    networks: {{other: {{addresses: [{OTHER.gateway[4]}/24]}}}}
    neighbours: [{{address: {OTHER_SITE}, mac: "02:00:00:00:0e:01"}}]
"""
PORTS = ["uplink", "blue0", "blue1", "edge0", "other0"]


def flooded(inner, link):
    """A frame of the gateway's to all of its network."""
    if link is RED:
        return {"uplink": [frames.encapsulated(inner, 100, 2), frames.encapsulated(inner, 100, 3)]}
    if link is OTHER:
        return {"uplink": [frames.encapsulated(inner, 200, 2)]}
    return {"blue0": [inner], "blue1": [inner]} if link is BLUE else {"edge0": [inner]}


def question(link, version, target):
    if version == 4:
        return arp(1, link.mac, link.gateway[4], ALL, target)
    return solicitation(link.mac, link.gateway[6], target)


def answer(link, version, mac=None, address=None):
    """Of a host that was asked for."""
    mac, address = mac or link.host_mac, address or link.host[version]
    if version == 4:
        return arp(2, mac, address, link.mac, link.gateway[4], asked=link.mac)
    return advertisement(mac, link.mac, address, link.gateway[6])


START = merged(
    {"uplink": announcement(), "edge0": [announcement(PORT.mac, PORT.gateway[4]),
                                         unsolicited(PORT.mac, PORT.gateway[6], router=1)],
     "other0": announcement("02:00:00:00:0e:fe", "10.2.0.254")},
    *[flooded(announcement(link.mac, link.gateway[4]), link) for link in (RED, BLUE, OTHER)],
    *[flooded(unsolicited(link.mac, link.gateway[6], router=1), link) for link in (RED, BLUE)],
    flooded(question(BLUE, 4, ROUTER), BLUE))


def is_question(port, frame):
    """ARP and ND of adit's own, which go on as long as nobody answers."""
    inner = frame[50:] if port == "uplink" and frame[12:14] == b"\x08\x00" else frame
    return inner[12:14] == b"\x08\x06" or len(inner) > 54 and inner[20] == 58 and inner[54] == 135


def site_outer(inner, src, dst, src_mac, dst_mac):
    proto = 0x0800 if inner.version == 4 else 0x86DD
    return bytes(Ether(src=src_mac, dst=dst_mac) / IP(src=src, dst=dst, flags="DF", id=0) /
                 GRE(proto=proto, key_present=1, key=7) / inner)


def from_site(inner):
    return "uplink", site_outer(inner, "192.0.2.40", "192.0.2.1", "02:00:00:00:00:28", OUR_MAC)


def to_site(inner):
    return {"uplink": site_outer(inner, "192.0.2.1", "192.0.2.40", OUR_MAC, "02:00:00:00:00:28")}


def meet(run, link, version):
    """A packet for a host that nobody has met: asked for in its network, and delivered when it
    answers, which tells where it is as well."""
    inner = packet(version, FAR[version], link.host[version])
    run.case(f"IPv{version} host of {link.name} is asked for, and gets what waited",
             [from_site(inner), (*link.send(answer(link, version)), MS)],
             merged(flooded(question(link, version, link.host[version]), link),
                    link.delivered(hop(inner))))


def scenario(name, text=CONFIG, known=True):
    """`known`: the hosts have been met, and the router."""
    run = Scenario(name, text, PORTS, start=START, stray=is_question)
    if known:
        for link in (RED, BLUE, PORT):
            for version in (4, 6):
                meet(run, link, version)
        run.case("the router answers",
                 BLUE.send(answer(BLUE, 4, ROUTER_MAC, ROUTER)), {})
    return run


def routed():
    run = scenario("routed")
    for source in (RED, BLUE, PORT):
        for version in (4, 6):
            for target in (RED, BLUE, PORT):
                inner = packet(version, source.host[version], target.host[version], 200)
                if target is source:
                    # A router may send a packet back to where it came from.
                    run.case(f"IPv{version} within {source.name}", source.frame(inner),
                             target.delivered(hop(inner)))
                    continue
                run.case(f"IPv{version} from {source.name} to {target.name}", source.frame(inner),
                         target.delivered(hop(inner)))
            inner = packet(version, source.host[version], FAR[version])
            run.case(f"IPv{version} from {source.name} into the tunnel", source.frame(inner),
                     to_site(hop(inner)))
            inner = packet(version, FAR[version], source.host[version])
            run.case(f"IPv{version} from the tunnel to {source.name}", from_site(inner),
                     source.delivered(hop(inner)))
    inner = packet(4, RED.host[4], "10.8.1.1")
    run.case("a router in a network", RED.frame(inner), BLUE.delivered(hop(inner), ROUTER_MAC))
    inner = packet(4, RED.host[4], BLUE.host[4])
    run.case("padding is cut off", RED.send(bytes(Ether(src=RED.host_mac, dst=RED.mac) / inner) +
                                            bytes(9)), BLUE.delivered(hop(inner)))
    many = [packet(4, RED.host[4], BLUE.host[4], sport=1000 + i) for i in range(32)]
    run.case("a burst keeps its order", [RED.frame(inner) for inner in many],
             {"blue0": [BLUE.delivered(hop(inner))["blue0"] for inner in many]}, spacing_ns=0,
             ordered=True)
    result = run.run()
    counts = {network["name"]: network for network in result.report["networks"]}
    tap.check("frames from the gateway count for its network",
              counts["blue"]["rx_packets"] > 0 and
              counts["blue"]["rx_packets"] <= counts["blue"]["tx_packets"], str(counts["blue"]))


def apart():
    """The tenants have the same addresses, and nothing in common."""
    run = scenario("apart")
    inner = packet(4, OTHER.host[4], OTHER_SITE)
    run.case("other's packet for an address that one has as well", OTHER.frame(inner),
             {"other0": bytes(Ether(src="02:00:00:00:0e:fe", dst="02:00:00:00:0e:01") /
                              hop(inner))})
    run.case("other has no route that one has",
             OTHER.frame(packet(4, "203.0.113.1", FAR[4])), {}, "no_route")
    run.case("the MAC of red's gateway is nobody's in other",
             OTHER.frame(packet(4, OTHER.host[4], OTHER_SITE), dst=RED.mac), {}, "flood_no_member")
    run.case("nor that of other's gateway in red",
             RED.frame(packet(4, RED.host[4], BLUE.host[4]), dst=OTHER.mac), {}, "flood_no_member")
    run.case("ARP for the same address has an answer of its own",
             OTHER.send(arp(1, OTHER.host_mac, OTHER.host[4], ALL, OTHER.gateway[4])),
             OTHER.expect(arp(2, OTHER.mac, OTHER.gateway[4], OTHER.host_mac, OTHER.host[4],
                              asked=OTHER.host_mac)))
    run.run()


def asked():
    """ARP and ND for the gateway: flooded like all groups, and answered where they came from."""
    run = scenario("asked", known=False)
    stranger = "02:00:00:00:01:77"
    ask = arp(1, stranger, "10.1.0.77", ALL, RED.gateway[4])
    reply = arp(2, RED.mac, RED.gateway[4], stranger, "10.1.0.77", asked=stranger)
    run.case("ARP for red's gateway from a stranger: no other remote sees the answer",
             RED.send(ask), {"uplink": frames.encapsulated(reply, 100, 2)})
    ask = arp(1, BLUE.host_mac, BLUE.host[4], ALL, BLUE.gateway[4])
    reply = arp(2, BLUE.mac, BLUE.gateway[4], BLUE.host_mac, BLUE.host[4], asked=BLUE.host_mac)
    run.case("ARP for blue's gateway, flooded as well", BLUE.send(ask),
             {"blue0": reply, "blue1": ask})
    ask = arp(1, BLUE.host_mac, BLUE.host[4], BLUE.mac, BLUE.gateway[4])
    run.case("ARP to the gateway alone", BLUE.send(ask), {"blue0": reply})
    ask = arp(1, BLUE.host_mac, "0.0.0.0", ALL, BLUE.gateway[4])
    reply = arp(2, BLUE.mac, BLUE.gateway[4], BLUE.host_mac, "0.0.0.0", asked=BLUE.host_mac)
    run.case("an ARP probe for our address", BLUE.send(ask), {"blue0": reply, "blue1": ask})
    ask = arp(1, BLUE.host_mac, BLUE.host[4], ALL, "10.2.0.9")
    run.case("ARP for another is flooded alone", BLUE.send(ask), {"blue1": ask})
    ask = solicitation(BLUE.host_mac, BLUE.host[6], BLUE.gateway[6])
    reply = advertisement(BLUE.mac, BLUE.host_mac, BLUE.gateway[6], BLUE.host[6], router=1)
    run.case("ND for blue's gateway", BLUE.send(ask), {"blue0": reply, "blue1": ask})
    ask = solicitation(BLUE.host_mac, BLUE.host[6], BLUE.gateway[6], dst_mac=BLUE.mac,
                       dst=BLUE.gateway[6])
    run.case("ND to the gateway alone", BLUE.send(ask), {"blue0": reply})
    ask = solicitation(BLUE.host_mac, "::", BLUE.gateway[6], option=False)
    reply = unsolicited(BLUE.mac, BLUE.gateway[6], router=1)
    run.case("ND that looks for a duplicate", BLUE.send(ask), {"blue0": reply, "blue1": ask})
    ask = solicitation(BLUE.host_mac, BLUE.host[6], "fd02::9")
    run.case("ND for another is flooded alone", BLUE.send(ask), {"blue1": ask})
    ask = solicitation(BLUE.host_mac, BLUE.host[6], BLUE.gateway[6], hlim=64)
    run.case("ND that crossed a router is flooded alone", BLUE.send(ask), {"blue1": ask})
    tagged = frames.tagged(arp(1, BLUE.host_mac, BLUE.host[4], ALL, BLUE.gateway[4]), 5)
    run.case("a tag", BLUE.send(tagged), {}, "vlan_not_member")
    run.run()


def moved():
    run = scenario("moved")
    fresh = "02:00:00:00:01:99"

    def asked(version):
        """The former place, and when that is silent the new one."""
        def one(mac):
            if version == 4:
                return arp(1, RED.mac, RED.gateway[4], mac, RED.host[4])
            return solicitation(RED.mac, RED.gateway[6], RED.host[6], dst_mac=mac, dst=RED.host[6])
        return merged(*[RED.expect(one(mac)) for mac in [RED.host_mac] * 3 + [fresh]])

    told = announcement(fresh, RED.host[4])
    run.case("an announcement is flooded, and heard", RED.send(told), asked(4), wait_ns=20 * MS,
             last_ns=1500 * MS)
    run.case("the new place answers", RED.send(answer(RED, 4, fresh)))
    inner = packet(4, BLUE.host[4], RED.host[4])
    run.case("the host's new MAC is taken over", BLUE.frame(inner), RED.delivered(hop(inner), fresh))
    told = unsolicited(fresh, RED.host[6])
    run.case("the same by ND", RED.send(told), asked(6), wait_ns=20 * MS, last_ns=1500 * MS)
    run.case("the new place answers", RED.send(answer(RED, 6, fresh)))
    inner = packet(6, BLUE.host[6], RED.host[6])
    run.case("and taken over", BLUE.frame(inner), RED.delivered(hop(inner), fresh))
    # It moves to the other access port: the next frame from there tells where it is.
    inner = packet(4, BLUE.host[4], FAR[4])
    run.case("a host at another port", ("blue1", BLUE.frame(inner)[1]), to_site(hop(inner)))
    inner = packet(4, FAR[4], BLUE.host[4])
    run.case("gets its packets there", from_site(inner),
             {"blue1": BLUE.delivered(hop(inner))["blue0"]}, wait_ns=20 * MS)
    run.run()


NOWHERE = {4: "198.51.100.1", 6: "2001:db8:ffff::1"}


def told():
    """ICMP errors come from the address of the gateway whose network they go to."""
    run = scenario("told")
    for link in (RED, BLUE):
        for version in (4, 6):
            ours = link.gateway[version]
            inner = packet(version, link.host[version], FAR[version], ttl=1)
            run.case(f"IPv{version} with TTL 1 from {link.name}", link.frame(inner),
                     link.delivered(about(inner, EXCEEDED[version], ours)), "ttl_expired")
            inner = packet(version, link.host[version], NOWHERE[version])
            run.case(f"IPv{version} without route from {link.name}", link.frame(inner),
                     link.delivered(about(inner, NO_ROUTE[version], ours)), "no_route")
            inner = packet(version, link.host[version], ours)
            run.case(f"IPv{version} UDP for the gateway of {link.name}", link.frame(inner),
                     link.delivered(about(inner, NO_PORT[version], ours)), "udp_port_closed")
        ping = IP(src=link.host[4], dst=link.gateway[4], id=5) / ICMP(id=1, seq=2) / Raw(b"data")
        pong = IP(src=link.gateway[4], dst=link.host[4], id=5) / ICMP(type=0, id=1, seq=2) / Raw(
            b"data")
        run.case(f"the gateway of {link.name} answers echo", link.frame(ping), link.delivered(pong))
        ping = IPv6(src=link.host[6], dst=link.gateway[6]) / ICMPv6EchoRequest(id=1, data=b"data")
        pong = IPv6(src=link.gateway[6], dst=link.host[6]) / ICMPv6EchoReply(id=1, data=b"data")
        run.case(f"also over IPv6, {link.name}", link.frame(ping), link.delivered(pong))
    for ours in (BLUE.gateway[4], PORT.gateway[4], "10.255.0.1"):
        ping = IP(src=RED.host[4], dst=ours, id=5) / ICMP() / Raw(b"data")
        pong = IP(src=ours, dst=RED.host[4], id=5) / ICMP(type=0) / Raw(b"data")
        run.case(f"{ours} answers red", RED.frame(ping), RED.delivered(pong))
    run.run()


def measured():
    """What fits the smallest way out of the network, or less where configured."""
    for configured in (None, 1000):
        text = CONFIG
        if configured:
            text = text.replace(f'mac: "{BLUE.mac}"', f'mac: "{BLUE.mac}", mtu_bytes: {configured}')
        # More than fits is not to be had.
        text = text.replace(f'"{RED.gateway[6]}/64"]', f'"{RED.gateway[6]}/64"], mtu_bytes: 9000')
        run = scenario(f"measured, {configured}", text)
        for target, source in ((RED, PORT), (BLUE, PORT)):
            mtu = configured if configured and target is BLUE else FITS[target.name]
            for version in (4, 6):
                inner = packet(version, source.host[version], target.host[version], mtu)
                run.case(f"IPv{version} that just fits {target.name}", source.frame(inner),
                         target.delivered(hop(inner)))
                inner = packet(version, source.host[version], target.host[version], mtu + 1)
                run.case(f"IPv{version} one byte too long for {target.name}", source.frame(inner),
                         source.delivered(about(inner, too_big(version, mtu),
                                                source.gateway[version])), "mtu_exceeded")
            inner = packet(4, source.host[4], target.host[4], 1500, flags=0, id=77)
            parts = fragment(hop(inner), fragsize=(mtu - 20) // 8 * 8)
            for part in parts:
                del part.chksum
            run.case(f"IPv4 that may be fragmented, to {target.name}", source.frame(inner),
                     merged(*[target.delivered(part) for part in parts]))
        run.run()


def waiting():
    # Without the router, which is asked for all the time.
    text = CONFIG.replace(f"      - {{to: 10.8.0.0/16, via: {ROUTER}}}\n", "")
    start = {port: [frame for frame in merged({port: some})[port]
                    if frame != question(BLUE, 4, ROUTER)] for port, some in START.items()}
    for link, gone in ((RED, {4: "10.1.0.66", 6: "fd01::66"}), (BLUE, {4: "10.2.0.66", 6: "fd02::66"})):
        run = Scenario(f"waiting in {link.name}", text, PORTS, start=start, stray=is_question)
        for version in (4, 6):
            some = [packet(version, FAR[version], link.host[version], sport=1000 + i)
                    for i in range(3)]
            run.case(f"IPv{version} packets get to the host that answers",
                     [from_site(inner) for inner in some] +
                     [(*link.send(answer(link, version)), MS)],
                     merged(flooded(question(link, version, link.host[version]), link),
                            *[link.delivered(hop(inner)) for inner in some]))
            inner = packet(version, FAR[version], gone[version])
            source = "10.255.0.1" if version == 4 else PORT.gateway[6]
            asks = flooded(question(link, version, gone[version]), link)
            run.case(f"an IPv{version} host that is not there", from_site(inner),
                     merged(asks, asks, to_site(about(hop(inner), NO_HOST[version], source))),
                     "neighbour_unresolved", wait_ns=5 * SECOND, last_ns=1700 * MS)
        run.run()


def unknown():
    """A static neighbour is not asked for, but nobody knows where its MAC is."""
    run = scenario("unknown", known=False)
    inner = packet(4, FAR[4], STILL)
    run.case("a frame to a MAC that is not known is flooded", from_site(inner),
             flooded(bytes(Ether(src=RED.mac, dst=STILL_MAC) / hop(inner)), RED))
    run.case("the host sends something", RED.send(frames.udp(STILL_MAC, RED.host_mac)), {},
             "flood_no_member")
    run.case("and is known from then on", from_site(inner), RED.delivered(hop(inner), STILL_MAC),
             wait_ns=20 * MS)
    run.run()


def refused():
    run = scenario("refused")
    good = packet(4, RED.host[4], BLUE.host[4])
    for link in (RED, BLUE):
        run.case(f"the MAC of the gateway of {link.name} as source",
                 link.frame(good, src=link.mac), {}, "gateway_mac")
        run.case(f"the same to all of {link.name}", link.send(
            arp(1, link.mac, link.gateway[4], ALL, link.host[4])), {}, "gateway_mac")
    inner = packet(4, FAR[4], RED.host[4])
    run.case("it was not learned", from_site(inner), RED.delivered(hop(inner)), wait_ns=20 * MS)
    kind = bytes(Ether(src=RED.host_mac, dst=RED.mac, type=0x88B5) / Raw(bytes(50)))
    run.case("another type", RED.send(kind), {}, "ether_type_unknown")
    run.case("another version than the type says", RED.send(
        bytes(Ether(src=RED.host_mac, dst=RED.mac, type=0x86DD) / good)), {}, "ip_version")
    run.case("nothing", RED.send(bytes(Ether(src=RED.host_mac, dst=RED.mac, type=0x0800))), {},
             "ip_truncated")
    run.case("a wrong checksum", RED.frame(packet(4, RED.host[4], BLUE.host[4], chksum=1)), {},
             "ip_checksum")
    run.case("a group as source", RED.frame(good, src="03:00:00:00:00:01"), {},
             "source_mac_invalid")
    run.case("IP for us to all is no packet to route", BLUE.frame(
        packet(4, BLUE.host[4], BLUE.gateway[4]), dst=ALL),
             {"blue1": BLUE.frame(packet(4, BLUE.host[4], BLUE.gateway[4]), dst=ALL)[1]})
    for version in (4, 6):
        for name, destination in (("us", RED), ("a host", BLUE)):
            where = RED.gateway[version] if name == "us" else BLUE.host[version]
            run.case(f"IPv{version} from our own address to {name}", RED.frame(
                packet(version, RED.gateway[version], where, ttl=1)), {}, "ip_source")
    bridged = frames.udp(BLUE.host_mac, "02:00:00:00:02:55")
    run.case("what is for others is bridged as ever", BLUE.send(bridged), {"blue1": bridged})
    run.run()


def over_stt():
    """Frames whose checksum or segmentation was left to a network card are whole packets when
    they are routed."""
    context = 7
    text = CONFIG.replace("{address: 192.0.2.3}]",
                          f"{{address: 192.0.2.3}}, {{address: 192.0.2.7, kind: stt, id: {context}}}]")
    text = text.replace("neighbours:\n", "neighbours:\n"
                        '  - {address: 192.0.2.7, mac: "02:00:00:00:00:07"}\n', 1)
    start = dict(START)
    for told_frame in (announcement(RED.mac, RED.gateway[4]), unsolicited(RED.mac, RED.gateway[6], router=1)):
        start["uplink"] = start["uplink"] + [to_stt(told_frame, context)]
    run = Scenario("over STT", text, PORTS, start=start, stray=lambda port, frame: True)
    inner = packet(4, FAR[4], BLUE.host[4])
    run.case("the host of blue", [from_site(inner), (*BLUE.send(answer(BLUE, 4)), MS)],
             merged(flooded(question(BLUE, 4, BLUE.host[4]), BLUE), BLUE.delivered(hop(inner))))
    data = bytes(i & 0xFF for i in range(3000))
    whole = IP(src=RED.host[4], dst=BLUE.host[4], id=100) / TCP(sport=1, dport=2, flags="PA",
                                                                seq=1000) / Raw(data)
    sent = bytes(Ether(src=RED.host_mac, dst=RED.mac) / whole)
    outer = tunnels.stt_segments(
        tunnels.stt_frame(sent, flags=0x0E, l4_offset=34, mss=1200, context_id=context), 1400, 4,
        ("192.0.2.7", "192.0.2.1"), ("02:00:00:00:00:07", OUR_MAC), packet_id=3)
    parts = []
    for index, begin in enumerate(range(0, 3000, 1200)):
        last = begin + 1200 >= 3000
        parts.append(hop(IP(src=RED.host[4], dst=BLUE.host[4], id=100 + index) /
                         TCP(sport=1, dport=2, flags="PA" if last else "A", seq=1000 + begin) /
                         Raw(data[begin:begin + 1200])))
    run.case("TCP of 3000 bytes is cut by its MSS", [("uplink", part) for part in outer],
             {"blue0": [BLUE.delivered(part)["blue0"] for part in parts]}, ordered=True)
    run.run()


def to_stt(inner, context):
    """To remote 7, over IPv4; the entropy and the packet's number are adit's choice."""
    kind = tunnels.Kind("stt", "", None)

    def build(got):
        return tunnels.outer(kind, inner, 4, ("192.0.2.1", "192.0.2.7"),
                             (OUR_MAC, "02:00:00:00:00:07"),
                             header=tunnels.stt_frame(inner, context_id=context),
                             sport=int.from_bytes(got[34:36], "big"),
                             flow_id=int.from_bytes(got[42:46], "big"))

    return Free(build, build(bytes(64)))


main(routed, apart, asked, moved, told, measured, waiting, unknown, refused, over_stt)

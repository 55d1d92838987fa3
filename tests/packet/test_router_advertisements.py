# SPDX-License-Identifier: Apache-2.0
"""Router advertisements (RFC 4861 section 6) on a VRF's port, a VLAN and a network's gateway: what
they say, when they are sent, and which solicitations count."""

import frames
from frames import OUR_MAC, tagged
from harness import MS, SECOND, Scenario, announcement, main, tap
from nd_frames import advertisement, echo6, in_fragments, solicitation, unsolicited
from routed_frames import merged

from scapy.layers.inet import UDP
from scapy.layers.inet6 import (ICMPv6ND_RA, ICMPv6ND_RS, ICMPv6NDOptMTU, ICMPv6NDOptPrefixInfo,
                                ICMPv6NDOptRDNSS, ICMPv6NDOptSrcLLAddr, IPv6)
from scapy.layers.l2 import Ether
from scapy.packet import Raw

SLOW_S = 1800
HOST_MAC, HOST = "02:00:00:00:aa:01", "fe80::aa:1"
ALL_ROUTERS = "33:33:00:00:00:02"
PORT_MAC, TRUNK_MAC, GATEWAY_MAC = "02:00:00:00:03:fe", "02:00:00:00:04:fe", "02:ad:17:00:00:64"


def link_local(mac):
    """RFC 4291 appendix A."""
    parts = [int(part, 16) for part in mac.split(":")]
    a, b, c, d, e, f = parts
    return f"fe80::{(a ^ 2) << 8 | b:x}:{c << 8 | 0xff:x}:{0xfe00 | d:x}:{e << 8 | f:x}"


def prefix(subnet, length=64, autonomous=1):
    return ICMPv6NDOptPrefixInfo(prefix=subnet, prefixlen=length, L=1, A=autonomous,
                                 validlifetime=2592000, preferredlifetime=604800)


def router(mac, lifetime, *options, mtu=1500):
    packet = Ether(src=mac, dst="33:33:00:00:00:01")
    packet /= IPv6(src=link_local(mac), dst="ff02::1", hlim=255)
    packet /= ICMPv6ND_RA(chlim=64, M=0, O=0, prf=0, routerlifetime=lifetime, reachabletime=0,
                          retranstimer=0)
    packet /= ICMPv6NDOptSrcLLAddr(lladdr=mac)
    if mtu:
        packet /= ICMPv6NDOptMTU(mtu=mtu)
    for option in options:
        packet /= option
    return bytes(packet)


def config(edge_s, slow_s):
    """`edge_s`: the interval of the port, `slow_s` of the others."""
    return f"""
ports:
  uplink: {{device: tap:up0, mtu_bytes: 1550, mac: {OUR_MAC}, addresses: [192.0.2.1/24]}}
  edge0:
    device: tap:edge0
    mac: "{PORT_MAC}"
    addresses: [10.3.0.254/24, "fd03::fe/64", "fd03:1::1/64", "fd03::ff/64", "fd03:2::1/96"]
    router_advertisements: {{interval_s: {edge_s}}}
  trunk: {{device: tap:trunk0, mac: "{TRUNK_MAC}"}}
  quiet0: {{device: tap:quiet0, mac: "02:00:00:00:05:fe", addresses: ["fd05::fe/64"]}}
neighbours: [{{address: 192.0.2.2, mac: "02:00:00:00:00:02"}}]
networks:
  red: {{vni: 100, members: [{{port: trunk}}], remotes: [{{address: 192.0.2.2}}]}}
vrfs:
  one:
    ports: [edge0, quiet0]
    networks:
      red: {{addresses: ["fd01::fe/64"], mtu_bytes: 1400, router_advertisements: {{interval_s: {slow_s}}}}}
    vlans:
      - port: trunk
        vlan: 7
        addresses: ["fd07::fe/64"]
        router_advertisements:
          {{interval_s: {slow_s}, lifetime_s: 0, autonomous: false, mtu: false, rdnss: ["fd07::53", "fd07::54"]}}
"""
PORTS = ["uplink", "edge0", "trunk", "quiet0"]


def edge(interval_s):
    return router(PORT_MAC, min(3 * interval_s, 9000), prefix("fd03::"), prefix("fd03:1::"),
                  prefix("fd03:2::", 96, 0))


def vlan(interval_s):
    return tagged(router(TRUNK_MAC, 0, prefix("fd07::", autonomous=0),
                         ICMPv6NDOptRDNSS(lifetime=3 * interval_s, dns=["fd07::53", "fd07::54"]),
                         mtu=None), 7)


def red(interval_s):
    return router(GATEWAY_MAC, 3 * interval_s, prefix("fd01::"), mtu=1400)


def in_red(frame):
    return {"trunk": [frame], "uplink": [frames.encapsulated(frame, 100, 2)]}


def start(edge_s, slow_s):
    return merged(
        {"uplink": announcement(), "quiet0": [unsolicited("02:00:00:00:05:fe", "fd05::fe", 1)],
         "edge0": [announcement(PORT_MAC, "10.3.0.254"), edge(edge_s)] +
         [unsolicited(PORT_MAC, own, 1) for own in ("fd03::fe", "fd03:1::1", "fd03::ff", "fd03:2::1")],
         "trunk": [tagged(unsolicited(TRUNK_MAC, "fd07::fe", 1), 7), vlan(slow_s)]},
        in_red(unsolicited(GATEWAY_MAC, "fd01::fe", 1)), in_red(red(slow_s)))


def ask(src=HOST, option=True, hlim=255, code=0, dst_mac=ALL_ROUTERS, dst="ff02::2", more=b"",
        **icmp):
    packet = Ether(src=HOST_MAC, dst=dst_mac) / IPv6(src=src, dst=dst, hlim=hlim)
    packet /= ICMPv6ND_RS(code=code, **icmp)
    if option:
        packet /= ICMPv6NDOptSrcLLAddr(lladdr=HOST_MAC)
    return bytes(packet / Raw(more) if more else packet)


def asked():
    run = Scenario("asked", config(SLOW_S, SLOW_S), PORTS, start=start(SLOW_S, SLOW_S),
                   stray=lambda port, frame: True)
    late = {"wait_ns": 5 * SECOND, "last_ns": 700 * MS}
    vlan_ask = tagged(ask(), 7)
    VLAN, RED = vlan(SLOW_S), red(SLOW_S)
    # The first three of each link are soon after one another; then nothing comes unasked.
    for _ in range(3):
        run.case("time passes", ("quiet0", b""), {}, "runt_frame", wait_ns=17 * SECOND, last_ns=0)

    def case(name, send, out, drop=None):
        run.case(name, send, out, drop, **late)

    case("a host of the VLAN", ("trunk", vlan_ask), {"trunk": VLAN})
    case("two that ask at once have one answer", [("trunk", vlan_ask), ("trunk", vlan_ask)],
         {"trunk": VLAN})
    case("without an address yet", ("trunk", tagged(ask("::", option=False), 7)), {"trunk": VLAN})
    case("to us alone", ("trunk", tagged(ask(dst_mac=TRUNK_MAC, dst=link_local(TRUNK_MAC)), 7)),
         {"trunk": VLAN})
    case("in a network: flooded as well", ("trunk", ask()),
         merged({"uplink": [frames.encapsulated(ask(), 100, 2)]}, in_red(RED)))
    behind = ask()
    case("behind VXLAN", ("uplink", frames.arriving(behind, 100, 2)),
         merged({"trunk": [behind]}, in_red(RED)))
    for name, frame, reason in (
            ("an address and no name for it", ask("::"), "nd_malformed"),
            ("another code", ask(code=1), "nd_malformed"),
            ("an option of no length", ask(option=False, more=b"\1\0" + bytes(6)), "nd_malformed"),
            ("an option beyond the end", ask(option=False, more=b"\1\2" + bytes(6)),
             "nd_malformed"),
            ("a wrong checksum", ask(cksum=1), "icmp_checksum"),
            ("to the group of another address",
             ask(dst_mac="33:33:ff:00:00:99", dst="ff02::1:ff00:99"), "nd_not_for_us"),
            ("from our own address", ask("fd07::fe"), "ip_source"),
            ("a hop limit of 64", ask(hlim=64), "not_our_mac")):
        case(name, ("trunk", tagged(frame, 7)), {}, reason)
    case("where none are sent", ("quiet0", ask()), {}, "icmp_ignored")
    ours = link_local(TRUNK_MAC)
    question = solicitation(HOST_MAC, HOST, ours)
    case("the router's address is asked for", ("trunk", tagged(question, 7)),
         {"trunk": tagged(advertisement(TRUNK_MAC, HOST_MAC, ours, HOST, router=1), 7)})
    case("also in a network", ("trunk", solicitation(HOST_MAC, HOST, link_local(GATEWAY_MAC))),
         merged({"uplink": [frames.encapsulated(solicitation(HOST_MAC, HOST,
                                                             link_local(GATEWAY_MAC)), 100, 2)]},
                {"trunk": [advertisement(GATEWAY_MAC, HOST_MAC, link_local(GATEWAY_MAC), HOST,
                                         router=1)]}))
    case("where none are sent, there is no such address",
         ("quiet0", solicitation(HOST_MAC, HOST, link_local("02:00:00:00:05:fe"))), {},
         "nd_not_for_us")
    run.run()


def echo_within_links():
    """Who asks from a link-local address, or for ours, is answered on the link that it asks on."""
    quiet = "02:00:00:00:05:fe"
    run = Scenario("echo", config(SLOW_S, SLOW_S), PORTS, start=start(SLOW_S, SLOW_S),
                   stray=lambda port, frame: True)

    def case(name, port, mac, src, dst, put=lambda frame: frame, drop=None, **ip):
        run.case(name, (port, put(echo6(128, HOST_MAC, mac, src, dst, **ip))),
                 {} if drop else {port: put(echo6(129, mac, HOST_MAC, dst, src, hlim=64))}, drop)

    def in_vlan(frame):
        return tagged(frame, 7)

    for where, port, mac, ours, put in (
            ("port", "edge0", PORT_MAC, "fd03::fe", lambda frame: frame),
            ("VLAN", "trunk", TRUNK_MAC, "fd07::fe", in_vlan),
            ("gateway", "trunk", GATEWAY_MAC, "fd01::fe", lambda frame: frame)):
        case(f"{where}: our address", port, mac, HOST, ours, put)
        case(f"{where}: with a hop limit of 255", port, mac, HOST, ours, put, hlim=255)
        case(f"{where}: our address of another link", port, mac, HOST, "fd05::fe", put)
        case(f"{where}: our link-local address", port, mac, HOST, link_local(mac), put)
        case(f"{where}: the same from a global address", port, mac, ours[:-2] + "77",
             link_local(mac), put)
        case(f"{where}: somebody else's link-local address", port, mac, HOST, "fe80::99", put,
             "not_routable")
        case(f"{where}: a host beyond", port, mac, HOST, "fd05::1", put, "not_routable")
        case(f"{where}: from our own address", port, mac, link_local(mac), ours, put, "ip_source")

        def ping(*fields, **ip):
            return in_fragments(echo6(*fields, bytes(range(256)) * 8, **ip))

        asked = ping(128, HOST_MAC, mac, HOST, ours)
        answered = [put(part) for part in ping(129, mac, HOST_MAC, ours, HOST, hlim=64)]
        run.case(f"{where}: in fragments", [(port, put(part)) for part in asked],
                 {port: answered})
        run.case(f"{where}: in fragments, the last one first",
                 [(port, put(part)) for part in reversed(asked)], {port: answered})
        run.case(f"{where}: in fragments, to our link-local address",
                 [(port, put(part)) for part in ping(128, HOST_MAC, mac, HOST, link_local(mac))],
                 {port: [put(part)
                         for part in ping(129, mac, HOST_MAC, link_local(mac), HOST, hlim=64)]})
        short = echo6(128, HOST_MAC, mac, HOST, ours)
        run.case(f"{where}: with a fragment header, and whole",
                 [(port, put(part)) for part in in_fragments(short)],
                 {port: put(echo6(129, mac, HOST_MAC, ours, HOST, hlim=64))})
        run.case(f"{where}: in fragments, to somebody else",
                 [(port, put(part)) for part in ping(128, HOST_MAC, mac, HOST, "fe80::99")],
                 {}, ["not_routable", None])
        run.case(f"{where}: fragments of something else", (port, put(in_fragments(
            bytes(Ether(src=HOST_MAC, dst=mac) / IPv6(src=HOST, dst=ours) / UDP() /
                  Raw(bytes(2000))))[0])), {}, "not_routable")
    first, last = in_fragments(echo6(128, HOST_MAC, PORT_MAC, HOST, "fd03::fe", bytes(2000)))
    elsewhere = [tagged(part, 7) for part in in_fragments(
        echo6(128, HOST_MAC, TRUNK_MAC, HOST, "fd03::fe", bytes(2000)))]
    run.case("fragments of two links are not put together",
             [("edge0", first), ("trunk", elsewhere[1])], {}, [None, None])
    run.case("but those of each are", [("trunk", elsewhere[0]), ("edge0", last)], {
        "trunk": [tagged(part, 7) for part in in_fragments(
            echo6(129, TRUNK_MAC, HOST_MAC, "fd03::fe", HOST, bytes(2000), hlim=64))],
        "edge0": in_fragments(
            echo6(129, PORT_MAC, HOST_MAC, "fd03::fe", HOST, bytes(2000), hlim=64))})
    case("without a link-local address of ours", "quiet0", quiet, HOST, "fd05::fe")
    case("nor one to ask for", "quiet0", quiet, HOST, link_local(quiet), drop="not_routable")
    asked = echo6(128, HOST_MAC, GATEWAY_MAC, HOST, "fd01::fe")
    run.case("behind VXLAN", ("uplink", frames.arriving(asked, 100, 2)),
             {"uplink": frames.encapsulated(
                 echo6(129, GATEWAY_MAC, HOST_MAC, "fd01::fe", HOST, hlim=64), 100, 2)})
    other = bytearray(echo6(128, HOST_MAC, PORT_MAC, HOST, "fd03::fe"))
    other[-1] ^= 1
    run.case("a wrong checksum", ("edge0", bytes(other)), {}, "icmp_checksum")
    run.case("shorter than it says", ("edge0", bytes(other)[:-1]), {}, "ip_total_length")
    run.run()


def timed():
    """Between a third of the interval (but 3 s) and all of it; never twice in 3 s, whoever asks."""
    run = Scenario("timed", config(4, 30), PORTS, start=start(4, 30),
                   stray=lambda port, frame: True)
    for _ in range(60):
        run.now_ns += SECOND - MS
        run.inputs.setdefault("quiet0", []).append((run.now_ns, b"x"))
    result = run.run()
    gaps = gaps_between(result, "edge0", edge(4))
    tap.check("an advertisement every 3 to 4 seconds",
              len(gaps) >= 14 and all(2.9 * SECOND <= gap <= 4.2 * SECOND for gap in gaps),
              str(gaps))
    tap.check("at times that vary", len({gap // (50 * MS) for gap in gaps}) > 3, str(gaps))
    gaps = gaps_between(result, "trunk", vlan(30))
    tap.check("of a slow link the first two gaps are 16 seconds at most, and 10 at least",
              len(gaps) >= 2 and all(9.9 * SECOND <= gap <= 16.2 * SECOND for gap in gaps[:2]),
              str(gaps))
    run = Scenario("pressed", config(4, 30), PORTS, start=start(4, 30),
                   stray=lambda port, frame: True)
    for _ in range(100):
        run.now_ns += 100 * MS
        run.inputs.setdefault("trunk", []).append((run.now_ns, tagged(ask(), 7)))
    gaps = gaps_between(run.run(), "trunk", vlan(30))
    tap.check("those who ask all the time get one in three seconds",
              2 <= len(gaps) <= 4 and all(3 * SECOND <= gap <= 4.6 * SECOND for gap in gaps),
              str(gaps))


def gaps_between(result, port, wanted):
    times = [at for at, frame in result.outputs[port] if frame == wanted]
    return [after - before for before, after in zip(times, times[1:])]


main(asked, echo_within_links, timed)

# SPDX-License-Identifier: Apache-2.0
"""What a VRF with routed tunnels says for itself: echo to its addresses, from ports and tunnels, and ARP
and ND of its own and for its neighbours."""

from frames import FRAGMENT, HOP_BY_HOP, OPTIONS, ROUTING, options_body, with_headers
from harness import MS, SECOND, announcement, main
from nd_frames import advertisement, in_fragments, solicitation
from routed_frames import ALL, NO_HOST, about, arp, hop, packet
from routed_tunnels import *

from scapy.layers.inet import ICMP, TCP, UDP
from scapy.layers.inet6 import ICMPv6DestUnreach, ICMPv6EchoReply, ICMPv6EchoRequest, IPv6ExtHdrDestOpt


def echoed_on_tunnels(run):
    """The other end of a tunnel asks from its link-local address: no route leads there."""
    there, ours = "fe80::9", GATEWAY[6]

    def echo(kind, src, dst, size, **ip):
        message = ICMPv6EchoRequest if kind == 128 else ICMPv6EchoReply
        return IPv6(src=src, dst=dst, **ip) / message(id=1, seq=2, data=bytes(size))

    def cut(packet):
        return [Ether(part)[IPv6] for part in in_fragments(bytes(Ether() / packet))]

    for kind in KINDS:
        for family in (4, 6):
            where = f"{kind.name} over IPv{family}, link-local"
            ask, answer = echo(128, there, ours, 100), echo(129, ours, there, 100)
            run.case(f"{where}: one packet", ("uplink", arriving(kind, ask, family)),
                     {"uplink": leaving(kind, answer, family)})
            run.case(f"{where}: fragments",
                     [("uplink", arriving(kind, part, family))
                      for part in cut(echo(128, there, ours, 2000))],
                     {"uplink": [leaving(kind, part, family)
                                 for part in cut(echo(129, ours, there, 2000))]})
            run.case(f"{where}: to a host beyond",
                     ("uplink", arriving(kind, echo(128, there, HOST[6], 8), family)), {},
                     "not_routable")
            run.case(f"{where}: an echo reply",
                     ("uplink", arriving(kind, echo(129, there, ours, 8), family)), {},
                     "not_routable")
            run.case(f"{where}: to a link-local address",
                     ("uplink", arriving(kind, echo(128, there, "fe80::1", 8), family)), {},
                     "not_routable")
    first, last = cut(echo(128, there, ours, 2000))
    one, other = KINDS[0], KINDS[1]
    run.case("fragments of two tunnels are not put together",
             [("uplink", arriving(one, first, 4)), ("uplink", arriving(other, last, 4))], {},
             [None, None])
    run.case("but those of each are",
             [("uplink", arriving(one, last, 4)), ("uplink", arriving(other, first, 4))],
             {"uplink": [leaving(kind, part, 4) for kind in (one, other)
                         for part in cut(echo(129, ours, there, 2000))]})


# What is answered without them.
EXTENDED = [("options", [(OPTIONS, options_body(bytes(6)))]), ("an atomic fragment", [(FRAGMENT, bytes(7))]),
            ("hop-by-hop options and an atomic fragment",
             [(HOP_BY_HOP, options_body(bytes(6))), (FRAGMENT, bytes(7))]),
            ("eight headers", [(OPTIONS, options_body(bytes(6)))] * 8)]


def echoed():
    run = scenario("echo")
    for size in (0, 1, 1000):
        for ours in (GATEWAY[4], "10.255.0.1"):
            ping = IP(src=HOST[4], dst=ours, id=5) / ICMP(id=1, seq=2) / Raw(bytes(size))
            pong = IP(src=ours, dst=HOST[4], id=5) / ICMP(type=0, id=1, seq=2) / Raw(bytes(size))
            run.case(f"{size} bytes for {ours}", ("blue0", frame(ping)), {"blue0": delivered(pong)})
        ping = IPv6(src=HOST[6], dst=GATEWAY[6]) / ICMPv6EchoRequest(id=1, seq=2,
                                                                     data=bytes(size))
        pong = IPv6(src=GATEWAY[6], dst=HOST[6]) / ICMPv6EchoReply(id=1, seq=2, data=bytes(size))
        run.case(f"{size} bytes for {GATEWAY[6]}", ("blue0", frame(ping)),
                 {"blue0": delivered(pong)})
        for name, headers in EXTENDED:
            run.case(f"{size} bytes behind {name}",
                     ("blue0", with_headers(bytes(frame(ping)), *headers)), {"blue0": delivered(pong)})
        ping = IP(src=behind(4, 16), dst=GATEWAY[4], id=5) / ICMP() / Raw(bytes(size))
        pong = IP(src=GATEWAY[4], dst=behind(4, 16), id=5) / ICMP(type=0) / Raw(bytes(size))
        run.case(f"{size} bytes through the tunnel", ("uplink", arriving(KINDS[0], ping, 4)),
                 {"uplink": leaving(KINDS[0], pong, 4)})
    echoed_on_tunnels(run)
    ping = IP(src=HOST[4], dst=GATEWAY[4]) / ICMP()
    run.case("wrong checksum", ("blue0", frame(IP(src=HOST[4], dst=GATEWAY[4]) / ICMP(chksum=1))),
             {}, "icmp_checksum")
    run.case("cut", ("blue0", frame(IP(src=HOST[4], dst=GATEWAY[4], proto=1) / Raw(b"\x08\0\0"))),
             {}, "icmp_truncated")
    run.case("a reply", ("blue0", frame(IP(src=HOST[4], dst=GATEWAY[4]) / ICMP(type=0))), {},
             "icmp_ignored")
    run.case("from ourselves", ("blue0", frame(IP(src=GATEWAY[4], dst=GATEWAY[4]) / ICMP())), {},
             "ip_source")
    run.case("a fragment", ("blue0", frame(IP(src=HOST[4], dst=GATEWAY[4], flags="MF", frag=1) / ICMP())),
             {}, "ip_reassembly")
    asked = bytes(frame(IPv6(src=HOST[6], dst=GATEWAY[6]) / ICMPv6EchoRequest(data=bytes(1400))))
    answer = bytes(delivered(IPv6(src=GATEWAY[6], dst=HOST[6]) / ICMPv6EchoReply(data=bytes(1400))))
    # In fragments, each behind options.
    run.case("fragments behind options",
             [("blue0", with_headers(part, (HOP_BY_HOP, options_body(bytes(6)))))
              for part in in_fragments(asked)], {"blue0": in_fragments(answer, 1240)})
    for name, headers in (("nine headers", [(OPTIONS, options_body(bytes(6)))] * 9),
                          ("an option to be understood", [(OPTIONS, options_body(b"\x80\x04" + bytes(4)))]),
                          ("a header beyond the packet", [(OPTIONS, b"\xff" + bytes(6))]),
                          ("segments left", [(ROUTING, bytes([2, 4, 1, 0, 0, 0, 0]) + bytes(16))])):
        run.case(f"echo behind {name}", ("blue0", with_headers(asked, *headers)), {}, "ip_extensions")
    closed = IPv6(src=HOST[6], dst=GATEWAY[6]) / IPv6ExtHdrDestOpt() / UDP(dport=9) / Raw(b"quoted")
    run.case("a closed port behind options", ("blue0", frame(closed)),
             {"blue0": delivered(about(closed, ICMPv6DestUnreach(code=4), GATEWAY[6]))},
             "udp_port_closed")
    run.case("TCP for us", ("blue0", frame(IP(src=HOST[4], dst=GATEWAY[4]) / TCP())), {},
             "ip_protocol_unknown")
    run.run()


def neighbours():
    run = scenario("neighbours")
    run.case("ARP for the gateway", ("blue0", arp(1, HOST_MAC, HOST[4], ALL,
                                                  GATEWAY[4])),
             {"blue0": arp(2, PORT_MAC, GATEWAY[4], HOST_MAC, HOST[4], asked=HOST_MAC)})
    run.case("ND for the gateway", ("blue0", solicitation(HOST_MAC, HOST[6], GATEWAY[6])),
             {"blue0": advertisement(PORT_MAC, HOST_MAC, GATEWAY[6], HOST[6], router=1)})
    run.case("ARP for another", ("blue0", arp(1, HOST_MAC, HOST[4], ALL,
                                              "10.1.0.9")), {}, "arp_not_for_us")
    inner = packet(4, behind(4, 16), "10.3.0.1")
    run.case("the router is asked for from the start, and gets what waited",
             [("uplink", arriving(KINDS[0], inner, 4)),
              ("blue0", arp(2, ROUTER_MAC, ROUTER, PORT_MAC, GATEWAY[4], asked=PORT_MAC), MS)],
             {"blue0": delivered(hop(inner), ROUTER_MAC)})
    inner = packet(4, behind(4, 16), "10.1.0.8")
    run.case("a static neighbour is not asked for", ("uplink", arriving(KINDS[0], inner, 4)),
             {"blue0": delivered(hop(inner), "02:00:00:00:0b:08")})
    moved = "02:00:00:00:0b:99"
    inner = packet(4, behind(4, 16), HOST[4])
    run.case("a host's new MAC is taken over when the former one is silent",
             ("blue0", announcement(moved, HOST[4])),
             {"blue0": [arp(1, PORT_MAC, GATEWAY[4], HOST_MAC, HOST[4])] * 3 +
              [arp(1, PORT_MAC, GATEWAY[4], moved, HOST[4])]}, last_ns=1500 * MS)
    run.case("it answers", ("blue0", arp(2, moved, HOST[4], PORT_MAC, GATEWAY[4])), {})
    run.case("by the next packet", ("uplink", arriving(KINDS[0], inner, 4)),
             {"blue0": delivered(hop(inner), moved)})
    for version in (4, 6):
        gone = "10.1.0.66" if version == 4 else "fd01::66"
        inner = packet(version, behind(version, 16), gone)
        source = "10.255.0.1" if version == 4 else GATEWAY[6]

        error = about(hop(inner), NO_HOST[version], source)
        run.case(f"an IPv{version} host that is not there", ("uplink", arriving(KINDS[0], inner, 4)),
                 {"uplink": leaving(KINDS[0], error, 4),
                  "blue0": [question_for(version, gone)] * 2},
                 "neighbour_unresolved", wait_ns=5 * SECOND, last_ns=1700 * MS)
    run.run()


def question_for(version, target):
    if version == 4:
        return arp(1, PORT_MAC, GATEWAY[4], ALL, target)
    return solicitation(PORT_MAC, GATEWAY[6], target)


main(echoed, neighbours)

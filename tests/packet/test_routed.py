# SPDX-License-Identifier: Apache-2.0
"""Routed tunnels (GRE with an IP payload, IP in IP) in VRFs: forwarded both ways over both underlays,
told about by ICMP, refused by name."""

from frames import FRAGMENT, HOP_BY_HOP, OPTIONS, ROUTING, options_body, with_headers
from harness import MS, SECOND, Free, Scenario, announcement, main, tap
from nd_frames import advertisement, in_fragments, solicitation, unsolicited
from tunnels import OUR_MAC, OURS, address, mac

from scapy.layers.inet import ICMP, IP, TCP, UDP, IPOption_NOP, fragment
from scapy.layers.inet6 import (ICMPv6DestUnreach, ICMPv6EchoReply, ICMPv6EchoRequest,
                                ICMPv6PacketTooBig, ICMPv6TimeExceeded, IPv6, IPv6ExtHdrDestOpt)
from scapy.layers.l2 import ARP, GRE, Ether
from scapy.packet import Raw

PORT_MAC = "02:00:00:00:00:b1"
HOST_MAC = "02:00:00:00:0b:01"
GATEWAY = {4: "10.1.0.254", 6: "fd01::fe"}
HOST = {4: "10.1.0.1", 6: "fd01::1"}
ROUTER, ROUTER_MAC = "10.1.0.7", "02:00:00:00:0b:07"
MTU = 1500


class Kind:
    def __init__(self, name, keys, overhead, header):
        self.name, self.keys, self.overhead, self.header = name, keys, overhead, header


def gre(**fields):
    return lambda version: GRE(proto=0x0800 if version == 4 else 0x86DD, **fields)


KINDS = [
    Kind("ipip", "kind: ipip", 0, None),
    Kind("gre-ip", "kind: gre-ip", 4, gre()),
    Kind("gre-ip-key", "kind: gre-ip, id: 7", 8, gre(key_present=1, key=7)),
    Kind("gre-ip-checksum", "kind: gre-ip, id: 8, checksum: true", 12,
         gre(key_present=1, key=8, chksum_present=1)),
]
# Each kind at a remote of its own, over IPv4 and IPv6: number of the remote.
REMOTES = {(kind.name, family): 16 + 2 * i + (family == 6)
           for i, kind in enumerate(KINDS) for family in (4, 6)}


def behind(version, number):
    """A host behind the tunnel to that remote."""
    return f"10.2.{number}.9" if version == 4 else f"fd02:{number:x}::9"


def config(extra="", red=""):
    tunnels_text, routes, neighbours = "", "", ""
    for kind in KINDS:
        for family in (4, 6):
            number = REMOTES[kind.name, family]
            own = ", addresses: [10.255.0.1/30]" if number == 16 else ""
            tunnels_text += f'      t{number}: {{address: "{address(family, number)}", {kind.keys}{own}{extra}}}\n'
            routes += f'      - {{to: 10.2.{number}.0/24, tunnel: t{number}}}\n'
            routes += f'      - {{to: "fd02:{number:x}::/32", tunnel: t{number}}}\n'
            neighbours += f'  - {{address: "{address(family, number)}", mac: "{mac(number)}"}}\n'
    return f"""
ports:
  uplink:
    device: tap:up0
    mtu_bytes: {MTU}
    mac: {OUR_MAC}
    addresses: [192.0.2.1/24, "2001:db8::1/64"]
  blue0: {{device: tap:blue0, mac: "{PORT_MAC}", mtu_bytes: 9000, addresses: [10.1.0.254/24, "fd01::fe/64"]}}
  red0: {{device: tap:red0, mac: "02:00:00:00:00:c1", addresses: [10.1.0.254/24]}}
neighbours:
{neighbours}  - {{address: 192.0.2.40, mac: "{mac(40)}"}}
vrfs:
  blue:
    ports: [blue0]
    tunnels:
{tunnels_text}    routes:
{routes}      - {{to: 10.3.0.0/16, via: {ROUTER}}}
    neighbours: [{{address: 10.1.0.8, mac: "02:00:00:00:0b:08"}}]
  red:
    ports: [red0]
    tunnels: {{only: {{kind: ipip, address: 192.0.2.40}}}}
    routes: [{{to: 10.2.0.0/16, tunnel: only}}{red}]
"""


PORTS = ["uplink", "blue0", "red0"]


def arp(op, src_mac, src, dst_mac, dst, asked="00:00:00:00:00:00"):
    return bytes(Ether(src=src_mac, dst=dst_mac) /
                 ARP(op=op, hwsrc=src_mac, psrc=src, hwdst=asked, pdst=dst))


START = {
    "uplink": [announcement(), unsolicited(OUR_MAC, OURS[6])],
    "blue0": [announcement(PORT_MAC, GATEWAY[4]), unsolicited(PORT_MAC, GATEWAY[6], router=1),
              arp(1, PORT_MAC, GATEWAY[4], "ff:ff:ff:ff:ff:ff", ROUTER)],
    "red0": [announcement("02:00:00:00:00:c1", GATEWAY[4])],
}


def is_question(port, frame):
    """ARP and ND of adit's own, which go on as long as nobody answers."""
    return frame[12:14] == b"\x08\x06" or frame[20] == 58 and frame[54] == 135


def packet(version, src, dst, size=64, ttl=64, tos=0, sport=1000, **ip):
    """An IP packet with UDP of `size` bytes in all."""
    if version == 4:
        head = IP(src=src, dst=dst, ttl=ttl, tos=tos, **({"flags": "DF"} | ip))
        return head / UDP(sport=sport, dport=2000) / Raw(bytes(size - 28))
    return IPv6(src=src, dst=dst, hlim=ttl, tc=tos) / UDP(sport=sport, dport=2000) / Raw(
        bytes(size - 48))


def hop(inner):
    """The packet one hop further."""
    inner = inner.copy()
    if inner.version == 4:
        inner.ttl -= 1
        del inner.chksum
    else:
        inner.hlim -= 1
    return inner


def frame(inner, src=HOST_MAC, dst=PORT_MAC):
    kind = 0x0800 if bytes(inner)[0] >> 4 == 4 else 0x86DD
    return bytes(Ether(src=src, dst=dst, type=kind) / inner)


def delivered(inner, dst=HOST_MAC):
    """As it leaves by the port of VRF blue."""
    return frame(inner, PORT_MAC, dst)


def outer(kind, inner, family, ends, macs, *, label=0, tos=0, ttl=64, header=None):
    (src, dst), (src_mac, dst_mac) = ends, macs
    version = inner[0] >> 4 if isinstance(inner, bytes) else inner.version
    if family == 4:
        ip = IP(src=src, dst=dst, tos=tos, ttl=ttl, flags="DF", id=0)
    else:
        ip = IPv6(src=src, dst=dst, tc=tos, hlim=ttl, fl=label)
    ip.proto = ip.nh = (4 if version == 4 else 41) if kind.header is None else 47
    head = header or (kind.header(version) if kind.header else None)
    packet = Ether(src=src_mac, dst=dst_mac) / ip
    return bytes(packet / head / Raw(bytes(inner)) if head else packet / Raw(bytes(inner)))


def arriving(kind, inner, family, number=None, **fields):
    number = number or REMOTES[kind.name, family]
    return outer(kind, inner, family, (address(family, number), OURS[family]),
                 (mac(number), OUR_MAC), **fields)


def leaving(kind, inner, family, number=None, **fields):
    number = number or REMOTES[kind.name, family]

    def build(got):
        choice = {"label": int.from_bytes(got[14:18], "big") & 0xFFFFF} if family == 6 else {}
        return outer(kind, inner, family, (OURS[family], address(family, number)),
                     (OUR_MAC, mac(number)), **choice, **fields)

    return Free(build, build(bytes(64)))


def scenario(name, text=None, known=True):
    """`known`: the host has been met, by the first packets for it."""
    run = Scenario(name, text or config(), PORTS, start=START, stray=is_question)
    if known:
        for version in (4, 6):
            meet(run, version)
    return run


def without_router(name, text):
    """The same without the router, which is asked for all the time."""
    start = START | {"blue0": START["blue0"][:2]}
    text = text.replace(f"      - {{to: 10.3.0.0/16, via: {ROUTER}}}\n", "")
    run = Scenario(name, text, PORTS, start=start, stray=is_question)
    for version in (4, 6):
        meet(run, version)
    return run


def meet(run, version):
    """A packet for a host that nobody has met: asked for, and delivered when it answers."""
    inner = packet(version, behind(version, 16), HOST[version])
    if version == 4:
        question = arp(1, PORT_MAC, GATEWAY[4], "ff:ff:ff:ff:ff:ff", HOST[4])
        answer = arp(2, HOST_MAC, HOST[4], PORT_MAC, GATEWAY[4], asked=PORT_MAC)
    else:
        question = solicitation(PORT_MAC, GATEWAY[6], HOST[6])
        answer = advertisement(HOST_MAC, PORT_MAC, HOST[6], GATEWAY[6])
    run.case(f"the IPv{version} host is asked for, and gets what waited",
             [("uplink", arriving(KINDS[0], inner, 4)), ("blue0", answer, MS)],
             {"blue0": [question, delivered(hop(inner))]})


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
             {"red0": [arp(1, red_mac, GATEWAY[4], "ff:ff:ff:ff:ff:ff", HOST[4])] * 2,
              "uplink": leaving(KINDS[0], answer_to(hop(inner), NO_HOST[4], GATEWAY[4]), 4, 40)},
             "neighbour_unresolved", last_ns=1700 * MS)
    inner = packet(4, HOST[4], behind(4, 40).replace("10.2", "10.3"))
    # Nor does the host answer to whom that is to be told.
    run.case("red has no route that blue has", ("red0", frame(inner, dst=red_mac)),
             {"red0": [arp(1, red_mac, GATEWAY[4], "ff:ff:ff:ff:ff:ff", HOST[4])] * 2},
             [["no_route", "neighbour_unresolved"]], wait_ns=5 * SECOND, last_ns=1700 * MS)
    run.run()


def answer_to(inner, error, source, ttl=64, most=1280):
    """ICMP about the packet, from one of our addresses, of at most `most` bytes."""
    quote = bytes(inner)[:min(576, most) - 28 if inner.version == 4 else min(1280, most) - 48]
    if inner.version == 4:
        return IP(src=source, dst=inner.src, id=0, ttl=ttl) / error / Raw(quote)
    return IPv6(src=source, dst=inner.src, hlim=ttl) / error / Raw(quote)


EXCEEDED = {4: ICMP(type=11), 6: ICMPv6TimeExceeded()}
NO_ROUTE = {4: ICMP(type=3, code=0), 6: ICMPv6DestUnreach(code=0)}
NO_HOST = {4: ICMP(type=3, code=1), 6: ICMPv6DestUnreach(code=3)}
NO_PORT = {4: ICMP(type=3, code=3), 6: ICMPv6DestUnreach(code=4)}
NOWHERE = {4: "198.51.100.1", 6: "2001:db8:ffff::1"}


def told():
    run = scenario("told")
    for version in (4, 6):
        far = behind(version, 16)
        # Errors into the tunnel come from the tunnel's address, which IPv6 has none of.
        tunnel_source = "10.255.0.1" if version == 4 else GATEWAY[6]
        for ttl in (0, 1):
            inner = packet(version, HOST[version], far, ttl=ttl)
            run.case(f"IPv{version} with TTL {ttl} from the port", ("blue0", frame(inner)),
                     {"blue0": delivered(answer_to(inner, EXCEEDED[version], GATEWAY[version]))},
                     "ttl_expired")
            inner = packet(version, far, HOST[version], ttl=ttl)
            run.case(f"IPv{version} with TTL {ttl} from the tunnel",
                     ("uplink", arriving(KINDS[0], inner, 4)),
                     {"uplink": leaving(KINDS[0], answer_to(inner, EXCEEDED[version],
                                                            tunnel_source), 4)}, "ttl_expired")
        inner = packet(version, HOST[version], NOWHERE[version])
        run.case(f"IPv{version} without route", ("blue0", frame(inner)),
                 {"blue0": delivered(answer_to(inner, NO_ROUTE[version], GATEWAY[version]))},
                 "no_route")
        inner = packet(version, HOST[version], GATEWAY[version])
        run.case(f"IPv{version} UDP for us", ("blue0", frame(inner)),
                 {"blue0": delivered(answer_to(inner, NO_PORT[version], GATEWAY[version]))},
                 "udp_port_closed")
        for kind in KINDS:
            for family in (4, 6):
                mtu = MTU - (20 if family == 4 else 40) - kind.overhead
                number = REMOTES[kind.name, family]
                inner = packet(version, HOST[version], behind(version, number), mtu)
                run.case(f"IPv{version} that just fits {kind.name} over IPv{family}",
                         ("blue0", frame(inner)), {"uplink": leaving(kind, hop(inner), family)})
                inner = packet(version, HOST[version], behind(version, number), mtu + 1)
                error = ICMP(type=3, code=4, nexthopmtu=mtu) if version == 4 else (
                    ICMPv6PacketTooBig(mtu=mtu))
                run.case(f"IPv{version} one byte too long for {kind.name} over IPv{family}",
                         ("blue0", frame(inner)),
                         {"blue0": delivered(answer_to(inner, error, GATEWAY[version]))},
                         "mtu_exceeded")
    run.run()


def narrow():
    """What is told fits the way back as well: the quote is cut."""
    mtu = 600
    text = config().replace(f"mtu_bytes: {MTU}\n", f"mtu_bytes: {mtu}\n", 1)
    run = scenario("narrow", text)
    kind = KINDS[0]
    for family in (4, 6):
        most = mtu - (20 if family == 4 else 40)
        number = REMOTES[kind.name, family]
        for version in (4, 6):
            source = "10.255.0.1" if (family, version) == (4, 4) else GATEWAY[version]
            inner = packet(version, behind(version, number), HOST[version], most, ttl=1)
            error = answer_to(inner, EXCEEDED[version], source, most=most)
            run.case(f"IPv{version} by IPv{family}", ("uplink", arriving(kind, inner, family)),
                     {"uplink": leaving(kind, error, family)}, "ttl_expired")
    run.run()


def not_told():
    """RFC 1812 section 4.3.2.7, RFC 4443 section 2.4 (e)."""
    run = scenario("not told")
    about = bytes(packet(4, behind(4, 16), HOST[4]))[:28]
    for kind in (3, 4, 5, 11, 12):
        inner = IP(src=HOST[4], dst=NOWHERE[4]) / ICMP(type=kind) / Raw(about)
        run.case(f"about ICMP of type {kind}", ("blue0", frame(inner)), {}, "no_route")
    inner = IPv6(src=HOST[6], dst=NOWHERE[6]) / ICMPv6TimeExceeded() / Raw(bytes(48))
    run.case("about an ICMPv6 error", ("blue0", frame(inner)), {}, "no_route")
    inner = packet(4, HOST[4], NOWHERE[4], flags=0, frag=10)
    run.case("about a later fragment", ("blue0", frame(inner)), {}, "no_route")
    inner = packet(4, "203.0.113.1", NOWHERE[4])
    run.case("a source to which no route leads", ("blue0", frame(inner)), {}, "no_route")
    inner = packet(4, GATEWAY[4], NOWHERE[4])
    run.case("ourselves", ("blue0", frame(inner)), {}, "ip_source")
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
             {"blue0": delivered(answer_to(closed, ICMPv6DestUnreach(code=4), GATEWAY[6]))},
             "udp_port_closed")
    run.case("TCP for us", ("blue0", frame(IP(src=HOST[4], dst=GATEWAY[4]) / TCP())), {},
             "ip_protocol_unknown")
    run.run()


def neighbours():
    run = scenario("neighbours")
    run.case("ARP for the gateway", ("blue0", arp(1, HOST_MAC, HOST[4], "ff:ff:ff:ff:ff:ff",
                                                  GATEWAY[4])),
             {"blue0": arp(2, PORT_MAC, GATEWAY[4], HOST_MAC, HOST[4], asked=HOST_MAC)})
    run.case("ND for the gateway", ("blue0", solicitation(HOST_MAC, HOST[6], GATEWAY[6])),
             {"blue0": advertisement(PORT_MAC, HOST_MAC, GATEWAY[6], HOST[6], router=1)})
    run.case("ARP for another", ("blue0", arp(1, HOST_MAC, HOST[4], "ff:ff:ff:ff:ff:ff",
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

        error = answer_to(hop(inner), NO_HOST[version], source)
        run.case(f"an IPv{version} host that is not there", ("uplink", arriving(KINDS[0], inner, 4)),
                 {"uplink": leaving(KINDS[0], error, 4),
                  "blue0": [question_for(version, gone)] * 2},
                 "neighbour_unresolved", wait_ns=5 * SECOND, last_ns=1700 * MS)
    run.run()


def question_for(version, target):
    if version == 4:
        return arp(1, PORT_MAC, GATEWAY[4], "ff:ff:ff:ff:ff:ff", target)
    return solicitation(PORT_MAC, GATEWAY[6], target)


def refused():
    run = scenario("refused")
    good = packet(4, HOST[4], behind(4, 16))
    good6 = packet(6, HOST[6], behind(6, 16))

    def case(name, inner, reason):
        run.case(f"{name}, from the port", ("blue0", frame(inner)), {}, reason)
        inner = bytes(inner)
        version = good if inner and inner[0] >> 4 == 4 else good6
        tunnel = {"ip_version": "tunnel_payload"}.get(reason, reason)
        if inner:
            run.case(f"{name}, from the tunnel",
                     ("uplink", arriving(KINDS[1], inner, 4,
                                         header=KINDS[1].header(version.version))), {}, tunnel)

    raw, raw6 = bytes(good), bytes(good6)
    for length in (1, 19):
        case(f"IPv4 cut after {length} bytes", Raw(raw[:length]), "ip_truncated")
        case(f"IPv6 cut after {length} bytes", Raw(raw6[:length]), "ip_truncated")
    case("IHL 4", Raw(b"\x44" + raw[1:]), "ip_header_length")
    case("IHL beyond the packet", Raw(b"\x4f" + raw[1:40]), "ip_header_length")
    case("total length beyond the packet", packet(4, HOST[4], behind(4, 16), len=99),
         "ip_total_length")
    case("total length below the header", IP(src=HOST[4], dst=behind(4, 16), len=19),
         "ip_total_length")
    case("payload length beyond the packet", Raw(raw6[:4] + b"\xff\xff" + raw6[6:]),
         "ip_total_length")
    case("checksum", packet(4, HOST[4], behind(4, 16), chksum=1), "ip_checksum")
    for source in ("0.0.0.0", "0.1.2.3", "127.0.0.1", "224.0.0.1", "239.1.1.1", "240.0.0.1",
                   "255.255.255.255"):
        case(f"from {source}", packet(4, source, behind(4, 16)), "ip_source")
    for source in ("::", "::1", "::2", "::192.0.2.1", "::ffff:192.0.2.1", "::ffff:127.0.0.1", "ff02::1"):
        case(f"from {source}", packet(6, source, behind(6, 16)), "ip_source")
    for target in ("0.0.0.0", "127.0.0.1", "224.0.0.5", "255.255.255.255", "169.254.1.1"):
        case(f"to {target}", packet(4, HOST[4], target), "not_routable")
    for target in ("::", "::1", "::192.0.2.1", "::ffff:192.0.2.1", "ff0e::1", "fe80::1"):
        case(f"to {target}", packet(6, HOST[6], target), "not_routable")
    case("from 169.254.1.1", packet(4, "169.254.1.1", behind(4, 16)), "not_routable")
    case("from fe80::1", packet(6, "fe80::1", behind(6, 16)), "not_routable")

    run.case("nothing", ("blue0", bytes(Ether(src=HOST_MAC, dst=PORT_MAC, type=0x0800))), {},
             "ip_truncated")
    run.case("another version than the type says",
             ("blue0", bytes(Ether(src=HOST_MAC, dst=PORT_MAC, type=0x86DD) / Raw(raw))), {},
             "ip_version")
    run.case("for another MAC", ("blue0", frame(good, dst="02:00:00:00:0b:55")), {}, "not_our_mac")
    run.case("a group MAC", ("blue0", frame(good, dst="ff:ff:ff:ff:ff:ff")), {}, "not_our_mac")
    run.case("another type", ("blue0", bytes(Ether(src=HOST_MAC, dst=PORT_MAC, type=0x88B5) /
                                             Raw(bytes(50)))), {}, "ether_type_unknown")
    run.case("a tag", ("blue0", frame(good)[:12] + b"\x81\0\0\5" + frame(good)[12:]), {},
             "vlan_not_member")
    inner = packet(4, behind(4, 16), HOST[4])
    run.case("an unknown sender", ("uplink", arriving(KINDS[0], inner, 4, 77)), {},
             "remote_unknown")
    run.case("GRE with another key",
             ("uplink", arriving(KINDS[2], inner, 4, header=GRE(proto=0x0800, key_present=1,
                                                                key=9))), {}, "remote_unknown")
    run.case("GRE with an Ethernet payload",
             ("uplink", arriving(KINDS[1], inner, 4, header=GRE(proto=0x6558))), {},
             "tunnel_id_unknown")
    run.case("GRE with another payload",
             ("uplink", arriving(KINDS[1], inner, 4, header=GRE(proto=0x8847))), {},
             "tunnel_payload")
    run.case("GRE that says IPv6 and carries IPv4",
             ("uplink", arriving(KINDS[1], inner, 4, header=GRE(proto=0x86DD))), {},
             "tunnel_payload")
    broken = Ether(arriving(KINDS[0], inner, 4))
    broken[IP].proto = 41
    del broken[IP].chksum
    run.case("protocol 41 that carries IPv4", ("uplink", bytes(broken)), {}, "tunnel_payload")
    run.case("GRE with a wrong checksum",
             ("uplink", arriving(KINDS[3], inner, 4, header=GRE(
                 proto=0x0800, key_present=1, key=8, chksum_present=1, chksum=1))), {},
             "gre_checksum")
    run.case("nothing inside", ("uplink", arriving(KINDS[0], b"\x45", 4)[:34 + 1]), {},
             "ip_truncated")
    result = run.run()
    errors = {tunnel["name"]: tunnel["errors"] for tunnel in result.report["tunnels"]}
    number = REMOTES["gre-ip-checksum", 4]
    tap.check("errors count for the tunnel", errors[f"t{number}"] == {"gre_checksum": 1} and
              errors[f"t{REMOTES['gre-ip', 4]}"].get("tunnel_payload", 0) >= 2 and
              errors[f"t{REMOTES['ipip', 4]}"] == {"tunnel_payload": 1}, str(errors))


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


def syn(version, src, dst, options, flags="S", size=0, **ip):
    """The first packet of a TCP connection, or the second one."""
    head = IP(src=src, dst=dst, **({"flags": "DF"} | ip)) if version == 4 else (
        IPv6(src=src, dst=dst, **ip))
    return head / TCP(sport=5, dport=80, flags=flags, options=options) / Raw(bytes(size))


def most_mss(kind, family, version):
    """The MSS whose packets just fit the tunnel."""
    return MTU - (20 if family == 4 else 40) - kind.overhead - (20 if version == 4 else 40) - 20


def clamped():
    text = config().replace("    ports: [blue0]\n", "    ports: [blue0]\n    mss_clamp: true\n")
    run = without_router("mss", text)
    for kind in KINDS:
        for family in (4, 6):
            far_number = REMOTES[kind.name, family]
            for version in (4, 6):
                far, most = behind(version, far_number), most_mss(kind, family, version)
                for flags, value in (("S", 8940), ("SA", 1460), ("S", most + 1), ("S", most),
                                     ("SA", 536)):
                    name = f"IPv{version} {flags} {value} and {kind.name} over IPv{family}"
                    want = [("MSS", min(value, most))]
                    one = syn(version, HOST[version], far, [("MSS", value)], flags)
                    other = syn(version, HOST[version], far, want, flags)
                    run.case(f"{name}, out", ("blue0", frame(one)),
                             {"uplink": leaving(kind, hop(other), family)})
                    one = syn(version, far, HOST[version], [("MSS", value)], flags)
                    other = syn(version, far, HOST[version], want, flags)
                    run.case(f"{name}, in", ("uplink", arriving(kind, one, family)),
                             {"blue0": delivered(hop(other))})
    wide, narrow_one = (KINDS[0], 4), (KINDS[3], 6)
    for version in (4, 6):
        most = most_mss(*narrow_one, version)
        for first, second in ((wide, narrow_one), (narrow_one, wide)):
            ends = [behind(version, REMOTES[kind.name, family]) for kind, family in (first, second)]
            run.case(f"IPv{version} from {first[0].name} to {second[0].name}",
                     ("uplink", arriving(first[0], syn(version, *ends, [("MSS", 1460)]), first[1])),
                     {"uplink": leaving(second[0], hop(syn(version, *ends, [("MSS", most)])),
                                        second[1])})
        # What is sent back goes by the route to the source.
        ends = behind(version, REMOTES["gre-ip-checksum", 6]), HOST[version]
        run.case(f"IPv{version} by another way than the one back",
                 ("uplink", arriving(KINDS[0], syn(version, *ends, [("MSS", 1460)]), 4)),
                 {"blue0": delivered(hop(syn(version, *ends, [("MSS", most)])))})
        ends = NOWHERE[version], behind(version, 16)
        most = most_mss(*wide, version)
        run.case(f"IPv{version} from where no route leads back",
                 ("blue0", frame(syn(version, *ends, [("MSS", 8940)]))),
                 {"uplink": leaving(KINDS[0], hop(syn(version, *ends, [("MSS", most)])), 4)})

    def case(name, one, other):
        run.case(name, ("blue0", frame(one)), {"uplink": leaving(KINDS[0], hop(other), 4)})

    for version in (4, 6):
        ends, most = (HOST[version], behind(version, 16)), most_mss(*wide, version)
        others = [("WScale", 7), ("NOP", None), ("SAckOK", b"")]
        for before in (others, [("NOP", None)]):
            case(f"IPv{version}: behind {len(before)} options",
                 syn(version, *ends, before + [("MSS", 0x5A5B)]),
                 syn(version, *ends, before + [("MSS", most)]))
        case(f"IPv{version}: with data", syn(version, *ends, [("MSS", 8940)], size=99),
             syn(version, *ends, [("MSS", most)], size=99))
        for flags, options in (("S", []), ("A", [("MSS", 8940)]), ("PA", [("MSS", 8940)])):
            one = syn(version, *ends, options, flags)
            case(f"IPv{version}: {flags} with {options} stays as it is", one, one)
        # Incrementally: what was wrong is as wrong as before.
        one = syn(version, *ends, [("MSS", 8940)])
        one[TCP].chksum = 0x1234
        other = syn(version, *ends, [("MSS", most)])
        other[TCP].chksum = 0x1234 + 8940 - most
        case(f"IPv{version}: a wrong checksum stays wrong", one, other)
    ends, most = (HOST[4], behind(4, 16)), most_mss(*wide, 4)
    one, other = syn(4, *ends, [("MSS", 8940)]), syn(4, *ends, [("MSS", most - 4)])
    one.options = other.options = [IPOption_NOP()] * 4
    case("behind IPv4 options", one, other)
    case("the first fragment", with_flags(syn(4, *ends, [("MSS", 8940)], size=24, id=7), 1),
         with_flags(syn(4, *ends, [("MSS", most)], size=24, id=7), 1))
    later = with_flags(syn(4, *ends, [("MSS", 8940)], size=24, id=7), 0, 5)
    case("not a later one", later, later)
    run.run()
    run = without_router("mss, as it is", config())
    one = syn(4, *ends, [("MSS", 8940)])
    case("a VRF that does not ask for it", one, one)
    run.run()


def with_flags(packet, flags, offset=0):
    """The IPv4 packet as a fragment; its TCP checksum stays that of the whole."""
    made = IP(bytes(packet))
    made.flags, made.frag = flags, offset
    del made.chksum
    return made


main(both_ways, between_tunnels, apart, told, narrow, not_told, fragmented, echoed, neighbours, refused,
     marked, numbered, trimmed, clamped)

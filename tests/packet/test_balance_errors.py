# SPDX-License-Identifier: Apache-2.0
"""ICMP errors that we send about balanced packets speak of what the client sent, in every forwarding
method; and those that routers send about packets wrapped for backends lower their path MTU."""

import balance as b
from harness import SECOND, Free, Scenario, main
from fragments import cut, joined
from tunnels import KINDS, OUR_MAC, OURS, to_remote

from scapy.layers.inet import ICMP, IP, UDP
from scapy.layers.inet6 import ICMPv6DestUnreach, ICMPv6PacketTooBig, ICMPv6TimeExceeded, IPv6
from scapy.layers.l2 import GRE, Ether
from scapy.packet import Raw

NO_HOST = {4: ICMP(type=3, code=1), 6: ICMPv6DestUnreach(code=3)}
NO_ROUTE = {4: ICMP(type=3, code=0), 6: ICMPv6DestUnreach(code=0)}
EXCEEDED = {4: ICMP(type=11), 6: ICMPv6TimeExceeded()}
SILENT = 99  # a backend that does not answer ARP or ND
METHODS = ("nat", "fullnat", "direct", "tunnel")
ELSEWHERE = {4: "10.77.0.1", 6: "fd77::1"}  # where no route leads


def too_big(version, mtu):
    return ICMP(type=3, code=4, nexthopmtu=mtu) if version == 4 else ICMPv6PacketTooBig(mtu=mtu)


def services(backend_of, methods=METHODS, **more):
    text = ""
    for i, method in enumerate(methods):
        for version in b.VERSIONS:
            keys = {"forwarding": method} | more
            if method == "fullnat":
                keys["local_addresses"] = f'["{b.LOCAL[version]}"]'
            port = 8080 if method in ("nat", "fullnat") else None
            text += b.service(f"{method}{version}", version, 20 + i,
                              backends=(backend_of(version),), backend_port=port, **keys)
    return text


def told_of(name, backend_of, error, drop, quoted, **fields):
    # What asks for the silent backend leaves by a port that is not looked at.
    run = Scenario(name, b.config(services(backend_of)), ["edge0"],
                   start={"edge0": b.START["edge0"]})
    for i, method in enumerate(METHODS):
        for version in b.VERSIONS:
            one = b.tcp(version, b.client(version), b.vip(version, 20 + i))
            run.case(f"{method}, IPv{version}", b.from_client(one),
                     b.to_client(b.icmp_about(quoted(one), error[version])), drop, **fields)
    run.run()


def silent_backends():
    told_of("no answer", lambda version: b.backend(version, SILENT), NO_HOST, "neighbour_unresolved",
            b.hop, last_ns=3 * SECOND)


def backends_without_route():
    told_of("no route", lambda version: ELSEWHERE[version], NO_ROUTE, "no_route", lambda one: one)


def silent_to_fragments():
    """Of a datagram in fragments the first one is told about, once."""
    def backend_of(version):
        return b.backend(version, SILENT)

    run = Scenario("no answer to fragments", b.config(services(backend_of, protocol="udp")), ["edge0"],
                   start={"edge0": b.START["edge0"]})
    for i, method in enumerate(METHODS):
        for version in b.VERSIONS:
            whole = b.udp(version, b.client(version), b.vip(version, 20 + i), size=2000)
            parts = cut(whole, 1200)
            size = 1200
            if method == "tunnel":  # cut smaller for what is put before
                size -= 24 if version == 4 else 40
            # Of the first one as it came; its end left in another packet.
            first, *others = cut(b.hop(whole), size)
            quote = bytes(b.hop(parts[0]))[:len(bytes(first))]
            right = b.icmp_about(first, NO_HOST[version])
            right[Raw].load = quote[:len(right[Raw].load)]
            run.case(f"{method}, IPv{version}", [b.from_client(part) for part in parts],
                     b.to_client(right),
                     [["neighbour_unresolved"] * (1 + len(others)), None], last_ns=3 * SECOND)
    run.run()


def refused_fragments():
    """What is refused before it is cut again: the client hears of the first fragment that it sent."""
    text = (services(lambda version: ELSEWHERE[version], protocol="udp") +
            "".join(b.service(f"none{v}", v, 30, protocol="udp", backends=()) +
                    b.service(f"small{v}", v, 31, protocol="udp") +
                    b.service(f"other{v}", v, 32, protocol="udp", forwarding="fullnat",
                              backends=(ELSEWHERE[10 - v],), local_addresses=f'["{b.LOCAL[10 - v]}"]')
                    for v in b.VERSIONS))
    run = Scenario("refused fragments", b.config(text, back_mtu=1300), ["edge0"],
                   start={"edge0": b.START["edge0"]})
    for version in b.VERSIONS:
        def case(name, number, error, drop, size=1200, port=80, df=False, ttl=64, version=version):
            whole = b.udp(version, b.client(version), b.vip(version, number), 700 + number, port, 2000,
                          ttl=ttl, **({"fl": 0x12345} if version == 6 else {}))
            parts = cut(whole, size, 0x4321, df)
            run.case(f"{name}, IPv{version}, {size} bytes each", [b.from_client(part) for part in parts],
                     b.to_client(b.icmp_about(parts[0], error[version])), [drop] + [None] * (len(parts) - 1))

        for size in (1200, 400, 40):
            for i, method in enumerate(METHODS):
                case(f"{method}, no route", 20 + i, NO_ROUTE, "no_route", size)
            case("the other version, no route", 32, NO_ROUTE, "no_route", size)
            case("the last hop", 31, EXCEEDED, "ttl_expired", size, ttl=1)
        case("no such port", 31, b.NO_PORT, "service_unknown", port=81)
        if version == 4:
            case("too big", 31, {4: too_big(4, 1300)}, "mtu_exceeded", 1400, df=True)
    run.run()


# --- behind a network, one of whose remotes has a narrow path

def narrow_network(run, path):
    """A router tells of the path to the remote of the network."""
    inner = b.frame(b.udp(4, b.client(4), b.backend(4, 11, 4), size=1400), b.NET_MAC,
                    b.backend_mac(11, 4))
    sent = bytes(to_remote(KINDS[0], inner, 4, 2).frame)[14:]
    run.case(f"a router tells {path}", ("uplink", bytes(
        Ether(src="02:00:00:00:00:02", dst=OUR_MAC) / IP(src="203.0.113.7", dst=OURS[4]) /
        too_big(4, path) / Raw(sent))))


PATH = 1400
FITS = PATH - 50  # an IP packet within VXLAN


def some(port, *sizes):
    return {port: [Free(lambda got: got, bytes(size)) for size in sizes]}


def merged(one, other):
    return {**one, **other}


def narrowed_fragments():
    """Fragments that fitted so far: the client hears of its own packet."""
    text = services(lambda version: b.backend(version, 11, 4), ("nat", "fullnat"), protocol="udp")
    run = b.scenario("fragments into a narrow network", b.config(text))
    narrow_network(run, PATH)
    for i, method in enumerate(("nat", "fullnat")):
        for version in b.VERSIONS:
            whole = b.udp(version, b.client(version), b.vip(version, 20 + i), size=2000)
            size = 1440
            parts = cut(whole, size, df=True)
            rest = 2008 - size + (20 if version == 4 else 48) + 14 + 50
            run.case(f"{method}, IPv{version}", [b.from_client(part) for part in parts],
                     merged(b.to_client(b.icmp_about(b.hop(parts[0]), too_big(version, FITS))),
                            some("uplink", rest)), [["mtu_exceeded"], None])
    run.run()


def narrowed_other_vrf():
    """The backend is behind another VRF's network: the client's own VRF hears of its packet, also
    where nothing is remembered of the packet."""
    methods = ("nat", "fullnat", "direct")
    text = ""
    for version in b.VERSIONS:
        for i, method in enumerate(methods):
            keys = {"forwarding": method, "protocol": "udp"}
            if method == "fullnat":
                keys["local_addresses"] = f'["{b.LOCAL[version]}"]'
            if method == "direct":
                keys["one_packet"] = "true"
            text += b.service(f"{method}{version}", version, 20 + i, vrf="red", backends=(11,), net=4,
                              backend_port=8080 if method != "direct" else None,
                              backend_keys=", vrf: blue", **keys)
    run = b.scenario("behind another VRF's network", b.config(text))
    narrow_network(run, PATH)
    for version in b.VERSIONS:
        for i, method in enumerate(methods):
            large = b.udp(version, b.client(version), b.vip(version, 20 + i), size=1400)
            run.case(f"{method}, IPv{version}", ("red0", b.frame(large, b.CLIENT_MAC, b.RED_MAC)),
                     {"red0": b.frame(b.icmp_about(b.hop(large), too_big(version, FITS)), b.RED_MAC,
                                      b.CLIENT_MAC)}, "mtu_exceeded")
    run.run()


def narrowed_other_version():
    """Full NAT to backends of the other IP version: the MTU is that of the client's version."""
    text = "".join(b.service(f"{protocol}{version}", version, 20, port, protocol=protocol,
                             backends=(b.backend(10 - version, 11, 4),), forwarding="fullnat",
                             local_addresses=f'["{b.LOCAL[10 - version]}"]')
                   for protocol, port in (("tcp", 80), ("udp", 81)) for version in b.VERSIONS)
    run = b.scenario("the other version in a narrow network", b.config(text))
    narrow_network(run, PATH)
    for version in b.VERSIONS:
        told = FITS - 20 if version == 4 else FITS + 20
        client, service = b.client(version), b.vip(version, 20)
        syn = b.tcp(version, client, service)
        run.case(f"IPv{version}: begins", b.from_client(syn),
                 some("uplink", 64 + len(syn) + (20 if version == 4 else -20)))
        large = b.tcp(version, client, service, "A", size=told + 1 - len(syn))

        run.case(f"IPv{version}: too long", b.from_client(large),
                 b.to_client(b.icmp_about(b.hop(large), too_big(version, told))), "mtu_exceeded")
        fits = b.tcp(version, client, service, "A", size=told - len(syn))
        run.case(f"IPv{version}: fits", b.from_client(fits), some("uplink", 64 + FITS))
    run.run()


def narrowed_tunnels():
    """Wrapped packets: the first that does not fit is told about as it came, others before."""
    for inner in b.VERSIONS:
        for outer in b.VERSIONS:
            text = b.service("s", inner, 20, forwarding="tunnel", wrap="gre", backend_port=None,
                             backends=(b.backend(outer, 11, 4),))
            run = b.scenario(f"IPv{inner} in IPv{outer} into a narrow network", b.config(text))
            overhead = 24 if outer == 4 else 44
            client, service = b.client(inner), b.vip(inner, 20)
            syn = b.tcp(inner, client, service)
            large = b.tcp(inner, client, service, "A", size=1400)

            def leaves(packet):
                return some("uplink", 64 + len(packet) + overhead)

            run.case("begins", b.from_client(syn), leaves(syn))
            run.case("a large one", b.from_client(large), leaves(large))
            narrow_network(run, PATH)
            error = too_big(inner, FITS - overhead)
            run.case("told", b.from_client(large), b.to_client(b.icmp_about(b.hop(large), error)),
                     "mtu_exceeded")
            run.case("told at once", b.from_client(large), b.to_client(b.icmp_about(large, error)),
                     "mtu_exceeded")
            fits = b.tcp(inner, client, service, "A", size=FITS - overhead - len(syn))
            run.case("what fits passes", b.from_client(fits), leaves(fits))
            if inner == 6:
                narrow_network(run, 1300)
                least = b.tcp(6, client, service, "A", size=1280 - len(syn))
                over = b.tcp(6, client, service, "A", size=1281 - len(syn))
                run.case("1280 bytes, at first", b.from_client(least), {}, "mtu_exceeded")
                run.case("1280 bytes", b.from_client(least), parts_of(
                    bytes(b.hop(least)), "uplink", 64, 1250, outer, overhead),
                         check=joins(bytes(b.hop(least)), "uplink", 64, overhead))
                run.case("1281 bytes", b.from_client(over),
                         b.to_client(b.icmp_about(over, too_big(6, 1280))), "mtu_exceeded")
            run.run()


def parts_of(inner, port, before, most, outer, overhead):
    """Of the wrapped packet, in frames that have `before` bytes before it."""
    head = 20 if outer == 4 else 48
    total = len(inner) + overhead - (20 if outer == 4 else 40)
    step = (most - head) // 8 * 8
    return some(port, *[before + head + min(step, total - at) for at in range(0, total, step)])


def joins(inner, port, before, overhead):
    def check(got, _):
        data, _, flags = joined([IP(each[before:]) if each[before] >> 4 == 4 else IPv6(each[before:])
                                 for each in got[port]])
        head = overhead - (20 if got[port][0][before] >> 4 == 4 else 40)
        good = data is not None and data[head:] == inner and flags in ({False}, set())
        return [] if good else [f"not what was sent: {got[port]}"]
    return check


def narrowed_vrf_tunnel():
    """Wrapped packets whose backend is behind a tunnel of the VRF."""
    more = """    tunnels: {site: {address: 192.0.2.2, kind: ipip, addresses: [10.255.0.1/30, "fd55::1/64"]}}
    routes: [{to: 10.6.0.0/16, tunnel: site}, {to: "fd06::/64", tunnel: site}]
"""
    path = 1300
    for outer in b.VERSIONS:
        text = b.service("s", 6, 20, forwarding="tunnel", wrap="gre", backend_port=None, vrf="red",
                         backends=(b.backend(outer, 11, 6),))
        run = b.scenario(f"IPv6 in IPv{outer} into a narrow tunnel", b.config(text, more=more))
        overhead = 24 if outer == 4 else 44
        client, service = b.client(6), b.vip(6, 20)

        def of(size):
            return b.tcp(6, client, service, "A" if size > 60 else "S", size=size - 60)

        def send(one):
            return "red0", b.frame(one, b.CLIENT_MAC, b.RED_MAC)

        run.case("begins", send(of(60)), some("uplink", 34 + 60 + overhead))
        src, dst = ("10.255.0.1", "10.6.0.11") if outer == 4 else ("fd55::1", "fd06::11")
        head = (IP(src=src, dst=dst, id=0, flags="DF", ttl=64) if outer == 4 else IPv6(src=src, dst=dst))
        sent = IP(bytes(IP(src=OURS[4], dst="192.0.2.2", id=0, flags="DF") / head /
                        GRE(proto=0x86DD) / b.hop(of(1400))))
        run.case("a router tells", ("uplink", bytes(
            Ether(src="02:00:00:00:00:02", dst=OUR_MAC) / IP(src="203.0.113.7", dst=OURS[4]) /
            too_big(4, path) / Raw(bytes(sent)[:1200]))))
        least, over = of(1280), of(1281)
        run.case("1281 bytes", send(over), {"red0": b.frame(b.icmp_about(b.hop(over), too_big(6, 1280)),
                                                            b.RED_MAC, b.CLIENT_MAC)}, "mtu_exceeded")
        run.case("1280 bytes", send(least), parts_of(
            bytes(b.hop(least)), "uplink", 34, path - 20, outer, overhead),
                 check=joins(bytes(b.hop(least)), "uplink", 34, overhead))
        run.run()


# --- path MTU of backends behind forwarding by tunnel

WRAPS = {"ipip": 0, "gre": 4, "gue": 12}


def wrapped(kind, outer, inner, sport=51234, dport=6080, src=None):
    """A client's packet as it leaves for backend 11; what differs from flow to flow is made up."""
    inner_kind = inner.version
    head = {"ipip": b"", "gre": GRE(proto=0x0800 if inner_kind == 4 else 0x86DD),
            "gue": UDP(sport=sport, dport=dport) /
            Raw(bytes([0, 4 if inner_kind == 4 else 41, 0, 0]))}[kind]
    proto = {"ipip": 4 if inner_kind == 4 else 41, "gre": 47, "gue": 17}[kind]
    body = head / b.hop(inner) if kind != "ipip" else b.hop(inner)
    src = src or b.BACK_GATEWAY[outer]
    if outer == 4:
        return IP(bytes(IP(src=src, dst=b.backend(4, 11), id=0, flags="DF", proto=proto) / body))
    return IPv6(bytes(IPv6(src=src, dst=b.backend(6, 11), nh=proto) / body))


def error_about(sent, error, most=1300, port="back0", mac=b.BACK_MAC):
    if sent.version == 4:
        packet = IP(src=b.backend(4, 12), dst=sent.src)
    else:
        packet = IPv6(src=b.backend(6, 12), dst=sent.src)
    return port, bytes(Ether(src=b.backend_mac(12), dst=mac) / packet / error /
                       Raw(bytes(sent)[:most]))


def numbered():
    return [(kind, outer, inner) for kind in WRAPS for outer in b.VERSIONS for inner in b.VERSIONS]


def path_mtu():
    for kind, outer, inner in numbered():
        text = b.service("s", inner, 20, forwarding="tunnel", wrap=kind, backend_port=None,
                         backends=(b.backend(outer, 11),))
        run = b.scenario(f"{kind} over IPv{outer}, IPv{inner} inside", b.config(text))
        overhead = WRAPS[kind] + (20 if outer == 4 else 40)
        client, service = b.client(inner), b.vip(inner, 20)
        syn = b.tcp(inner, client, service)
        large = b.tcp(inner, client, service, "A", size=1350)

        def leaves(packet):
            size = len(b.frame(packet, b.BACK_MAC, b.backend_mac(11))) + overhead
            return {"back0": Free(lambda got: got, bytes(size))}

        run.case("begins", b.from_client(syn), leaves(syn))
        run.case("a large one", b.from_client(large), leaves(large))
        run.case("a router tells", error_about(wrapped(kind, outer, large), too_big(outer, 1400)),
                 b.to_client(b.icmp_about(b.hop(large), too_big(inner, 1400 - overhead))))
        run.case("told by us", b.from_client(large),
                 b.to_client(b.icmp_about(large, too_big(inner, 1400 - overhead))), "mtu_exceeded")
        fits = b.tcp(inner, client, service, "A", size=1400 - overhead - len(bytes(syn)))
        run.case("what fits passes", b.from_client(fits), leaves(fits))
        if inner == 6:
            least_of_ipv6(run, kind, outer, client, service)
        run.run()


def path_mtu_of_fragments():
    """A datagram that came in fragments was cut smaller to be wrapped: the client reads of its own."""
    for kind, outer, inner in numbered():
        text = b.service("s", inner, 20, forwarding="tunnel", wrap=kind, backend_port=None, protocol="udp",
                         backends=(b.backend(outer, 11),))
        run = b.scenario(f"fragments by {kind} over IPv{outer}, IPv{inner} inside", b.config(text))
        overhead = WRAPS[kind] + (20 if outer == 4 else 40)
        whole = b.udp(inner, b.client(inner), b.vip(inner, 20), 900, 80, 2400)
        head = 20 if inner == 4 else 48
        parts = cut(whole, 1400, 0x99, True)
        size = (1400 + head - overhead - head) // 8 * 8
        again = cut(whole, size, 0x99, True)
        run.case("begins", [b.from_client(part) for part in parts], some(
            "back0", *(14 + overhead + len(bytes(part)) for part in again)))
        told = 1300 - overhead if inner == 4 else 1280
        run.case("a router tells", error_about(wrapped(kind, outer, again[0]), too_big(outer, 1300)),
                 b.to_client(b.icmp_about(b.hop(parts[0]), too_big(inner, told))))
        run.run()


NARROW = 1290  # leaves less than 1280 inside


def least_of_ipv6(run, kind, outer, client, service):
    """No sender makes IPv6 packets of 1280 bytes smaller."""
    def of(size):
        return b.tcp(6, client, service, "A", size=size - 60)

    large = of(1400)
    run.case(f"told {NARROW}", error_about(wrapped(kind, outer, large), too_big(outer, NARROW)),
             b.to_client(b.icmp_about(b.hop(large), too_big(6, 1280))))
    run.case("1281 bytes", b.from_client(of(1281)), b.to_client(b.icmp_about(of(1281), too_big(6, 1280))),
             "mtu_exceeded")
    overhead = WRAPS[kind] + (20 if outer == 4 else 40)
    if outer == 4:
        def build(got):
            head = IP(got[14:34])
            return got if (len(got) == 14 + 1280 + overhead and int(head.flags) == 0 and
                           got[14 + overhead:] == bytes(b.hop(of(1280)))) else b""

        run.case("1280 bytes, routers fragment", b.from_client(of(1280)),
                 {"back0": Free(build, bytes(14 + 1280 + overhead))})
        return
    step, total = (NARROW - 48) // 8 * 8, 1280 + overhead - 40

    def check(got, _):
        packets = sorted((IPv6(each[14:]) for each in got["back0"]),
                         key=lambda each: int.from_bytes(bytes(each)[42:44], "big"))
        data = b"".join(bytes(each)[48:] for each in packets)
        return [] if data[overhead - 40:] == bytes(b.hop(of(1280))) else [str(packets)]

    run.case("1280 bytes in fragments", b.from_client(of(1280)),
             {"back0": [Free(lambda got: got, bytes(62 + size)) for size in (step, total - step)]},
             check=check)


def not_believed():
    text = (b.service("web", 4, 80, forwarding="tunnel", wrap="gue", backend_port=None) +
            b.service("nat", 4, 81))
    run = b.scenario("not believed", b.config(text))
    large = b.tcp(4, b.client(4), b.vip(4, 80), "A", size=1350)
    syn = b.tcp(4, b.client(4), b.vip(4, 80))
    size = len(b.frame(large, b.BACK_MAC, b.backend_mac(11))) + 32
    passes = {"back0": Free(lambda got: got, bytes(size))}
    run.case("begins", b.from_client(syn),
             {"back0": Free(lambda got: got, bytes(size - 1350))})
    tell = too_big(4, 1300)
    other = wrapped("gue", 4, large)
    other.dst = b.backend(4, 13)
    del other.chksum
    for name, packet, reason in (
            ("another kind of tunnel", error_about(wrapped("ipip", 4, large), tell), "icmp_ignored"),
            ("another port", error_about(wrapped("gue", 4, large, dport=6081), tell), "icmp_ignored"),
            ("a source port that is not ours", error_about(wrapped("gue", 4, large, sport=80), tell),
             "icmp_ignored"),
            ("no backend", error_about(IP(bytes(other)), tell), "icmp_ignored"),
            ("from the other tenant's side",
             error_about(wrapped("gue", 4, large), tell, port="red1", mac=b.RED_BACK_MAC),
             "icmp_ignored"),
            ("more than the port takes", error_about(wrapped("gue", 4, large), too_big(4, 1500)),
             "icmp_ignored")):
        run.case(name, packet, {}, reason)
        run.case(f"{name}: nothing changes", b.from_client(large), passes)
    run.case("undelivered", error_about(wrapped("gue", 4, large), ICMP(type=3, code=1)), {},
             "tunnel_undelivered")
    # Nothing is told about a packet that is no client's of the service.
    odd = b.tcp(4, b.client(4), "10.9.9.9", "A", size=1350)
    run.case("inside to nowhere", error_about(wrapped("gue", 4, odd), tell), {})
    run.case("inside to nowhere: but the path is that", b.from_client(large),
             b.to_client(b.icmp_about(large, too_big(4, 1300 - 32))), "mtu_exceeded")
    run.case("after ten minutes", b.from_client(large), passes, wait_ns=610 * SECOND)
    run.run()


main(silent_backends, silent_to_fragments, refused_fragments, backends_without_route, narrowed_fragments,
     narrowed_other_vrf, narrowed_other_version, narrowed_tunnels, narrowed_vrf_tunnel, path_mtu,
     path_mtu_of_fragments, not_believed)

# SPDX-License-Identifier: Apache-2.0
"""ICMP errors that we send about balanced packets speak of what the client sent, in every forwarding
method; and those that routers send about packets wrapped for backends lower their path MTU."""

import balance as b
from harness import SECOND, Free, Scenario, main

from scapy.layers.inet import ICMP, IP, UDP
from scapy.layers.inet6 import ICMPv6DestUnreach, ICMPv6PacketTooBig, IPv6
from scapy.layers.l2 import GRE, Ether
from scapy.packet import Raw

NO_HOST = {4: ICMP(type=3, code=1), 6: ICMPv6DestUnreach(code=3)}
NO_ROUTE = {4: ICMP(type=3, code=0), 6: ICMPv6DestUnreach(code=0)}
SILENT = 99  # a backend that does not answer ARP or ND
METHODS = ("nat", "fullnat", "direct", "tunnel")
ELSEWHERE = {4: "10.77.0.1", 6: "fd77::1"}  # where no route leads


def too_big(version, mtu):
    return ICMP(type=3, code=4, nexthopmtu=mtu) if version == 4 else ICMPv6PacketTooBig(mtu=mtu)


def services(backend_of):
    text = ""
    for i, method in enumerate(METHODS):
        for version in b.VERSIONS:
            keys = {"forwarding": method}
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
                     b.to_client(b.told(quoted(one), error[version])), drop, **fields)
    run.run()


def silent_backends():
    told_of("no answer", lambda version: b.backend(version, SILENT), NO_HOST, "neighbour_unresolved",
            b.hop, last_ns=3 * SECOND)


def backends_without_route():
    told_of("no route", lambda version: ELSEWHERE[version], NO_ROUTE, "no_route", lambda one: one)


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
                 b.to_client(b.told(b.hop(large), too_big(inner, 1400 - overhead))))
        run.case("told by us", b.from_client(large),
                 b.to_client(b.told(large, too_big(inner, 1400 - overhead))), "mtu_exceeded")
        fits = b.tcp(inner, client, service, "A", size=1400 - overhead - len(bytes(syn)))
        run.case("what fits passes", b.from_client(fits), leaves(fits))
        run.run()


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
             b.to_client(b.told(large, too_big(4, 1300 - 32))), "mtu_exceeded")
    run.case("after ten minutes", b.from_client(large), passes, wait_ns=610 * SECOND)
    run.run()


main(silent_backends, backends_without_route, path_mtu, not_believed)

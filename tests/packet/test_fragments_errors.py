# SPDX-License-Identifier: Apache-2.0
"""Fragments in VRFs with services: ICMP errors that come in them or are about them, and what is told about
impossible ones."""

from balance import *
from fragments import cut, forwarded, lengths, piece_of
from harness import SECOND, main

from scapy.layers.inet6 import ICMPv6EchoReply, ICMPv6ParamProblem, IPv6ExtHdrFragment


def errors():
    """ICMP errors about translated packets that come in fragments, or are about a later one."""
    text = "".join(service(f"nat{v}", v, 80, 53, protocol="udp") +
                   service(f"full{v}", v, 80, 54, protocol="udp", forwarding="fullnat",
                           local_addresses=f'["{LOCAL[v]}"]') for v in VERSIONS)
    run = scenario("errors", config(text))
    for version in VERSIONS:
        c, v, b, router = client(version), vip(version, 80), backend(version, 11), backend(version, 12)
        head = 20 if version == 4 else 48

        def error(src, dst, about, kind=None, version=version):
            about = bytes(about)
            packet = ip(version, src, dst, **({"flags": 0, "id": 0} if version == 4 else {}))
            return packet / (kind or NO_PORT[version]) / Raw(about)

        sent = udp(version, c, v, 900, 53, 200)
        inside = rewritten(sent, dst=b, dport=8080)
        run.case(f"IPv{version}: a packet", from_client(sent),
                 {"back0": frame(inside, BACK_MAC, backend_mac(11))})
        for name, source in (("the backend", b), ("a router before it", router)):
            for order in (1, -1):
                parts = cut(error(source, c, inside), 64, 40 + order)
                # The outermost address is the service's, and inside is what the client sent.
                right = error(v, c, hop(sent))
                payload = bytes(right)[20 if version == 4 else 40:]
                forwarded(run, f"IPv{version}: an error of {name} in {len(parts)} fragments, "
                          f"{'in order' if order > 0 else 'reversed'}",
                          [from_backend(part, 11 if source == b else 12) for part in parts[::order]],
                          payload, 64 + head, False, version, None,
                          lengths(len(payload), head, 64 + head), "edge0")
        # What tells no ports is nobody's that is known.
        whole = udp(version, c, b, 900, 8080, 2000)
        later = cut(hop(whole), 1200)[1]
        one = error(b, c, later)
        run.case(f"IPv{version}: about a later fragment", from_backend(one), {}, "icmp_embedded")
        run.case(f"IPv{version}: about one, in fragments", [from_backend(part) for part in
                                                            cut(one, 64, 50)], {},
                 ["icmp_embedded"] + [None] * (len(cut(one, 64, 50)) - 1))
        for name, kind in (("source quench", ICMP(type=4)), ("redirect", ICMP(type=5, code=1))):
            if version == 6:
                continue
            run.case(f"{name}", from_backend(error(b, c, inside, kind)), {}, "icmp_embedded")
            run.case(f"{name}, in fragments", [from_backend(part) for part in cut(
                error(b, c, inside, kind), 64, 60)], {},
                     ["icmp_embedded"] + [None] * (len(cut(error(b, c, inside, kind), 64, 60)) - 1))
            other = error(router, c, udp(version, c, router, 7, 8, 200), kind)
            run.case(f"{name}, about another host", from_backend(other, 12),
                     {"edge0": frame(hop(other), EDGE_MAC, CLIENT_MAC)})
        # What is about others passes, as does what is no error.
        other = error(router, c, udp(version, c, router, 7, 8, 200))
        parts = cut(other, 64, 51)
        run.case(f"IPv{version}: about another host", [from_backend(part, 12) for part in parts],
                 {"edge0": [frame(hop(part), EDGE_MAC, CLIENT_MAC) for part in parts]}, ordered=True)
        run.case(f"IPv{version}: about a later fragment to another host", from_backend(error(
            router, c, cut(udp(version, c, router, 7, 8, 2000), 1200)[1]), 12), {"edge0": frame(
                hop(error(router, c, cut(udp(version, c, router, 7, 8, 2000), 1200)[1])),
                EDGE_MAC, CLIENT_MAC)})
        # Nor do parts of such wait for the rest, once the first one has shown that.
        run.case(f"IPv{version}: the first fragment of one about another host", from_backend(parts[0], 12),
                 {"edge0": frame(hop(parts[0]), EDGE_MAC, CLIENT_MAC)}, last_ns=2 * SECOND)
        run.case(f"IPv{version}: the later ones", [from_backend(part, 12) for part in parts[1:]],
                 {"edge0": [frame(hop(part), EDGE_MAC, CLIENT_MAC) for part in parts[1:]]},
                 last_ns=2 * SECOND)
        about = error(router, c, cut(udp(version, c, router, 7, 8, 2000), 1200)[1])
        later = cut(about, 64, 54)
        run.case(f"IPv{version}: the first fragment of one about a later fragment to another host",
                 from_backend(later[0], 12), {"edge0": frame(hop(later[0]), EDGE_MAC, CLIENT_MAC)},
                 last_ns=2 * SECOND)
        uneven = cut(other, 64, 55)[:2] + [piece_of(other, 128, 55, 40), piece_of(other, 168, 55)]
        run.case(f"IPv{version}: fragments of several sizes, about another host",
                 [from_backend(part, 12) for part in uneven],
                 {"edge0": [frame(hop(part), EDGE_MAC, CLIENT_MAC) for part in uneven]}, ordered=True)
        ours = cut(error(router, c, inside), 64, 56)
        run.case(f"IPv{version}: the first fragment of one about a translated packet",
                 from_backend(ours[0], 12), {}, "ip_reassembly", last_ns=2 * SECOND)
        ping = ip(version, b, c) / (ICMP(type=0) if version == 4 else ICMPv6EchoReply()) / Raw(
            pattern(200))
        for order in (1, -1):
            parts = cut(ping, 64, 52 + order)
            run.case(f"IPv{version}: an echo reply, {'in order' if order > 0 else 'reversed'}",
                     [from_backend(part) for part in parts[::order]],
                     {"edge0": [frame(hop(part), EDGE_MAC, CLIENT_MAC) for part in parts]})
    run.run()


def impossible():
    """RFC 8200 section 4.5, within a VRF; routers between other hosts do not look."""
    run = scenario("impossible", config(service("dns", 6, 80, 53, protocol="udp")))
    for name, offset, more, size, pointer in (("odd", 0, 1, 1001, 4), ("a later one odd", 9, 1, 9, 4),
                                              ("beyond 64 KiB", 8191, 0, 8, 42)):
        one = (IPv6(src=client(6), dst=vip(6, 80)) /
               IPv6ExtHdrFragment(nh=17, id=77 + size, offset=offset, m=more) / Raw(pattern(size)))
        run.case(name, from_client(one), to_client(icmp_about(one, ICMPv6ParamProblem(code=0, ptr=pointer))),
                 "fragment_length")
        one.dst = backend(6, 12)
        run.case(f"{name}, to another host", from_client(one),
                 {"back0": frame(hop(one), BACK_MAC, backend_mac(12))})
    run.run()


main(errors, impossible)

# SPDX-License-Identifier: Apache-2.0
"""Services by mark: which packets the classifier's rules take, and that they are one service."""

import collections

import frames
from balance import *
from harness import SECOND, main, tap
from moments import moments
from nd_frames import advertisement, solicitation, unsolicited
from test_balance import lowered_twice
from test_persistence import far, goes

from scapy.layers.inet6 import ICMPv6EchoReply, ICMPv6EchoRequest


def marked(name, version, mark, backends=(11,), **keys):
    """A service by mark; backends have the packet's port."""
    text = f"  {name}:\n    vrf: blue\n    mark: {mark}\n"
    for key, value in ({"scheduler": "rr"} | keys).items():
        text += f"    {key}: {value}\n"
    text += "    backends:\n"
    return text + "".join(f'      - {{address: "{backend(version, one)}"}}\n' for one in backends)


def rules(*ones):
    return "classifier:\n" + "".join("  - {vrf: blue, %s}\n" % one for one in ones)


def addresses(*all_of_them):
    return "destinations: [" + ", ".join(f'"{one}"' for one in all_of_them) + "]"


def one_service():
    """Two addresses, two ports, one service: with persistence a client has one backend."""
    text = "".join(marked(f"shop{v}", v, v, (11, 12, 13), persistence="{timeout_s: 60}")
                   for v in VERSIONS)
    text += "".join(marked(f"turns{v}", v, 10 + v, (11, 12)) for v in VERSIONS)
    text += rules(*(f"mark: {v}, {addresses(vip(v, 80), vip(v, 81))}, protocol: tcp, port: {port}"
                    for v in VERSIONS for port in (80, 443)),
                  *(f"mark: {10 + v}, {addresses(vip(v, 90), vip(v, 91))}" for v in VERSIONS))
    run = scenario("one service", config(text))
    for version in VERSIONS:
        for number, wanted in ((1, 11), (2, 12), (3, 13), (1, 11)):
            for address in (80, 81):
                for dport in (80, 443):
                    c, v, sport = client(version, number), vip(version, address), len(run.cases)
                    goes(run, tcp(version, c, v, "S", sport, dport), wanted)
                    back = tcp(version, backend(version, wanted), c, "SA", dport, sport)
                    run.case(f"IPv{version} answered as {v}", from_backend(back, wanted),
                             to_client(rewritten(back, src=v)))
        # A client may have one port for both addresses, at one backend not at the same time.
        for address, flags, wanted in ((80, "S", 11), (81, "S", 0), (80, "R", 11), (81, "S", 11),
                                       (81, "A", 11), (80, "S", 0), (81, "R", 11)):
            one = tcp(version, client(version), vip(version, address), flags, 7000, 80)
            if wanted:
                goes(run, one, wanted)
            else:
                run.case(f"IPv{version}: its port is in use", from_client(one), {},
                         "connection_collides")
        one = tcp(version, client(version), vip(version, 80), "S", 5, 81)
        run.case(f"IPv{version}: another port", from_client(one), to_client(reset(one)),
                 "service_unknown")
        one = udp(version, client(version), vip(version, 81), 5, 80)
        run.case(f"IPv{version}: another protocol", from_client(one),
                 to_client(icmp_about(one, NO_PORT[version])), "service_unknown")
        for i in range(6):
            maker = tcp if i % 3 else udp
            goes(run, maker(version, client(version), vip(version, 90 + i % 2), sport=600 + i,
                            dport=20 + i), 11 + i % 2)
        # After a minute without connections that are open, and one more for SYN_RECV.
        goes(run, tcp(version, client(version, 3), vip(version, 80), "S", 9000, 80), 11,
             wait_ns=200 * SECOND)
        goes(run, tcp(version, client(version, 1), vip(version, 80), "S", 9000, 80), 12)
        for number in (13, 11, 12):
            goes(run, tcp(version, far(version, number), vip(version, 81), "S", 9000, 80), number)
    run.run()


def first_that_fits():
    """Rules in their order, before the services of the address itself."""
    text = ""
    for v in VERSIONS:
        text += (marked(f"a{v}", v, 10 + v, (11,)) + marked(f"b{v}", v, 20 + v, (12,)) +
                 "".join(service(f"{protocol}{v}", v, 80, 0, protocol=protocol, backends=(13,),
                                 backend_port=0) for protocol in ("tcp", "udp")))
    subnet = {4: "10.200.1.0/24", 6: "fd77::1:0:0/96"}
    text += rules(*(line for v in VERSIONS for line in (
        f'mark: 0, {addresses(vip(v, 80))}, source: "{subnet[v]}"',
        f"mark: {20 + v}, {addresses(vip(v, 80))}, port: 100, last_port: 199, source_port: 7",
        f"mark: {10 + v}, {addresses(vip(v, 80), vip(v, 81))}, port: 150, last_port: 160, "
        "protocol: tcp",
        f"mark: {20 + v}, {addresses(vip(v, 80))}, port: 150, source_port: 1000, "
        "last_source_port: 2000")))
    run = scenario("first that fits", config(text))
    for version in VERSIONS:
        c, v = client(version), vip(version, 80)
        for dport, wanted in ((149, 13), (150, 11), (160, 11), (161, 13)):
            goes(run, tcp(version, c, v, "S", 500, dport), wanted)
        for dport, wanted in ((99, 13), (100, 12), (155, 12), (199, 12), (200, 13)):
            goes(run, tcp(version, c, v, "S", 7, dport), wanted)
        for sport, wanted in ((999, 13), (1000, 12), (2000, 12), (2001, 13)):
            goes(run, udp(version, c, v, sport, 150), wanted)
        for sport, wanted in ((1500, 11), (7, 12)):
            goes(run, tcp(version, far(version, 1, 0), v, "S", sport, 150), wanted)
        for sport in (1500, 7, 1000):
            goes(run, tcp(version, far(version, 1, 1), v, "S", sport, 150), 13)
        one = tcp(version, c, vip(version, 81), "S", 500, 149)
        run.case(f"IPv{version}: no service without a mark", from_client(one),
                 to_client(reset(one)), "service_unknown")
        # Only what begins a connection is asked about.
        one = tcp(version, c, v, "A", 500, 150)
        goes(run, one, 11)
        one = tcp(version, c, v, "A", 501, 150)
        run.case(f"IPv{version}: of no connection", from_client(one), {}, "connection_unknown")
    run.run()


def port_of_arrival():
    text = marked("outside", 4, 1, (11,)) + marked("inside", 4, 2, (13,))
    text += rules(f"mark: 1, {addresses(vip(4, 80))}, in_port: edge0",
                  f"mark: 2, {addresses(vip(4, 80))}, in_port: back0")
    run = scenario("port of arrival", config(text))
    goes(run, tcp(4, client(4), vip(4, 80), "S", 5, 80), 11)
    one = tcp(4, backend(4, 12), vip(4, 80), "S", 5, 80)
    run.case("from the other port", from_backend(one, 12),
             to_backend(rewritten(one, dst=backend(4, 13)), 13))
    by_tunnel = tcp(4, backend(4, 11, 4), vip(4, 80), "S", 6, 80)
    inner = frame(by_tunnel, backend_mac(11, 4), NET_MAC)
    run.case("from a network: the port is that of the tunnel's packets",
             ("uplink", frames.arriving(inner, remote=2)),
             {"uplink": frames.encapsulated(frame(reset(by_tunnel), NET_MAC, backend_mac(11, 4)),
                                            100, 2)}, "service_unknown")
    run.run()


def subnets():
    """Whole subnets that are routed to us."""
    whole = {4: "10.64.0.0/16", 6: "fd64::/32"}
    some = {4: "10.64.0.77", 6: "fd64::4d"}
    outside = {4: "10.65.0.1", 6: "fd64:1::1"}
    far_off = {4: "10.64.255.255", 6: "fd64:0:ffff::1"}
    text = ""
    for v in VERSIONS:
        text += (marked(f"nat{v}", v, 10 + v, (11, 12), persistence="{}") +
                 marked(f"direct{v}", v, 20 + v, (13,), forwarding="direct"))
    text += rules(*(line for v in VERSIONS for line in (
        f"mark: 0, {addresses(some[v])}, port: 80", f"mark: {10 + v}, {addresses(whole[v])}, port: 80",
        f"mark: {20 + v}, {addresses(whole[v])}, port: 443")))
    run = scenario("subnets", config(text))
    for version in VERSIONS:
        c = client(version)
        for i, v in enumerate((far_off[version], some[version].replace("77", "78").replace("4d", "4e"))):
            goes(run, tcp(version, c, v, "S", 5 + i, 80), 11)
            back = tcp(version, backend(version, 11), c, "SA", 80, 5 + i)
            run.case(f"IPv{version} answered as {v}", from_backend(back),
                     to_client(rewritten(back, src=v)))
            one = tcp(version, c, v, "S", 5, 443)
            run.case(f"IPv{version} {v} direct", from_client(one), to_backend(hop(one), 13))
            if version == 4:
                ping, pong = IP(src=c, dst=v) / ICMP(id=1), IP(src=v, dst=c) / ICMP(type=0, id=1)
            else:
                ping = IPv6(src=c, dst=v) / ICMPv6EchoRequest(id=1)
                pong = IPv6(src=v, dst=c) / ICMPv6EchoReply(id=1)
            run.case(f"IPv{version} {v} answers echo requests", from_client(ping), to_client(pong))
        one = tcp(version, c, some[version], "S", 5, 443)
        run.case(f"IPv{version} an address with a rule of its own: what that does not fit",
                 from_client(one), to_backend(hop(one), 13))
        one = tcp(version, c, some[version], "S", 6, 80)
        run.case(f"IPv{version} an address with a rule of its own", from_client(one),
                 to_client(reset(one)), "service_unknown")
        one = tcp(version, c, outside[version], "S", 5, 80)
        code = ICMP(type=3, code=0) if version == 4 else ICMPv6DestUnreach(code=0)
        run.case(f"IPv{version} beside it", from_client(one), to_client(icmp_about(one, code)), "no_route")
    run.run()


def neighbours():
    """Single addresses on subnets of ours are announced and answered for."""
    inside = {4: "10.1.0.80", 6: "fd01::50"}
    text = "".join(marked(f"shop{v}", v, 10 + v) for v in VERSIONS)
    text += rules(*(f"mark: {10 + v}, {addresses(inside[v])}" for v in VERSIONS))
    start = dict(START)
    start["edge0"] = start["edge0"] + [announcement(EDGE_MAC, inside[4]),
                                       unsolicited(EDGE_MAC, inside[6], router=1)]
    run = scenario("neighbours", config(text), start=start)
    run.case("ARP", ("edge0", arp(1, CLIENT_MAC, client(4), "ff:ff:ff:ff:ff:ff", inside[4])),
             {"edge0": arp(2, EDGE_MAC, inside[4], CLIENT_MAC, client(4), asked=CLIENT_MAC)})
    run.case("ND", ("edge0", solicitation(CLIENT_MAC, client(6), inside[6])),
             {"edge0": advertisement(EDGE_MAC, CLIENT_MAC, inside[6], client(6), router=1)})
    for version in VERSIONS:
        goes(run, tcp(version, client(version), inside[version]), 11)
    run.run()


def forwardings():
    text = ""
    for v in VERSIONS:
        text += (marked(f"full{v}", v, 10 + v, forwarding="fullnat",
                        local_addresses=f'["{LOCAL[v]}"]') +
                 marked(f"tunnel{v}", v, 20 + v, forwarding="tunnel") +
                 marked(f"across{v}", 10 - v, 30 + v, forwarding="tunnel"))
    text += rules(*(f"mark: {10 * i + v}, {addresses(vip(v, 79 + i))}" for v in VERSIONS
                    for i in (1, 2, 3)))
    run = scenario("forwardings", config(text))
    for version in VERSIONS:
        c, b, local = client(version), backend(version, 11), LOCAL[version]
        for i, dport in enumerate((80, 443)):
            ours = 1024 + 2 * (version == 6) + i
            one = tcp(version, c, vip(version, 80), "S", 5, dport)
            run.case(f"IPv{version} full NAT", from_client(one),
                     to_backend(rewritten(one, local, b, ours)))
            back = tcp(version, b, local, "SA", dport, ours)
            run.case(f"IPv{version} full NAT answered", from_backend(back),
                     to_client(rewritten(back, vip(version, 80), c, dport, 5)))
            one = tcp(version, c, vip(version, 81), "S", 5, dport)
            run.case(f"IPv{version} by tunnel", from_client(one), lowered_twice("ipip", version, one))
            one = tcp(version, c, vip(version, 82), "S", 5, dport)
            run.case(f"IPv{version} by tunnel of the other version", from_client(one),
                     lowered_twice("ipip", 10 - version, one))
    run.run()


def with_several_workers():
    """Whoever receives a packet and whoever owns its connection, the ingress port counts."""
    text = config("".join(service(f"plain{v}", v, 80, 53, protocol="udp", backend_port=None) +
                          service(f"open{v}", v, 81, 80, unmatched="schedule", backend_port=None) +
                          marked(f"marked{v}", v, v, (12,)) + marked(f"again{v}", v, 10 + v, (12,), unmatched="schedule")
                          for v in VERSIONS) +
                  rules(*(f"mark: {v}, {addresses(vip(v, 80))}, in_port: edge0" for v in VERSIONS),
                        *(f"mark: {10 + v}, {addresses(vip(v, 81))}, in_port: edge0" for v in VERSIONS)))
    sent = [Ether(src=CLIENT_MAC, dst=EDGE_MAC) / packet for v in VERSIONS for sport in range(1000, 1016) for packet in (
        udp(v, client(v), vip(v, 80), sport, 53), tcp(v, client(v), vip(v, 81), "A", sport, 80))]
    # As a source they come from no host: dropped where they arrive, not handed over before.
    martians = [Ether(src=CLIENT_MAC, dst=EDGE_MAC) / packet for sport in range(8) for packet in (
        udp(4, "127.0.0.1", vip(4, 80), sport, 53), udp(6, "ff02::1", vip(6, 80), sport, 53),
        udp(6, "fe80::1", vip(6, 80), sport, 53), udp(4, client(4), "224.0.0.5", sport, 53))]
    for workers in (1, 2, 3):
        left, drops, problems = moments(text, PORTS, [("edge0", frame) for frame in sent + martians], 2,
                                        ("--workers", str(workers)))
        macs = [Ether(frame).dst for one in left for out, frame in one if out == "back0"]
        if macs != [backend_mac(12)] * len(sent) or sum(drops.values()) != len(martians):
            problems.append(f"backends: {collections.Counter(macs)}; drops: {drops}")
        tap.result(f"rules with an ingress port: {workers} workers", problems)


if __name__ == "__main__":
    main(one_service, first_that_fits, port_of_arrival, subnets, neighbours, forwardings, with_several_workers)

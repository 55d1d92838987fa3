# SPDX-License-Identifier: Apache-2.0
"""Fragments in VRFs with services: what was put together is cut again as it came, in every way of
forwarding; tenants have their shares; and what is nobody's business passes untouched."""

from balance import *
from fragments import HEADERS, Any, checker, cut, forwarded, joined, lengths
from harness import SECOND, START_NS, accounting_problems, main, run_replay, tap

from scapy.layers.inet import IPOption, IPOption_Router_Alert
from scapy.layers.inet6 import (ICMPv6EchoReply, ICMPv6EchoRequest, ICMPv6TimeExceeded, IPv6ExtHdrFragment,
                                IPv6ExtHdrHopByHop, IPv6ExtHdrRouting)


def ways():
    text = "".join(
        service(f"nat{v}", v, 80, 53, protocol="udp") +
        service(f"full{v}", v, 80, 54, protocol="udp", forwarding="fullnat",
                local_addresses=f'["{LOCAL[v]}"]') +
        service(f"direct{v}", v, 80, 55, protocol="udp", forwarding="direct", backend_port=0) +
        "".join(service(f"{kind}{v}", v, 80, 60 + i, protocol="udp", forwarding="tunnel",
                        wrap=kind, backend_port=0) for i, kind in enumerate(HEADERS))
        for v in VERSIONS)
    run = scenario("ways", config(text))
    number = 0
    for version in VERSIONS:
        c, v, b = client(version), vip(version, 80), backend(version, 11)
        head = 20 if version == 4 else 48
        for size, piece in ((2000, 1200), (3000, 1480 if version == 4 else 1448), (900, 400)):
            for df in (False, True) if version == 4 else (False,):
                for port, way in ((53, "nat"), (54, "full"), (55, "direct"), (60, "ipip"),
                                  (61, "gre"), (62, "gue")):
                    number += 1
                    whole = udp(version, c, v, 10 + number, port, size)
                    parts = cut(whole, piece, number, df)
                    kind = way if way in HEADERS else None
                    out = whole
                    if way == "nat":
                        out = rewritten(whole, dst=b, dport=8080)
                    elif way == "full":
                        out = None
                    payload = bytes(out)[head if version == 4 else 40:] if out else None
                    most = piece + head
                    outer = (20 if version == 4 else 40) + HEADERS[kind] if kind else 0
                    sizes = lengths(size + 8, head, most, outer)

                    def check(got, drops, payload=payload, most=most, df=df, kind=kind,
                              version=version, size=size):
                        if payload is not None:
                            return checker(payload, most, df, version, kind)(got, drops)
                        packets = [IP(each[14:]) if version == 4 else IPv6(each[14:])
                                   for each in got["back0"]]
                        data, _, flags = joined(packets)
                        if data is None or data[8:] != pattern(size):
                            return ["not what was sent"]
                        return [] if version == 6 or flags == {df} else [f"DF is {flags}"]

                    run.case(f"IPv{version}, {size} bytes in {len(parts)} parts by {way}"
                             + (" with DF" if df else ""),
                             [from_client(part) for part in parts],
                             {"back0": [Any(14 + each) for each in sizes]}, check=check)
    run.run()


def long_ones():
    """As many fragments as 64 KiB can have."""
    text = "".join(service(f"dns{v}", v, 80, 53, protocol="udp") for v in VERSIONS)
    run = scenario("long", config(text))
    for version in VERSIONS:
        c, v, b = client(version), vip(version, 80), backend(version, 11)
        head, most = (20, 65507) if version == 4 else (48, 65527)
        for number, (size, piece) in enumerate(((most, 1440), (most, 48), (3000, 8))):
            for name, order in (("in order", 1), ("reversed", -1)):
                whole = udp(version, c, v, 1000 + 2 * number + (order > 0), 53, size)
                parts = cut(whole, piece, 2 * number + (order > 0))
                payload = bytes(rewritten(whole, dst=b, dport=8080))[20 if version == 4 else 40:]
                forwarded(run, f"IPv{version}, {size} bytes in {len(parts)} parts, {name}",
                          [from_client(part) for part in parts[::order]], payload, piece + head,
                          False, version, None, lengths(size + 8, head, piece + head))
    run.run()


def tenants():
    """The same addresses, ports and ids in two VRFs."""
    text = "".join(service(f"{vrf}{v}", v, 80, 53, vrf=vrf, protocol="udp")
                   for v in VERSIONS for vrf in ("blue", "red"))
    run = scenario("tenants", config(text))
    for version in VERSIONS:
        c, v, b = client(version), vip(version, 80), backend(version, 11)
        ours, theirs = (udp(version, c, v, 1000, 53, size) for size in (2000, 2000))
        theirs[Raw].load = bytes(2000)
        blue = [from_client(part) for part in cut(ours, 1200)]
        red = [("red0", frame(part, CLIENT_MAC, RED_MAC)) for part in cut(theirs, 1200)]
        outs = [cut(rewritten(one, dst=b, dport=8080), 1200) for one in (ours, theirs)]
        run.case(f"IPv{version}, interleaved", [blue[0], red[0], blue[1], red[1]],
                 {"back0": [frame(part, BACK_MAC, backend_mac(11)) for part in outs[0]],
                  "red1": [frame(part, RED_BACK_MAC, backend_mac(11)) for part in outs[1]]})
        late = icmp_about(cut(ours, 1200)[0], TOO_LATE[version])
        run.case(f"IPv{version}, one's first and the other's last", [blue[0], red[1]],
                 to_client(late), "ip_reassembly", last_ns=2 * SECOND)
    run.run()


TOO_LATE = {4: ICMP(type=11, code=1), 6: ICMPv6TimeExceeded(code=1)}


def shares():
    """Whoever holds less than its share loses nothing to the others."""
    text = "".join(service(f"{vrf}{v}", v, 80, 53, vrf=vrf, protocol="udp")
                   for v in VERSIONS for vrf in ("blue", "red"))
    text = config(text, more="fragments: {memory_mb: 1, timeout_ms: 5000}\n")
    for version in VERSIONS:
        c, v, b = client(version), vip(version, 80), backend(version, 11)
        parts = cut(udp(version, c, v, 1000, 53, 2000), 1200)
        out = [frame(part, BACK_MAC, backend_mac(11)) for part in
               cut(rewritten(udp(version, c, v, 1000, 53, 2000), dst=b, dport=8080), 1200)]
        many = [f"10.1.{1 + i // 200}.{1 + i % 200}" if version == 4 else f"fd01::{i + 0x1000:x}"
                for i in range(400)]
        for name, vrf, sources in (
                ("one sender of another VRF", "red", [c] * 400),
                ("many senders of another VRF", "red", many),
                ("another sender of its VRF", "blue", [client(version, 2)] * 400)):
            port, mac = ("red0", RED_MAC) if vrf == "red" else ("edge0", EDGE_MAC)
            lone = [frame(cut(udp(version, source, v, 9, 53, 2000), 1200, 1000 + i)[1],
                          CLIENT_MAC, mac) for i, source in enumerate(sources)]
            inputs = {port: [(START_NS + i * 1000, one) for i, one in enumerate(lone)]}
            whole = [from_client(part)[1] for part in parts]
            inputs.setdefault("edge0", [])
            inputs["edge0"] = sorted(inputs["edge0"] + [
                (START_NS + 10_500, whole[0]), (START_NS + 500_000, whole[1])])
            done = run_replay(text, inputs, PORTS)
            got = [one for _, one in done.outputs["back0"] if one[12:14] in (b"\x08\x00", b"\x86\xdd")
                   and one not in START["back0"]]
            counts = done.report["drop_counts"]
            gone = counts.get("fragment_evicted", 0)
            tap.result(f"IPv{version}, beside 400 fragments of {name}",
                       accounting_problems(done) +
                       ([] if got == out else [f"{len(got)} frames came"]) +
                       ([] if gone > 100 and gone + counts.get("ip_reassembly", 0) == 400
                        else [str(counts)]))


def as_before():
    """What is to no virtual address, and of no connection, leaves as it would without services."""
    text = "".join(service(f"dns{v}", v, 80, 53, protocol="udp") for v in VERSIONS)
    run = scenario("as before", config(text))
    for version in VERSIONS:
        c, b, other = client(version), backend(version, 11), backend(version, 12)
        for name, src, dst, send, out in (
                ("to a backend", c, b, from_client,
                 lambda part: ("back0", frame(hop(part), BACK_MAC, backend_mac(11)))),
                ("to another host", c, other, from_client,
                 lambda part: ("back0", frame(hop(part), BACK_MAC, backend_mac(12)))),
                ("from a backend", b, c, from_backend,
                 lambda part: ("edge0", frame(hop(part), EDGE_MAC, CLIENT_MAC)))):
            for order in ((0, 1, 2), (2, 1, 0), (1, 2, 0)):
                parts = cut(udp(version, src, dst, 7, 8, 3000), 1200, order[0] + 1)
                for part in parts:
                    if version == 4:
                        part.chksum = None
                sent = [parts[i] for i in order]
                ports = [out(part) for part in sent]
                run.case(f"IPv{version}, fragments {name} in the order {order}",
                         [send(part) for part in sent],
                         {ports[0][0]: [one for _, one in ports]}, ordered=True)
            parts = cut(udp(version, src, dst, 7, 8, 3000), 1200, 9)
            run.case(f"IPv{version}, the later ones {name} alone",
                     [send(part) for part in parts[1:]],
                     {out(parts[1])[0]: [out(part)[1] for part in parts[1:]]}, ordered=True,
                     last_ns=2 * SECOND)
            run.case(f"IPv{version}, the first one {name} alone", send(parts[0]),
                     {out(parts[0])[0]: out(parts[0])[1]})
        odd = [("UDP with a length beyond", udp(version, c, other) / Raw(b"")),
               ("SCTP of 8 bytes", ip(version, c, other, **{"proto" if version == 4 else "nh": 132}) /
                Raw(bytes(8))),
               ("TCP with a data offset of 4", ip(version, c, other) / TCP(dataofs=4))]
        odd[0][1][UDP].len = 500
        if version == 6:
            odd += [("a routing header", IPv6(src=c, dst=other) / IPv6ExtHdrRouting(
                        type=2, addresses=["fd09::1"], segleft=1) / UDP(dport=9)),
                    ("a fragment behind options", IPv6(src=c, dst=other) / IPv6ExtHdrHopByHop() /
                     IPv6ExtHdrFragment(nh=17, m=1, id=4) / Raw(bytes(64)))]
        for name, one in odd:
            run.case(f"IPv{version}, {name}", from_client(one),
                     {"back0": frame(hop(one), BACK_MAC, backend_mac(12))})
    run.run()


def echo():
    """Replies are in fragments like what asked for them."""
    text = "".join(service(f"dns{v}", v, 80, 53, protocol="udp") for v in VERSIONS)
    run = scenario("echo", config(text))
    for version in VERSIONS:
        c = client(version)
        ask, answer = ((ICMP(), ICMP(type=0)) if version == 4 else
                       (ICMPv6EchoRequest(), ICMPv6EchoReply()))
        for name, there in (("virtual", vip(version, 80)), ("own", GATEWAY[version])):
            for size in (1473, 8000, 65000):
                head = 20 if version == 4 else 48
                asked = ip(version, c, there) / ask / Raw(pattern(size))
                back = ip(version, there, c) / answer / Raw(pattern(size))
                payload = bytes(back)[20 if version == 4 else 40:]
                forwarded(run, f"IPv{version}, {size} bytes to the {name} address",
                          [from_client(part) for part in cut(asked, 1448)], payload, 1448 + head,
                          False, version, None, lengths(size + 8, head, 1448 + head), "edge0")
    run.run()


def headers():
    """ECN by RFC 3168 section 5.3, options by RFC 791 section 3.1."""
    text = "".join(service(f"dns{v}", v, 80, 53, protocol="udp") for v in VERSIONS)
    run = scenario("headers", config(text))
    for version in VERSIONS:
        c, v, b = client(version), vip(version, 80), backend(version, 11)

        def marked(marks, version=version, c=c, v=v):
            parts = cut(udp(version, c, v, 9, 53, 2000, tos=2), 1200)
            for part, mark in zip(parts, marks):
                if version == 4:
                    part.tos, part.chksum = mark, None
                else:
                    part.tc = mark
            return [from_client(part) for part in parts]

        out = cut(rewritten(udp(version, c, v, 9, 53, 2000, tos=3), dst=b, dport=8080), 1200)
        run.case(f"IPv{version}, one of them has met congestion", marked((2, 3)),
                 {"back0": [frame(part, BACK_MAC, backend_mac(11)) for part in out]})
        run.case(f"IPv{version}, and another cannot say so", marked((0, 3)), {}, "ecn_illegal")
    copied, once = IPOption_Router_Alert(), IPOption(copy_flag=0, option=30, value=b"xy")
    whole = udp(4, client(4), vip(4, 80), 12, 53, 2000, options=[copied, once])
    parts = cut(whole, 1192)
    out = rewritten(whole, dst=backend(4, 11), dport=8080)

    def check(got, _):
        frames = [IP(each[14:]) for each in got["back0"]]
        lists = [[bytes(option) for option in each.options] for each in frames]
        right = [[bytes(copied), bytes(once)], [bytes(copied)]]
        return [] if lists == right and joined(frames)[0] == bytes(out)[28:] else [str(lists)]

    run.case("IPv4 with options", [from_client(part) for part in parts],
             {"back0": [Any(14 + 28 + 1192), Any(14 + 24 + 2008 - 1192)]}, check=check)
    run.run()


def left_over():
    """Copies of a reply's fragments that come when it is whole: they do not leave with the backend's own
    address, but what is of no connection does."""
    text = "".join(service(f"nat{v}", v, 80, 53, protocol="udp") for v in VERSIONS)
    run = scenario("left over", config(text))
    for version in VERSIONS:
        c, v, b = client(version), vip(version, 80), backend(version, 11)
        head = 20 if version == 4 else 48
        run.case(f"IPv{version}: a question", from_client(udp(version, c, v, 900, 53)), to_backend(
            rewritten(udp(version, c, v, 900, 53), dst=b, dport=8080)))
        reply = udp(version, b, c, 8080, 900, 4000)
        parts = cut(reply, 1400, 77)
        payload = bytes(rewritten(reply, src=v, sport=53))[20 if version == 4 else 40:]
        sizes = [14 + each for each in lengths(4008, head, 1400 + head)]
        once, twice = [None, "fragment_duplicate"], [None, "ip_reassembly"]
        run.case(f"IPv{version}: each fragment of the answer twice",
                 [from_backend(part) for part in parts for _ in (0, 1)],
                 {"edge0": [Any(each) for each in sizes]}, once + once + twice, last_ns=2 * SECOND,
                 check=checker(payload, 1400 + head, False, version, None, "edge0"))
        run.case(f"IPv{version}: a late copy", from_backend(parts[1]), {}, "ip_reassembly",
                 last_ns=2 * SECOND)
        other = cut(udp(version, b, c, 7, 8, 4000), 1400, 78)
        run.case(f"IPv{version}: of no connection", from_backend(other[1]),
                 to_client(hop(other[1])), last_ns=2 * SECOND)
    run.run()


main(ways, long_ones, tenants, shares, as_before, echo, headers, left_over)

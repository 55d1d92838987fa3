# SPDX-License-Identifier: Apache-2.0
"""Load balancing: packets of clients reach the backends in every way of forwarding, and what comes
back reaches the clients as from the virtual address."""

from balance import *
from harness import Free, main

from scapy.layers.inet import IPOption_NOP, defragment
from scapy.layers.inet6 import IPv6ExtHdrDestOpt
from scapy.layers.l2 import GRE
from scapy.layers.sctp import SCTPChunkData, SCTPChunkInit, SCTPChunkInitAck


def nat():
    text = config("".join(service(f"web{v}", v, 80) for v in VERSIONS))
    run = scenario("nat", text)
    for version in VERSIONS:
        c, v, b = client(version), vip(version, 80), backend(version, 11)
        for flags, size in (("S", 0), ("A", 0), ("PA", 100), ("FA", 0), ("RA", 0)):
            one = tcp(version, c, v, flags, size=size)
            run.case(f"IPv{version} {flags} to the backend", from_client(one),
                     to_backend(rewritten(one, dst=b, dport=8080)))
            back = tcp(version, b, c, "SA" if flags == "S" else flags, 8080, 1000, size=size)
            run.case(f"IPv{version} {flags} answered", from_backend(back),
                     to_client(rewritten(back, src=v, sport=80)))
        one = tcp(version, c, v, "A")
        port, padded = from_client(one)
        run.case(f"IPv{version} without what the frame has behind it", (port, padded + bytes(9)),
                 to_backend(rewritten(one, dst=b, dport=8080)))
        if version == 4:
            one = tcp(4, c, v, "A", options=[IPOption_NOP()] * 8)
        else:
            one = IPv6(src=c, dst=v) / IPv6ExtHdrDestOpt() / TCP(sport=1000, dport=80, flags="A")
        run.case(f"IPv{version} with options", from_client(one),
                 to_backend(rewritten(one, dst=b, dport=8080)))
    run.run()


def full_nat():
    text = config("".join(
        service(f"web{v}", v, 80, forwarding="fullnat", local_addresses=f'["{LOCAL[v]}"]')
        for v in VERSIONS))
    run = scenario("full nat", text)
    for version in VERSIONS:
        c, v, b = client(version), vip(version, 80), backend(version, 11)
        for i in range(3):
            # From the lowest port on, one after the other.
            ours = {"src": LOCAL[version], "sport": 1024 + (version == 6) * 3 + i}
            for flags, size in (("S", 0), ("PA", 10), ("FA", 0)):
                one = tcp(version, c, v, flags, 1000 + i, size=size)
                run.case(f"IPv{version} connection {i} {flags} to the backend", from_client(one),
                         to_backend(rewritten(one, dst=b, dport=8080, **ours)))
                back = tcp(version, b, LOCAL[version], "SA" if flags == "S" else flags, 8080,
                           ours["sport"], size=size)
                run.case(f"IPv{version} connection {i} {flags} answered", from_backend(back),
                         to_client(rewritten(back, v, c, 80, 1000 + i)))
        stranger = tcp(version, b, LOCAL[version], "A", 8080, 5000)
        run.case(f"IPv{version}: to a local port of nobody", from_backend(stranger), {},
                 "connection_unknown")
    run.run()


def direct():
    text = config("".join(service(f"web{v}", v, 80, forwarding="direct", backends=(11, 12),
                                  backend_port=0) for v in VERSIONS) +
                  "".join(service(f"dns{v}", v, 80, 53, protocol="udp", one_packet="true",
                                  forwarding="direct", backends=(11, 12), backend_port=0)
                          for v in VERSIONS))
    run = scenario("direct", text)
    for version in VERSIONS:
        for sport, number in ((1, 11), (2, 12), (1, 11), (2, 12), (3, 11)):
            for flags, size in (("S", 0), ("A", 0), ("PA", 77)):
                one = tcp(version, client(version), vip(version, 80), flags, sport, size=size)
                run.case(f"IPv{version} {flags} from port {sport}", from_client(one),
                         to_backend(hop(one), number))
        queries = [udp(version, client(version), vip(version, 80), 1, 53, size=i) for i in range(4)]
        run.case(f"IPv{version}: each packet in turn", [from_client(one) for one in queries],
                 {"back0": [frame(hop(one), BACK_MAC, backend_mac(11 + i % 2))
                            for i, one in enumerate(queries)]})
    run.run()


def wrapped(kind, outer_version, inner, tos=0):
    """The packet as it goes wrapped to backend 11."""
    inner_version = inner.version
    df = outer_version == 4 and (inner_version == 6 or inner.flags.DF)

    def build(got):
        fields = {"src": BACK_GATEWAY[outer_version], "dst": backend(outer_version, 11)}
        if outer_version == 4:
            free = int.from_bytes(got[18:20], "big")
            head = IP(**fields, flags="DF" if df else 0, id=0 if df else free, ttl=64, tos=tos)
        else:
            head = IPv6(**fields, fl=int.from_bytes(got[14:18], "big") & 0xFFFFF, hlim=64, tc=tos)
        end = 34 if outer_version == 4 else 54
        number = 4 if inner_version == 4 else 41
        if kind == "gre":
            number = 47
            inside = GRE(proto=0x0800 if inner_version == 4 else 0x86DD) / Raw(bytes(inner))
        elif kind == "gue":
            sport = int.from_bytes(got[end:end + 2], "big")
            zero = {"chksum": 0} if outer_version == 4 else {}
            inside = UDP(sport=max(sport, 49152), dport=6080, **zero) / Raw(
                bytes([0, number, 0, 0]) + bytes(inner))
            number = 17
        else:
            inside = Raw(bytes(inner))
        head.proto = head.nh = number
        return frame(head / inside, BACK_MAC, backend_mac(11))

    return {"back0": Free(build, build(bytes(64)))}


def lowered_twice(kind, outer_version, inner):
    """Wrapped a hop further, and then routed: the TTLs of both headers are lowered."""
    def build(got):
        made = bytearray(wrapped(kind, outer_version, hop(inner))["back0"].build(got))
        del made[:14]
        return frame(hop((IP if outer_version == 4 else IPv6)(bytes(made))), BACK_MAC,
                     backend_mac(11))

    return {"back0": Free(build, build(bytes(64)))}


def tunnel():
    cases = [(kind, inner, outer) for kind in ("ipip", "gre", "gue")
             for inner in VERSIONS for outer in VERSIONS]
    text = "".join(service(f"web{i}", inner, 80 + i, forwarding="tunnel", wrap=kind, backend_port=0,
                           backends=[backend(outer, 11)])
                   for i, (kind, inner, outer) in enumerate(cases))
    run = scenario("tunnel", config(text))
    for i, (kind, inner, outer) in enumerate(cases):
        for flags, size in (("S", 0), ("PA", 99)):
            one = tcp(inner, client(inner), vip(inner, 80 + i), flags, size=size)
            run.case(f"{flags} of IPv{inner} by {kind} over IPv{outer}", from_client(one),
                     lowered_twice(kind, outer, one))
    for kind, port in (("ipip", 80), ("gre", 84), ("gue", 88)):
        one = tcp(4, client(4), vip(4, port), "A", size=100, may_cut=True)
        run.case(f"by {kind} over IPv4, where both may be cut", from_client(one),
                 lowered_twice(kind, 4, one))
        one = tcp(4, client(4), vip(4, port), "A", size=1500 - 40, may_cut=True)
        outer_bytes = 20 + {"ipip": 0, "gre": 4, "gue": 12}[kind]

        def whole(got, drops, one=one, outer_bytes=outer_bytes):
            made = defragment([IP(each[14:]) for each in got["back0"]])
            if len(made) != 1:
                return [f"{len(made)} packets"]
            return [] if bytes(made[0])[outer_bytes:] == bytes(hop(one)) else ["not what was sent"]

        # What does not fit is cut at 1500 bytes, at a multiple of eight behind the header.
        first = 14 + 20 + 1480
        last = 14 + 20 + outer_bytes - 20 + 1500 - 1480
        run.case(f"by {kind} over IPv4, cut", from_client(one),
                 {"back0": [OfLength(first), OfLength(last)]}, check=whole)
    # RFC 2473 section 7.2: nobody on the way cuts the outer packet, so what is inside is cut.
    for kind, port in (("ipip", 81), ("gre", 85), ("gue", 89)):
        one = tcp(4, client(4), vip(4, port), "A", size=1500 - 40, may_cut=True)
        outer_bytes = 40 + {"ipip": 0, "gre": 4, "gue": 12}[kind]

        def whole6(got, drops, one=one, outer_bytes=outer_bytes):
            made = defragment([IP(each[14 + outer_bytes:]) for each in got["back0"]])
            return [] if [bytes(each) for each in made] == [bytes(hop(one))] else ["not what was sent"]

        first = 20 + (1500 - outer_bytes - 20) // 8 * 8
        run.case(f"by {kind} over IPv6, cut", from_client(one),
                 {"back0": [OfLength(14 + outer_bytes + first),
                            OfLength(14 + outer_bytes + 20 + 1500 - first)]}, check=whole6)
    run.run()


class OfLength(Free):
    """Any frame of that length."""

    def __init__(self, length):
        super().__init__(lambda got: got, bytes(length))


def datagrams():
    text = "".join(service(f"dns{v}", v, 80, protocol="udp") +
                   service(f"sig{v}", v, 80, protocol="sctp") +
                   service(f"full{v}", v, 81, protocol="sctp", forwarding="fullnat",
                           local_addresses=f'["{LOCAL[v]}"]') +
                   service(f"once{v}", v, 82, protocol="udp", backends=(11, 12),
                           forwarding="direct", backend_port=0, one_packet="true") for v in VERSIONS)
    run = scenario("datagrams", config(text))
    for version in VERSIONS:
        c, v, b = client(version), vip(version, 80), backend(version, 11)
        for size in (0, 1, 20, 1000):
            one = udp(version, c, v, size=size)
            run.case(f"IPv{version} UDP of {size} bytes", from_client(one),
                     to_backend(rewritten(one, dst=b, dport=8080)))
            back = udp(version, b, c, 8080, 1000, size=size)
            run.case(f"IPv{version} UDP of {size} bytes answered", from_backend(back),
                     to_client(rewritten(back, src=v, sport=80)))
        for name, there, back in (("INIT", SCTPChunkInit(init_tag=1), SCTPChunkInitAck(init_tag=2)),
                                  ("DATA", SCTPChunkData(data=b"question"),
                                   SCTPChunkData(data=b"answer"))):
            one = sctp(version, c, v, there)
            run.case(f"IPv{version} SCTP {name}", from_client(one),
                     to_backend(rewritten(one, dst=b, dport=8080)))
            one = sctp(version, b, c, back, 8080, 1000)
            run.case(f"IPv{version} SCTP {name} answered", from_backend(one),
                     to_client(rewritten(one, src=v, sport=80)))
        one = sctp(version, c, vip(version, 81), SCTPChunkInit(init_tag=1))
        ours = LOCAL[version], 1024 + (version == 6)
        run.case(f"IPv{version} SCTP by full NAT", from_client(one),
                 to_backend(rewritten(one, ours[0], b, ours[1], 8080)))
        one = sctp(version, b, ours[0], SCTPChunkInitAck(init_tag=1), 8080, ours[1])
        run.case(f"IPv{version} SCTP by full NAT answered", from_backend(one),
                 to_client(rewritten(one, vip(version, 81), c, 80, 1000)))
        one = sctp(version, c, v, SCTPChunkInitAck(init_tag=1), 4)
        run.case(f"IPv{version} SCTP that begins nothing", from_client(one), {},
                 "connection_unknown")
        for i in range(4):
            one, number = udp(version, c, vip(version, 82), size=i), 11 + i % 2
            run.case(f"IPv{version}: packet {i} of one flow", from_client(one), to_backend(hop(one), number))
        # CRC32c is linear: the error stays what it was.
        one = sctp(version, c, v, SCTPChunkInit(init_tag=1), 5)
        out = rewritten(one, dst=b, dport=8080)
        before, after = (type(p)(bytes(p))[SCTP].chksum for p in (one, out))
        one[SCTP].chksum, out[SCTP].chksum = before ^ 0x12345678, after ^ 0x12345678
        run.case(f"IPv{version} SCTP with a wrong checksum", from_client(one), to_backend(out))
        if version == 4:
            one = udp(4, c, v, size=9)
            one[UDP].chksum = 0
            out = rewritten(one, dst=b, dport=8080)
            out[UDP].chksum = 0
            run.case("UDP without checksum stays without", from_client(one), to_backend(out))
    run.run()


def ports():
    """Port 0 and ranges beside single ports, by protocol; the backend's port is the packet's."""
    text = "".join(service(f"http{v}", v, 80, 80, backends=(11,), backend_port=0) +
                   service(f"some{v}", v, 80, 8000, last_port=8010, backends=(12,), backend_port=0) +
                   service(f"all{v}", v, 80, 0, backends=(13,), backend_port=0) +
                   service(f"dns{v}", v, 80, 53, protocol="udp", backends=(12,), backend_port=5353)
                   for v in VERSIONS)
    run = scenario("ports", config(text))
    for version in VERSIONS:
        c, v = client(version), vip(version, 80)
        for dport, number in ((80, 11), (8000, 12), (8005, 12), (8010, 12), (8011, 13), (7999, 13),
                              (1, 13), (79, 13), (81, 13), (53, 13), (65535, 13)):
            one = tcp(version, c, v, dport=dport)
            run.case(f"IPv{version} TCP to port {dport}", from_client(one),
                     to_backend(rewritten(one, dst=backend(version, number)), number))
        one = udp(version, c, v, dport=53)
        run.case(f"IPv{version} UDP to port 53", from_client(one),
                 to_backend(rewritten(one, dst=backend(version, 12), dport=5353), 12))
        one = udp(version, c, v, dport=80)
        run.case(f"IPv{version} UDP to port 80, which is TCP's", from_client(one),
                 to_client(icmp_about(one, NO_PORT[version])), "service_unknown")
        one = sctp(version, c, v, SCTPChunkInit(init_tag=1))
        run.case(f"IPv{version} SCTP, which has no service", from_client(one), {},
                 "service_unknown")
    run.run()


if __name__ == "__main__":
    main(nat, full_nat, direct, tunnel, datagrams, ports)

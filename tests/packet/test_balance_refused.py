# SPDX-License-Identifier: Apache-2.0
"""Load balancing: what is refused and how, ICMP on both sides, fragments and headers that
are cut."""

from balance import *
from frames import OPTIONS, options_body, with_headers
from harness import SECOND, Free, main

from scapy.layers.inet import fragment
from scapy.layers.inet6 import (ICMPv6EchoReply, ICMPv6EchoRequest, ICMPv6PacketTooBig,
                                ICMPv6TimeExceeded, IPv6ExtHdrFragment)
from scapy.layers.sctp import SCTPChunkInit

EXCEEDED = {4: ICMP(type=11), 6: ICMPv6TimeExceeded()}


def too_big(version, mtu):
    return ICMP(type=3, code=4, nexthopmtu=mtu) if version == 4 else ICMPv6PacketTooBig(mtu=mtu)


def unmatched():
    """TCP that belongs to no connection and begins none."""
    text = "".join(service(f"{rule}{v}", v, 80 + i, unmatched=rule) for v in VERSIONS
                   for i, rule in enumerate(("drop", "reset", "schedule")))
    run = scenario("unmatched", config(text))
    for version in VERSIONS:
        c = client(version)
        for i, flags in enumerate(("A", "PA", "FA", "SA", "F", "R", "RA", "")):
            size = 5 if "P" in flags else 0
            one = tcp(version, c, vip(version, 80), flags, 10 + i, size=size)
            run.case(f"IPv{version} {flags} is dropped", from_client(one), {}, "connection_unknown")
            one = tcp(version, c, vip(version, 81), flags, 20 + i, size=size)
            run.case(f"IPv{version} {flags} is reset", from_client(one),
                     {} if "R" in flags else to_client(reset(one)), "connection_unknown")
            one = tcp(version, c, vip(version, 82), flags, 30 + i, size=size)
            if "R" in flags:
                run.case(f"IPv{version} {flags} begins nothing", from_client(one), {},
                         "connection_unknown")
            else:
                served(run, one)
        for number in (80, 81, 82):
            about = tcp(version, vip(version, number), c, "A", 80, 999)
            error = ip(version, c, vip(version, number)) / too_big(version, 1300) / Raw(bytes(about))
            run.case(f"IPv{version}: an ICMP error about no connection", from_client(error), {},
                     "connection_unknown")
        for flags in ("S", "A", "FPA"):
            one = tcp(version, c, vip(version, 80), flags, 50, 81, size=3)
            run.case(f"IPv{version} {flags} to an unknown port", from_client(one),
                     to_client(reset(one)), "service_unknown")
        one = tcp(version, c, vip(version, 80), "R", 50, 81)
        run.case(f"IPv{version}: a reset to an unknown port", from_client(one), {},
                 "service_unknown")
        one = udp(version, c, vip(version, 80), 50, 81)
        run.case(f"IPv{version} UDP to an unknown port", from_client(one),
                 to_client(icmp_about(one, NO_PORT[version])), "service_unknown")
        one = ip(version, c, vip(version, 80)) / Raw(b"something")
        one.proto = one.nh = 99
        run.case(f"IPv{version}: another protocol", from_client(one), {}, "service_unknown")
        about = udp(version, vip(version, 80), c, 81, 50)
        error = ip(version, c, vip(version, 80)) / NO_PORT[version] / Raw(bytes(about))
        run.case(f"IPv{version}: an ICMP error about no service", from_client(error), {},
                 "icmp_ignored")
    run.run()


def from_itself():
    """Packets from the service's address to itself are nobody's, however it forwards: a backend would
    answer itself."""
    methods = ("nat", "direct", "tunnel", "fullnat")
    text = "".join(service(f"{how}{v}{protocol}", v, 80 + i, protocol=protocol, forwarding=how,
                           backend_port=None if how in ("direct", "tunnel") else 8080,
                           **({"local_addresses": f'["{LOCAL[v]}"]'} if how == "fullnat" else {}))
                   for v in VERSIONS for i, how in enumerate(methods) for protocol in ("tcp", "udp"))
    run = scenario("from itself", config(text))
    for version in VERSIONS:
        for i, how in enumerate(methods):
            own = vip(version, 80 + i)
            for sport in (80, 4000):
                run.case(f"IPv{version} {how}: a SYN", from_client(tcp(version, own, own, "S", sport)), {}, "ip_source")
                run.case(f"IPv{version} {how}: UDP", from_client(udp(version, own, own, sport)), {}, "ip_source")
    run.run()


def error_about(version, src, dst, error, about, quoted=None):
    return ip(version, src, dst, flags=0) / error / Raw(bytes(about)[:quoted]) if version == 4 \
        else ip(version, src, dst) / error / Raw(bytes(about)[:quoted])


def icmp():
    """Errors about a connection, from the backend's side and from the client's."""
    text = "".join(service(f"web{v}", v, 80) + service(f"dns{v}", v, 80, 53, protocol="udp") +
                   service(f"sig{v}", v, 80, 70, protocol="sctp") +
                   service(f"full{v}", v, 81, forwarding="fullnat",
                           local_addresses=f'["{LOCAL[v]}"]') +
                   service(f"raw{v}", v, 82, backends=(12,), forwarding="direct", backend_port=0)
                   for v in VERSIONS)
    run = scenario("icmp", config(text))
    for version in VERSIONS:
        c, v, b, router = (client(version), vip(version, 80), backend(version, 11),
                           backend(version, 12))
        ours = LOCAL[version], 1024 + (version == 6)
        for maker, dport in ((tcp, 80), (udp, 53)):
            there = maker(version, c, v, dport=dport)
            served(run, there)
            at_backend = rewritten(there, dst=b, dport=8080)
            for name, error in (("too big", too_big(version, 1300)), ("no port", NO_PORT[version]),
                                ("time exceeded", EXCEEDED[version])):
                for source in (b, router):
                    one = error_about(version, source, c, error, at_backend)
                    # As the client sent it but for the hop, and from where it sent it to.
                    other = error_about(version, v, c, error, hop(there))
                    run.case(f"IPv{version} {name} about {maker.__name__} from {source}",
                             from_backend(one), to_client(hop(other)))
                back = maker(version, b, c, sport=8080, dport=1000)
                if maker is tcp:
                    back[TCP].flags, back[TCP].ack = "SA", 1
                at_client = rewritten(back, src=v, sport=dport)
                one = error_about(version, c, v, error, at_client)
                other = error_about(version, c, b, error, hop(back))
                run.case(f"IPv{version} {name} about {maker.__name__} from the client",
                         from_client(one), to_backend(hop(other)))
        there = sctp(version, c, v, SCTPChunkInit(init_tag=1), dport=70)
        served(run, there)
        for quoted in (8, 12, None):
            quoted = quoted and quoted + (20 if version == 4 else 40)
            one = error_about(version, b, c, NO_PORT[version],
                              rewritten(there, dst=b, dport=8080), quoted)
            other = error_about(version, v, c, NO_PORT[version], hop(there), quoted)
            run.case(f"IPv{version} about {quoted} bytes of SCTP", from_backend(one),
                     to_client(hop(other)))
        quoted = 28 if version == 4 else 48
        there = tcp(version, c, v)
        one = error_about(version, b, c, too_big(version, 1300),
                          rewritten(there, dst=b, dport=8080), quoted)
        other = error_about(version, v, c, too_big(version, 1300), hop(there), quoted)
        run.case(f"IPv{version}: with only eight bytes of TCP", from_backend(one),
                 to_client(hop(other)))
        one = error_about(version, b, c, too_big(version, 1300),
                          rewritten(there, dst=b, dport=8080), quoted - 1)
        run.case(f"IPv{version}: with too few of them", from_backend(one), {}, "icmp_embedded")
        there = tcp(version, c, vip(version, 81), sport=7)
        run.case(f"IPv{version} by full NAT", from_client(there),
                 to_backend(rewritten(there, ours[0], b, ours[1], 8080)))
        one = error_about(version, b, ours[0], too_big(version, 1300),
                          rewritten(there, ours[0], b, ours[1], 8080))
        other = error_about(version, vip(version, 81), c, too_big(version, 1300), hop(there))
        run.case(f"IPv{version} too big by full NAT", from_backend(one), to_client(hop(other)))
        back = tcp(version, b, ours[0], "SA", 8080, ours[1])
        one = error_about(version, c, vip(version, 81), too_big(version, 1300),
                          rewritten(back, vip(version, 81), c, 80, 7))
        other = error_about(version, ours[0], b, too_big(version, 1300), hop(back))
        run.case(f"IPv{version} too big from the client by full NAT", from_client(one),
                 to_backend(hop(other)))
        there = tcp(version, c, vip(version, 82), sport=8)
        run.case(f"IPv{version} direct", from_client(there), to_backend(hop(there), 12))
        one = error_about(version, c, vip(version, 82), too_big(version, 1300),
                          tcp(version, vip(version, 82), c, "SA", 80, 8))
        run.case(f"IPv{version} too big from the client, direct", from_client(one),
                 to_backend(hop(one), 12))
    run.run()


def on_the_way():
    """What ends here behind the translation is told of as it was sent."""
    text = "".join(service(f"web{v}", v, 80) + service(f"full{v}", v, 81, forwarding="fullnat",
                                                       local_addresses=f'["{LOCAL[v]}"]') +
                   service(f"ipip{v}", v, 82, forwarding="tunnel", backend_port=0) +
                   service(f"raw{v}", v, 84, forwarding="direct", backend_port=0) +
                   service(f"once{v}", v, 83, protocol="udp", forwarding="direct", backend_port=0,
                           one_packet="true")
                   for v in VERSIONS)
    narrow = config(text, back_mtu=1400).replace(f'mac: "{EDGE_MAC}",',
                                                 f'mac: "{EDGE_MAC}", mtu_bytes: 1300,')
    run = scenario("on the way", narrow)
    for version in VERSIONS:
        c, b = client(version), backend(version, 11)
        head = 40 if version == 4 else 60
        for name, number, room in (("NAT", 80, 1400), ("full NAT", 81, 1400),
                                   ("tunnel", 82, 1400 - (20 if version == 4 else 40))):
            v = vip(version, number)
            one = tcp(version, c, v, sport=number, size=room - head)
            if number == 80:
                out = to_backend(rewritten(one, dst=b, dport=8080))
            elif number == 81:
                ours = LOCAL[version], 1024 + (version == 6)
                out = to_backend(rewritten(one, ours[0], b, ours[1], 8080))
            else:
                out = {"back0": Any(room + (20 if version == 4 else 40) + 14)}
            run.case(f"IPv{version} that just fits by {name}", from_client(one), out)
            one = tcp(version, c, v, "PA", number, size=room - head + 1)
            run.case(f"IPv{version} one byte too long by {name}", from_client(one),
                     to_client(icmp_about(one, too_big(version, room))), "mtu_exceeded")
            one = tcp(version, c, v, "PA", number, size=9, ttl=1)
            run.case(f"IPv{version} with TTL 1 by {name}", from_client(one),
                     to_client(icmp_about(one, EXCEEDED[version])), "ttl_expired")
        for name, number in (("NAT", 80), ("full NAT", 81)):
            target = (c, number) if number == 80 else (LOCAL[version], 1024 + (version == 6))
            one = tcp(version, b, target[0], "SA", 8080, target[1], ttl=1)
            run.case(f"IPv{version} with TTL 1 back by {name}", from_backend(one),
                     to_backend(icmp_about(one, EXCEEDED[version], BACK_GATEWAY[version])), "ttl_expired")
            one = tcp(version, b, target[0], "PA", 8080, target[1], size=1300 - head + 1)
            run.case(f"IPv{version} one byte too long back by {name}", from_backend(one),
                     to_backend(icmp_about(one, too_big(version, 1300), BACK_GATEWAY[version])),
                     "mtu_exceeded")
        one = tcp(version, c, vip(version, 84), ttl=1)
        run.case(f"IPv{version} with TTL 1, direct", from_client(one),
                 to_client(icmp_about(one, EXCEEDED[version])), "ttl_expired")
        one = tcp(version, c, vip(version, 84), size=1400)
        run.case(f"IPv{version} too long, direct", from_client(one),
                 to_client(icmp_about(one, too_big(version, 1400))), "mtu_exceeded")
        one = udp(version, c, vip(version, 83), ttl=1)
        run.case(f"IPv{version} with TTL 1, of no connection", from_client(one),
                 to_client(icmp_about(one, EXCEEDED[version])), "ttl_expired")
    run.run()


class Any(Free):
    """A frame of that length."""

    def __init__(self, length):
        super().__init__(lambda got: got, bytes(length))


def echo():
    text = "".join(service(f"web{v}", v, 80) + service(f"none{v}", v, 81, backends=())
                   for v in VERSIONS)
    run = scenario("echo", config(text))
    for version in VERSIONS:
        c = client(version)
        for number, alive in ((80, True), (81, False)):
            v = vip(version, number)
            for size in (0, 1, 1000):
                if version == 4:
                    ping = IP(src=c, dst=v, id=5) / ICMP(id=1, seq=2) / Raw(pattern(size))
                    pong = IP(src=v, dst=c, id=5) / ICMP(type=0, id=1, seq=2) / Raw(pattern(size))
                else:
                    ping = IPv6(src=c, dst=v) / ICMPv6EchoRequest(id=1, data=pattern(size))
                    pong = IPv6(src=v, dst=c) / ICMPv6EchoReply(id=1, data=pattern(size))
                run.case(f"IPv{version} of {size} bytes to {v}", from_client(ping),
                         to_client(pong) if alive else {}, None if alive else "no_backend")
                if version == 6:
                    extended = with_headers(from_client(ping)[1], *[(OPTIONS, options_body(bytes(6)))] * 8)
                    run.case(f"behind eight headers, {size} bytes to {v}", ("edge0", extended),
                             to_client(pong) if alive else {}, None if alive else "no_backend")
    run.run()


def fragments():
    """Only the first has ports: they are put together before."""
    text = "".join(service(f"dns{v}", v, 80, 53, protocol="udp") for v in VERSIONS)
    run = scenario("fragments", config(text))
    for version in VERSIONS:
        c, v, b = client(version), vip(version, 80), backend(version, 11)
        for i, order in enumerate(((0, 1, 2), (2, 1, 0), (1, 2, 0), (0, 2, 1))):
            if version == 4:
                whole = udp(4, c, v, 10 + i, 53, 1100, flags=0, id=i)
                parts = fragment(whole, fragsize=400)
            else:
                whole = udp(6, c, v, 10 + i, 53, 1100)
                parts = in_parts(whole, i + 1, 400)
            run.case(f"IPv{version} in the order {order}",
                     [from_client(parts[place]) for place in order],
                     {"back0": cut_again(rewritten(whole, dst=b, dport=8080), i + 1, BACK_MAC,
                                         backend_mac(11))})
        back = udp(version, b, c, 8080, 10, 1100, **({"flags": 0} if version == 4 else {}))
        parts = fragment(back, fragsize=400) if version == 4 else in_parts(back, 9, 400)
        run.case(f"IPv{version} of the backend", [from_backend(part) for part in parts],
                 {"edge0": [AnyIdentity(part) for part in cut_again(
                     rewritten(back, src=v, sport=53), 9, EDGE_MAC, CLIENT_MAC)]})
        first = (fragment(udp(4, c, v, 99, 53, 1100, flags=0, id=77), fragsize=400)[0]
                 if version == 4 else in_parts(udp(6, c, v, 99, 53, 1100), 77, 400)[0])
        run.case(f"IPv{version} without the rest", from_client(first),
                 to_client(icmp_about(first, TOO_LATE[version])), "ip_reassembly",
                 last_ns=2 * SECOND)
    run.run()


TOO_LATE = {4: ICMP(type=11, code=1), 6: ICMPv6TimeExceeded(code=1)}


def cut_again(packet, ident, src, dst, size=400):
    """The frames of a packet in fragments of that size, as it came in."""
    if packet.version == 6:
        return [frame(part, src, dst) for part in in_parts(IPv6(bytes(packet)), ident, size)]
    parts = fragment(IP(bytes(packet)), fragsize=size)
    for part in parts:
        part.chksum = None
    return [frame(part, src, dst) for part in parts]


class AnyIdentity(Free):
    """A fragment from an address of the gateway's: its id is one of its own."""

    def __init__(self, expected):
        def build(got):
            if expected[14] >> 4 == 6:
                return expected[:58] + got[58:62] + expected[62:]
            one = Ether(expected)
            one[IP].id, one[IP].chksum = Ether(got)[IP].id, None
            return bytes(one)
        super().__init__(build, expected)


def in_parts(whole, ident, size):
    """IPv6 fragments, RFC 8200 section 4.5."""
    payload = bytes(whole)[40:]
    cuts = list(range(0, len(payload), size))
    return [IPv6(src=whole.src, dst=whole.dst, hlim=whole.hlim, nh=44) / IPv6ExtHdrFragment(
        nh=17, id=ident, offset=at // 8, m=int(at != cuts[-1])) / Raw(payload[at:at + size])
        for at in cuts]


def ones_sum(*values):
    total = sum(values)
    while total >> 16:
        total = (total & 0xFFFF) + (total >> 16)
    return total


def wrong_checksums():
    """Errors are kept: the checksum after translation is wrong by as much as before."""
    text = "".join(service(f"web{v}", v, 80) + service(f"dns{v}", v, 80, 53, protocol="udp")
                   for v in VERSIONS)
    run = scenario("wrong checksums", config(text))
    for version in VERSIONS:
        for layer, maker, dport in ((TCP, tcp, 80), (UDP, udp, 53)):
            for i, by in enumerate((1, 0x1234, 0xFFFE)):
                one = maker(version, client(version), vip(version, 80), sport=30 + i, dport=dport)
                out = rewritten(one, dst=backend(version, 11), dport=8080)
                before = type(one)(bytes(one))[layer].chksum
                after = type(out)(bytes(out))[layer].chksum
                one[layer].chksum = ones_sum(before, by)
                out[layer].chksum = ones_sum(after, by)
                run.case(f"IPv{version} {maker.__name__}, wrong by {by}", from_client(one),
                         to_backend(out))
    run.run()


def truncated():
    """IP packets that end too early, whole by their IP header."""
    text = "".join(service(f"{p}{v}", v, 80, 0, protocol=p) for v in VERSIONS
                   for p in ("tcp", "udp", "sctp"))
    run = scenario("truncated", config(text))
    for version in VERSIONS:
        c, v = client(version), vip(version, 80)

        def cut(name, l4, protocol, lengths, reason):
            for length in lengths:
                one = ip(version, c, v) / Raw(bytes(l4)[:length])
                one.proto = one.nh = protocol
                run.case(f"IPv{version} {name} of {length} bytes", from_client(one), {}, reason)

        cut("TCP", TCP(), 6, (0, 1, 4, 12, 13, 19), "tcp_truncated")
        cut("TCP with a wrong offset", TCP(dataofs=4), 6, (20,), "tcp_truncated")
        cut("TCP with options behind its end", TCP(dataofs=6), 6, (20, 23), "tcp_truncated")
        cut("UDP", UDP(len=8), 17, (0, 1, 4, 7), "udp_truncated")
        cut("UDP with a wrong length", UDP(len=7), 17, (8,), "udp_length")
        cut("UDP with a length beyond", UDP(len=9), 17, (8,), "udp_length")
        cut("SCTP", SCTP() / SCTPChunkInit(), 132, (0, 4, 11, 12, 15), "sctp_truncated")
        number = 1 if version == 4 else 58
        cut("ICMP", bytes(8), number, (0, 1, 7), "icmp_truncated")
        kind = b"\x03\x04" if version == 4 else b"\x02\x00"
        about = bytes(tcp(version, v, c, "A", 80, 1))
        header = 20 if version == 4 else 40
        cut("ICMP about a packet", kind + bytes(6) + about, number,
            (8, 9, 8 + header - 1, 8 + header, 8 + header + 7), "icmp_embedded")
        if version == 4:
            cut_ip = frame(tcp(4, c, v), CLIENT_MAC, EDGE_MAC)
            run.case("IPv4 beyond the frame", ("edge0", cut_ip[:-1]), {}, "ip_total_length")
            run.case("IPv4 header beyond the frame", ("edge0", cut_ip[:33]), {}, "ip_truncated")
        else:
            one = IPv6(src=c, dst=v, nh=0) / Raw(bytes([6, 9]) + bytes(6) + bytes(TCP()))
            run.case("an extension header beyond the packet", from_client(one), {}, "ip_extensions")
            one = IPv6(src=c, dst=v, nh=60) / Raw(bytes([6, 0, 1, 4, 0, 0, 0, 0]) + bytes(TCP()))
            run.case("options behind which TCP begins nothing", from_client(
                IPv6(src=c, dst=v, nh=60) / Raw(bytes([6, 0, 1, 4, 0, 0, 0, 0]) +
                                                bytes(TCP(dport=80, flags="A")))), {},
                "connection_unknown")
    run.run()


if __name__ == "__main__":
    main(unmatched, from_itself, icmp, on_the_way, echo, fragments, wrong_checksums, truncated)

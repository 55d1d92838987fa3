# SPDX-License-Identifier: Apache-2.0
"""Load balancing: full NAT between the IP versions (RFC 7915), and what came in fragments and has to
leave in some."""

import struct

from balance import *
from harness import Free, main

from scapy.layers.inet import fragment
from scapy.layers.inet6 import (ICMPv6PacketTooBig, ICMPv6ParamProblem, ICMPv6TimeExceeded,
                                IPv6ExtHdrDestOpt, IPv6ExtHdrFragment)
from scapy.layers.sctp import SCTPChunkInit, SCTPChunkInitAck

OTHER = {4: 6, 6: 4}
MAY_BE_CUT = 1260  # RFC 7915 section 5.1


def config_of(more="", **keys):
    text = "".join(
        service(f"{name}{v}", v, 80, port, protocol=protocol, forwarding="fullnat",
                backends=[backend(OTHER[v], 11)],
                local_addresses=f'["{LOCAL[OTHER[v]]}", "{LOCAL[v]}"]')
        for v in VERSIONS for name, protocol, port in
        (("web", "tcp", 80), ("dns", "udp", 53), ("sig", "sctp", 70)))
    return config(text + more, **keys)


def other(packet, src, dst, sport=None, dport=None, df=None, ident=0):
    """The packet as one of the other version, not a hop further; checksums by scapy."""
    l4 = next(layer for layer in (TCP, UDP, SCTP) if layer in packet)
    l4 = packet[l4].copy()
    l4.sport, l4.dport = sport or l4.sport, dport or l4.dport
    l4.chksum = None
    if packet.version == 4:
        return IPv6(src=src, dst=dst, tc=packet.tos, hlim=packet.ttl) / l4
    whole = 20 + len(bytes(l4))
    df = whole > MAY_BE_CUT if df is None else df
    return IP(src=src, dst=dst, tos=packet.tc, ttl=packet.hlim, flags="DF" if df else 0,
              id=0 if df else ident) / l4


def with_free_id(make, port, src, dst):
    """A frame whose IPv4 header, and that within an ICMP error, has any id where it may be fragmented:
    make(id)."""
    def build(got):
        return frame(make(struct.unpack("!H", got[18:20])[0]), src, dst)

    return {port: Free(build, frame(make(0), src, dst))}


class Sides:
    """A connection from a client of one version to a backend of the other."""

    def __init__(self, run, version, sport, number, dport=80):
        self.run, self.version = run, version
        there = OTHER[version]
        self.client, self.vip = client(version), vip(version, 80)
        self.backend, self.local = backend(there, 11), LOCAL[there]
        self.sport, self.dport, self.port = sport, dport, 1024 + number
        self.there = there

    def out(self, one, **fields):
        return hop(other(one, self.local, self.backend, self.port, 8080, **fields))

    def home(self, one, **fields):
        return hop(other(one, self.vip, self.client, self.dport, self.sport, **fields))

    def sends(self, name, one):
        self.run.case(f"IPv{self.version} {name}", from_client(one), with_free_id(
            lambda ident: self.out(one, ident=ident), "back0", BACK_MAC, backend_mac(11)))

    def answers(self, name, one):
        self.run.case(f"to IPv{self.version} {name}", from_backend(one), with_free_id(
            lambda ident: self.home(one, ident=ident), "edge0", EDGE_MAC, CLIENT_MAC))

    def tcp(self, flags, size=0, **fields):
        return tcp(self.version, self.client, self.vip, flags, self.sport, self.dport, size,
                   **fields)

    def tcp_back(self, flags, size=0, **fields):
        return tcp(self.there, self.backend, self.local, flags, 8080, self.port, size, **fields)

    def udp(self, size, **fields):
        return udp(self.version, self.client, self.vip, self.sport, self.dport, size, **fields)

    def udp_back(self, size, **fields):
        return udp(self.there, self.backend, self.local, 8080, self.port, size, **fields)


def packets():
    run = scenario("packets", config_of())
    for i, version in enumerate(VERSIONS):
        number = 3 * i
        talk = Sides(run, version, 1000, number)
        for flags, size in (("S", 0), ("A", 0), ("PA", 1), ("PA", 1100), ("FA", 0), ("R", 0)):
            talk.sends(f"TCP {flags} of {size} bytes", talk.tcp(flags, size, tos=0xB9))
            back = "SA" if flags == "S" else flags
            talk.answers(f"TCP {back} of {size} bytes", talk.tcp_back(back, size, tos=2, ttl=9))
        one = talk.tcp("PA", 1300)
        talk.sends("TCP that is not to be fragmented", one)
        talk.answers("TCP that is not to be fragmented", talk.tcp_back("PA", 1300))
        if version == 6:
            one = IPv6(src=talk.client, dst=talk.vip) / IPv6ExtHdrDestOpt() / TCP(
                sport=1000, dport=80, flags="A")
            run.case("extension headers stay behind", from_client(one), with_free_id(
                lambda ident, one=one, talk=talk: talk.out(one, ident=ident), "back0", BACK_MAC,
                backend_mac(11)))
        talk = Sides(run, version, 1001, number + 1, 53)
        for size in (0, 1, 700, 1300):
            talk.sends(f"UDP of {size} bytes", talk.udp(size))
            talk.answers(f"UDP of {size} bytes", talk.udp_back(size))
        one = talk.udp(99) if version == 4 else talk.udp_back(99)
        one[UDP].chksum = 0
        if version == 4:
            talk.sends("UDP without checksum gets one", one)
        else:
            run.case("UDP without checksum gets one back", from_backend(one),
                     to_client(talk.home(one)))
        talk = Sides(run, version, 1002, number + 2, 70)
        talk.sends("SCTP", sctp(version, talk.client, talk.vip, SCTPChunkInit(init_tag=1), 1002, 70))
        talk.answers("SCTP", sctp(talk.there, talk.backend, talk.local,
                                  SCTPChunkInitAck(init_tag=2), 8080, talk.port))
    run.run()


# ICMP errors, and what each is in the other version.
PAIRS = [
    ("no port", ICMP(type=3, code=3), ICMPv6DestUnreach(code=4)),
    ("host unreachable", ICMP(type=3, code=1), ICMPv6DestUnreach(code=0)),
    ("prohibited", ICMP(type=3, code=10), ICMPv6DestUnreach(code=1)),
    ("time exceeded", ICMP(type=11, code=0), ICMPv6TimeExceeded(code=0)),
    ("too big", ICMP(type=3, code=4, nexthopmtu=1300), ICMPv6PacketTooBig(mtu=1320)),
]


def kinds(version):
    """(name, as `version` has it, as the other one says it)"""
    for name, four, six in PAIRS:
        yield name, *((four, six) if version == 4 else (six, four))


def error(version, src, dst, kind, quote, **fields):
    if version == 4:
        return ip(4, src, dst, flags=0, **fields) / kind / Raw(bytes(quote))
    return ip(6, src, dst, **fields) / kind / Raw(bytes(quote))


def errors():
    run = scenario("errors", config_of())
    for i, version in enumerate(VERSIONS):
        there = OTHER[version]
        for j, (maker, port) in enumerate((("tcp", 80), ("udp", 53))):
            talk = Sides(run, version, 1000, 2 * i + j, port)
            one = talk.tcp("S") if maker == "tcp" else talk.udp(30)
            talk.sends(maker, one)
            back = talk.tcp_back("SA") if maker == "tcp" else talk.udp_back(30)
            talk.answers(maker, back)
            for name, kind, same in kinds(there):
                came = error(there, backend(there, 12), talk.local, kind, talk.out(one, ident=7))

                def at_client(ident, kind=same, one=one, talk=talk, version=version):
                    return told_home(version, talk.vip, talk.client, kind, hop(one), ident)

                run.case(f"IPv{there} {name} about {maker} for the client", from_backend(came),
                         with_free_id(at_client, "edge0", EDGE_MAC, CLIENT_MAC))
            for name, kind, same in kinds(version):
                came = error(version, talk.client, talk.vip, kind, talk.home(back, ident=7))

                def at_backend(ident, kind=same, back=back, talk=talk, there=there):
                    return told_home(there, talk.local, talk.backend, kind, hop(back), ident)

                run.case(f"IPv{version} {name} about {maker} for the backend", from_client(came),
                         with_free_id(at_backend, "back0", BACK_MAC, backend_mac(11)))
            came = error(there, talk.backend, talk.local, ICMP(type=3, code=14) if there == 4
                         else ICMPv6ParamProblem(code=2), talk.out(one, ident=7))
            run.case(f"IPv{there}: what the other version can not say of {maker}",
                     from_backend(came), {}, "icmp_untranslatable")
            wrong = bytearray(bytes(error(there, talk.backend, talk.local, kind_no_port(there),
                                          talk.out(one, ident=7))))
            wrong[-1] ^= 1
            wrong = (IP if there == 4 else IPv6)(bytes(wrong))
            run.case(f"IPv{there}: an error about {maker} with a wrong checksum",
                     from_backend(wrong), {}, "icmp_checksum")
    run.run()


def kind_no_port(version):
    return ICMP(type=3, code=3) if version == 4 else ICMPv6DestUnreach(code=4)


def told_home(version, src, dst, kind, quote, ident):
    """The translated error, a hop further; `quote` is the packet as its sender's side has it."""
    quote = quote.copy()
    if version == 4:
        # It is made anew: what may be fragmented has an id.
        df = len(bytes(quote)) > MAY_BE_CUT
        quote.flags, quote.id, quote.chksum = "DF" if df else 0, 0 if df else ident, None
    made = error(version, src, dst, kind, quote)
    if version == 4:
        made.id = ident
    return hop(made)


def sizes():
    """What does not fit its way out: told to the sender in its own version, or in fragments."""
    run = scenario("sizes", config_of(back_mtu=1400))
    for i, version in enumerate(VERSIONS):
        talk = Sides(run, version, 1000, 2 * i)
        there = 1400 - (20 if version == 6 else 40) - 20  # TCP's data in the way out's MTU
        talk.sends("SYN", talk.tcp("S"))
        fields = {"id": 0} if version == 4 else {}
        talk.sends("TCP that just fits", talk.tcp("PA", there, **fields))
        one = talk.tcp("PA", there + 1, **fields)
        mtu = 1380 if version == 4 else 1420
        kind = ICMP(type=3, code=4, nexthopmtu=mtu) if version == 4 else ICMPv6PacketTooBig(mtu=mtu)
        run.case(f"IPv{version} one byte longer", from_client(one), to_client(icmp_about(one, kind)),
                 "mtu_exceeded")
        one = talk.tcp("PA", there - 20, ttl=1, **fields)
        kind = ICMP(type=11) if version == 4 else ICMPv6TimeExceeded()
        run.case(f"IPv{version} with TTL 1", from_client(one), to_client(icmp_about(one, kind)),
                 "ttl_expired")
        back = talk.tcp_back("PA", 1300, ttl=1, **({"id": 0} if version == 6 else {}))
        kind = ICMP(type=11) if version == 6 else ICMPv6TimeExceeded()
        run.case(f"to IPv{version} with TTL 1", from_backend(back),
                 to_backend(icmp_about(back, kind, BACK_GATEWAY[OTHER[version]])), "ttl_expired")
        talk = Sides(run, version, 1001, 2 * i + 1, 53)
        if version == 4:
            one = talk.udp(1373, flags=0, id=5)  # 1401 bytes
            whole = talk.out(one)
            run.case("IPv4 that may be fragmented is, as IPv6", from_client(one),
                     in_parts6(whole, 1400))
            one = talk.udp(4000, flags=0, id=6)
            run.case("IPv4 in fragments leaves in fragments", [
                from_client(part) for part in fragment(one, fragsize=1000)],
                     in_parts6(talk.out(one), 1020))
            talk.sends("UDP that just fits is whole", talk.udp(1352, flags=0))
        else:
            one = talk.udp(3000)
            run.case("IPv6 in fragments leaves in fragments, as IPv4",
                     [from_client(part) for part in parts_of(one, 9, 1000)],
                     in_parts4(talk.out(one, df=False), 1048))
            small = talk.udp(1010)  # 1058 bytes and the fragment headers, 1038 as IPv4
            run.case("IPv6 in fragments that is no longer than one of them as IPv4 leaves whole",
                     [from_client(part) for part in parts_of(small, 10, 1000)],
                     with_free_id(lambda ident: talk.out(small, df=False, ident=ident), "back0",
                                  BACK_MAC, backend_mac(11)))
            one = talk.udp(1400)  # 1448 bytes, 1428 as IPv4
            run.case("IPv6 that did not come in fragments is told of", from_client(one), to_client(
                icmp_about(one, ICMPv6PacketTooBig(mtu=1420))), "mtu_exceeded")
    run.run()


def parts_of(whole, ident, size):
    """IPv6 fragments of `size` bytes behind their headers, RFC 8200 section 4.5."""
    payload = bytes(whole)[40:]
    cuts = list(range(0, len(payload), size))
    return [IPv6(src=whole.src, dst=whole.dst, hlim=whole.hlim, nh=44) / IPv6ExtHdrFragment(
        nh=17, id=ident, offset=at // 8, m=int(at != cuts[-1])) / Raw(payload[at:at + size])
        for at in cuts]


def in_parts6(whole, mtu):
    """IPv6 fragments with one id, whichever it is."""
    def part(index, ident):
        return frame(parts_of(whole, ident, (mtu - 48) // 8 * 8)[index], BACK_MAC, backend_mac(11))

    count = len(parts_of(whole, 0, (mtu - 48) // 8 * 8))
    return {"back0": [Free(lambda got, index=index: part(index, struct.unpack(
        "!I", got[58:62])[0]), part(index, 0)) for index in range(count)]}


def in_parts4(whole, mtu):
    def part(index, ident):
        whole.id = ident
        out = fragment(IP(bytes(whole)), fragsize=(mtu - 20) // 8 * 8)[index]
        out.chksum = None
        return frame(out, BACK_MAC, backend_mac(11))

    count = len(fragment(whole, fragsize=(mtu - 20) // 8 * 8))
    return {"back0": [Free(lambda got, index=index: part(index, struct.unpack(
        "!H", got[18:20])[0]), part(index, 0)) for index in range(count)]}


def same_version():
    """IPv6 that came in fragments and does not fit its way out: we stand for its source."""
    text = service("dns", 6, 80, 53, protocol="udp")
    run = scenario("fragments of IPv6", config(text, back_mtu=1400))
    for i, (size, cut) in enumerate(((1400, 800), (4000, 1440), (1352, 1000))):
        one = udp(6, client(6), vip(6, 80), 10 + i, 53, size)
        out = rewritten(one, dst=backend(6, 11), dport=8080)
        run.case(f"{size} bytes in parts of {cut}",
                 [from_client(part) for part in parts_of(one, 5 + i, cut)],
                 in_parts6(out, min(cut + 48, 1400)))
    one = udp(6, client(6), vip(6, 80), 10, 53, 1400)
    run.case("whole, it is told of", from_client(one),
             to_client(icmp_about(one, ICMPv6PacketTooBig(mtu=1400))), "mtu_exceeded")
    run.run()


def beyond():
    """Fragments that come to more than a length field can tell."""
    text = service("dns", 4, 80, 53, protocol="udp")
    run = scenario("beyond", config(text, back_mtu=9000).replace(
        f'mac: "{EDGE_MAC}",', f'mac: "{EDGE_MAC}", mtu_bytes: 9000,'))
    data = struct.pack("!4H", 1000, 53, 9, 0) + pattern(8 * 8200 - 8)
    parts = [from_client(IP(src=client(4), dst=vip(4, 80), id=1, proto=17, frag=at // 8,
                            flags="MF" if at + 8200 < len(data) else 0) / Raw(data[at:at + 8200]))
             for at in range(0, len(data), 8200)]
    run.case("65,620 bytes of IPv4, of which the length field says 84", parts, {}, "fragment_length")
    run.run()


def client_info():
    """A backend of the other version hears of its client by the header, or an option, of the
    client's own version."""
    import ipaddress

    def services(how):
        return "".join(service(f"{how}{v}", v, 80, forwarding="fullnat", client_address=how,
                               backends=[backend(OTHER[v], 11)],
                               local_addresses=f'["{LOCAL[OTHER[v]]}"]') for v in VERSIONS)

    def address(text):
        return ipaddress.ip_address(text).packed

    for how in ("toa", "proxy"):
        run = scenario(f"client info by {how}", config(services(how)))
        for i, version in enumerate(VERSIONS):
            talk = Sides(run, version, 1000, i)
            talk.sends("SYN", talk.tcp("S", seq=1000))
            talk.answers("SYN and ACK", talk.tcp_back("SA", seq=5000, ack=1001))
            one = talk.tcp("PA", 100, seq=1001, ack=5001)

            def out(ident, one=one, talk=talk, version=version):
                made = talk.out(one, ident=ident)
                if how == "toa":
                    made[TCP].options = [(254, struct.pack("!H", 1000) + address(talk.client))]
                else:
                    made[TCP].seq += 28 if version == 4 else 52
                made[TCP].dataofs = made[TCP].chksum = None
                if made.version == 4:
                    made.len = made.chksum = None
                else:
                    made.plen = None
                return made

            def segment(ident, one=one, talk=talk, version=version):
                made = talk.out(one, ident=ident)
                made[TCP].remove_payload()
                four = version == 4
                made = made / Raw(b"\r\n\r\n\0\r\nQUIT\n" + bytes([0x21, 0x11 if four else 0x21]) +
                                  struct.pack("!H", 12 if four else 36) + address(talk.client) +
                                  address(talk.vip) + struct.pack("!HH", 1000, 80))
                made[TCP].chksum = None
                if made.version == 4:
                    made.len = made.chksum = None
                else:
                    made.plen = None
                return made

            wanted = with_free_id(out, "back0", BACK_MAC, backend_mac(11))["back0"]
            first = with_free_id(segment, "back0", BACK_MAC, backend_mac(11))["back0"]
            run.case(f"IPv{version} data", from_client(one),
                     {"back0": [first, wanted] if how == "proxy" else [wanted]}, ordered=True)
            if how == "proxy":
                back = talk.tcp_back("A", seq=5001, ack=1001 + (28 if version == 4 else 52) + 100)

                def home(ident, back=back, talk=talk):
                    made = talk.home(back, ident=ident)
                    made[TCP].ack, made[TCP].chksum = 1101, None
                    return made

                run.case(f"to IPv{version} their acknowledgment", from_backend(back),
                         with_free_id(home, "edge0", EDGE_MAC, CLIENT_MAC))
        run.run()


if __name__ == "__main__":
    main(packets, errors, sizes, same_version, beyond, client_info)

# SPDX-License-Identifier: Apache-2.0
"""What a tenant sends: one that minds its own business, and one that does whatever it can."""

from scapy.layers.inet import ICMP, IP, TCP, UDP
from scapy.layers.inet6 import (ICMPv6EchoRequest, ICMPv6ND_NA, ICMPv6ND_NS, ICMPv6NDOptDstLLAddr, ICMPv6PacketTooBig,
                                IPv6)
from scapy.layers.l2 import ARP, GRE, Dot1Q, Ether
from scapy.layers.sctp import SCTP, SCTPChunkInit
from scapy.layers.vxlan import VXLAN
from scapy.packet import Raw

from harness import SECOND, START_NS
from isolation_tenants import OUR_IP, OUR_IP6, OUR_MAC
from test_fuzz import mutate
from tunnels import stt_frame, stt_segments

LENGTH_S = 2.0


def fragments(packet, size):
    """The IPv4 packet behind Ethernet in pieces of at most `size` bytes of payload."""
    frame = bytes(packet)
    head, payload = frame[:34], frame[34:]
    pieces = []
    for begin in range(0, len(payload), size):
        ip = IP(head[14:34])
        ip.flags, ip.frag, ip.len, ip.chksum = ("MF" if begin + size < len(payload) else 0), begin // 8, None, None
        pieces.append(head[:14] + bytes(ip / Raw(payload[begin:begin + size])))
    return pieces


def gateway_mac(vni):
    return f"02:ad:17:{vni >> 16 & 255:02x}:{vni >> 8 & 255:02x}:{vni & 255:02x}"


class Traffic:
    """Frames of one tenant in the order of their times."""

    def __init__(self, tenant, rng):
        self.tenant, self.rng, self.frames = tenant, rng, []

    def at(self, seconds, port, frame):
        self.frames.append((START_NS + int(seconds * SECOND), port, bytes(frame)))

    def moment(self):
        return self.rng.uniform(0.05, LENGTH_S)

    # What it is made of; each at a time of its own.
    def edge(self, payload, **ip):
        return Ether(src=self.tenant.client_mac, dst=self.tenant.edge_mac) / IP(
            **{"src": "10.1.0.1", "dst": "10.2.0.11"} | ip) / payload

    def edge6(self, payload, **ip):
        return Ether(src=self.tenant.client_mac, dst=self.tenant.edge_mac) / IPv6(
            **{"src": "fd01::1", "dst": "fd02::11"} | ip) / payload

    def from_back(self, number, payload, **ip):
        return Ether(src=self.tenant.host_mac(number), dst=self.tenant.back_mac) / IP(
            **{"src": f"10.2.0.{number}", "dst": "10.1.0.1"} | ip) / payload

    def routed(self):
        rng, size = self.rng, self.rng.choice((0, 40, 1000, 1372, 1373, 1450))
        data = UDP(sport=rng.randrange(1, 65536), dport=9) / Raw(rng.randbytes(size))
        options = rng.choice(({}, {"flags": "DF"}, {"ttl": 1}, {"id": rng.randrange(65536)}, {"dst": "10.1.0.254"},
                              {"dst": "10.77.0.1"}, {"dst": "10.3.0.5"}, {"dst": "10.4.0.5"}, {"src": "0.0.0.0"}))
        self.at(self.moment(), self.tenant.edge, self.edge(data, **options))
        six = rng.choice(({}, {"hlim": 1}, {"dst": "fd01::fe"}, {"dst": "fd77::1"}))
        self.at(self.moment(), self.tenant.edge, self.edge6(data, **six))

    def echo(self):
        self.at(self.moment(), self.tenant.edge,
                self.edge(ICMP(seq=self.rng.randrange(9)) / Raw(bytes(99)), dst="10.1.0.254"))

    def new_host(self):
        number, moment, mac = self.rng.randrange(100, 250), self.moment(), self.tenant.back_mac
        one = self.tenant.host_mac(number)
        self.at(moment, self.tenant.edge, self.edge(UDP() / b"new", dst=f"10.2.0.{number}"))
        self.at(moment + .01, self.tenant.back, Ether(src=one, dst=mac) / ARP(
            op=2, hwsrc=one, psrc=f"10.2.0.{number}", hwdst=mac, pdst="10.2.0.254"))
        self.at(moment + .02, self.tenant.edge, self.edge6(UDP() / b"new", dst=f"fd02::{number}"))
        self.at(moment + .03, self.tenant.back, Ether(src=one, dst=mac) / IPv6(
            src=f"fd02::{number}", dst="fd02::fe", hlim=255) / ICMPv6ND_NA(
                tgt=f"fd02::{number}", R=0, S=1, O=1) / ICMPv6NDOptDstLLAddr(lladdr=one))

    def connection(self):
        rng, moment, port = self.rng, self.moment(), self.rng.randrange(1024, 65536)
        vip = rng.choice(("10.9.0.1", "10.9.0.3", "10.9.0.4"))
        for i, (flags, seq) in enumerate((("S", 1), ("A", 2), ("PA", 2), ("FA", 6))):
            self.at(moment + .002 * i, self.tenant.edge, self.edge(
                TCP(sport=port, dport=80, flags=flags, seq=seq) / (b"data" if flags == "PA" else b""), dst=vip))
        self.at(moment + .001, self.tenant.back, self.from_back(11, TCP(sport=8080, dport=port, flags="SA", ack=2)))
        if rng.random() < .3:
            self.at(moment + .02, self.tenant.edge, self.edge(TCP(sport=port, dport=81, flags="S"), dst=vip))

    def other_services(self):
        rng, moment, port = self.rng, self.moment(), self.rng.randrange(1024, 65536)
        vip = rng.choice(("10.9.0.6", "10.9.0.8", "10.9.0.9", "10.9.0.10", "10.9.0.13"))
        for i, (flags, seq) in enumerate((("S", 1), ("A", 2), ("PA", 2), ("FA", 1002))):
            self.at(moment + .002 * i, self.tenant.edge, self.edge(
                TCP(sport=port, dport=80, flags=flags, seq=seq, ack=100) / (bytes(1000) if flags == "PA" else b""), dst=vip))
        answer = TCP(sport=8080, dport=port, flags="SA", seq=99, ack=2)
        self.at(moment + .001, self.tenant.back, self.from_back(11, answer))
        self.at(moment + .05, self.tenant.edge, self.edge(SCTP(sport=port, dport=80) / SCTPChunkInit(init_tag=5), dst="10.9.0.11"))
        # A router's error about what the client sent to NAT.
        about = IP(src="10.1.0.1", dst="10.2.0.11") / TCP(sport=port, dport=8080, seq=2)
        self.at(moment + .006, self.tenant.back, self.from_back(
            12, ICMP(type=3, code=4, nexthopmtu=rng.choice((1300, 600))) / Raw(bytes(about)[:28])))

    def over_ipv6(self):
        rng, moment, port = self.rng, self.moment(), self.rng.randrange(1024, 65536)
        vip = rng.choice(("fd09::1", "fd09::3"))
        for i, (flags, seq) in enumerate((("S", 1), ("A", 2), ("PA", 2), ("R", 1002))):
            self.at(moment + .002 * i, self.tenant.edge, self.edge6(
                TCP(sport=port, dport=80, flags=flags, seq=seq) / (bytes(1000) if flags == "PA" else b""), dst=vip))
        self.at(moment + .001, self.tenant.back, Ether(src=self.tenant.host_mac(11), dst=self.tenant.back_mac) / IPv6(
            src="fd02::11", dst="fd01::1") / TCP(sport=8080, dport=port, flags="SA", ack=2))
        size = rng.choice((10, 1240, 1400))
        self.at(moment + .1, self.tenant.edge, self.edge6(UDP(sport=port, dport=53) / Raw(bytes(size)), dst="fd09::2"))
        self.at(moment + .2, self.tenant.edge, self.edge(UDP(sport=port, dport=80) / Raw(bytes(size)), dst="10.9.0.12",
                                                         flags=rng.choice((0, "DF")), id=rng.randrange(65536)))
        whole = bytes(UDP(sport=port, dport=rng.choice((53, 9)), len=2408) / Raw(rng.randbytes(2400)))
        ident, dst = rng.getrandbits(32), rng.choice(("fd09::2", "fd02::11", "fd01::fe"))
        for begin in range(0, len(whole), 1200):
            more = begin + 1200 < len(whole)
            self.at(moment + .3 + begin / 1e6, self.tenant.edge, self.edge6(Raw(
                bytes([17, 0]) + (begin | more).to_bytes(2, "big") + ident.to_bytes(4, "big") + whole[begin:begin + 1200]),
                dst=dst, nh=44))
        self.at(moment + .4, self.tenant.edge, self.edge6(ICMPv6EchoRequest() / Raw(bytes(rng.choice((8, 1400)))), dst="fd01::fe"))
        about = IPv6(src="fd01::1", dst="fd02::11") / TCP(sport=port, dport=8080, seq=2)
        self.at(moment + .006, self.tenant.back, Ether(src=self.tenant.host_mac(12), dst=self.tenant.back_mac) / IPv6(
            src="fd02::12", dst="fd01::1") / ICMPv6PacketTooBig(mtu=1280) / Raw(bytes(about)))

    def on_the_trunk(self):
        """A VLAN that is routed, and one of a network with a gateway: a port that both tenants have."""
        rng, tenant = self.rng, self.tenant
        trunk = Ether(src=tenant.host_mac(5), dst="02:00:00:00:70:fe") / Dot1Q(vlan=tenant.vlan)
        dst = rng.choice(("10.2.0.11", "10.9.0.1", "10.6.0.6", "10.5.0.254", "10.77.0.1", "10.5.0.77"))
        self.at(self.moment(), "trunk", trunk / IP(src="10.5.0.5", dst=dst, ttl=rng.choice((64, 1))) / rng.choice(
            (UDP(dport=9) / b"vlan", TCP(sport=rng.randrange(1, 65536), dport=80, flags="S"), ICMP() / b"ping")))
        self.at(self.moment(), "trunk", Ether(src=tenant.host_mac(5), dst="ff:ff:ff:ff:ff:ff") / Dot1Q(vlan=tenant.vlan) / ARP(
            hwsrc=tenant.host_mac(5), psrc="10.5.0.5", pdst="10.5.0.254"))
        self.at(self.moment(), tenant.edge, self.edge(UDP(dport=9) / b"to a VLAN", dst=rng.choice(("10.5.0.5", "10.6.0.6"))))
        src, to = rng.sample(range(1, 9), 2)
        frame = bytes(self.inner(src, to))
        self.at(self.moment(), "trunk", frame[:12] + (0x81000000 + tenant.vlan + 10).to_bytes(4, "big") + frame[12:])
        to_gateway = Ether(src=tenant.host_mac(6), dst=gateway_mac(tenant.vni + 1)) / Dot1Q(vlan=tenant.vlan + 10) / IP(
            src="10.6.0.6", dst=rng.choice(("10.2.0.11", "10.9.0.2", "10.6.0.254"))) / UDP(sport=rng.randrange(1, 999), dport=53) / b"?"
        self.at(self.moment(), "trunk", to_gateway)

    def other_tunnels(self):
        rng, tenant = self.rng, self.tenant
        for index, head in ((4, GRE(proto=0x6558, key_present=1, key=(5000 + tenant.number) << 8)),
                            (5, GRE(proto=0x6558, key_present=1, key=tenant.number + 7))):
            src, to = rng.sample(range(1, 9), 2)
            self.at(self.moment(), "up0", self.underlay(index, head / self.inner(src, to, rng.choice((10, 1200)))))
        src, to = rng.sample(range(1, 9), 2)
        geneve = UDP(sport=50000, dport=6081) / Raw(bytes([0, 0, 0x65, 0x58]) + tenant.number.to_bytes(3, "big") + b"\0" +
                                                    bytes(self.inner(src, to)))
        self.at(self.moment(), "up0", Ether(src=tenant.remote_mac(6), dst=OUR_MAC) / IPv6(
            src=tenant.remote6(6), dst=OUR_IP6) / geneve)

    def datagrams(self):
        moment, port = self.moment(), self.rng.randrange(1024, 65536)
        where = self.rng.choice((("10.9.0.2", 53), ("10.9.0.5", 80), ("10.9.0.7", 80)))
        for i in range(3):
            self.at(moment + .01 * i, self.tenant.edge, self.edge(UDP(sport=port, dport=where[1]) / b"asks", dst=where[0]))

    def in_fragments(self):
        moment, ident = self.moment(), self.rng.randrange(65536)
        whole = self.edge(UDP(sport=self.rng.randrange(1024, 65536), dport=53) / Raw(self.rng.randbytes(2400)), dst=self.rng.choice(
            ("10.9.0.2", "10.2.0.11")), id=ident)
        if self.rng.random() < .3:
            whole = self.edge(ICMP() / Raw(bytes(3000)), dst="10.1.0.254", id=ident)
        for i, piece in enumerate(fragments(whole, 1200)):
            self.at(moment + .001 * i, self.tenant.edge, piece)

    def inner(self, src, dst, size=60):
        return Ether(src=self.tenant.host_mac(src), dst=self.tenant.host_mac(dst)) / IP(
            src=f"10.0.0.{src}", dst=f"10.0.0.{dst}", flags="DF") / UDP(sport=self.rng.randrange(1, 999)) / Raw(bytes(size))

    def bridged(self):
        rng = self.rng
        src, dst = rng.sample(range(1, 9), 2)
        self.at(self.moment(), self.tenant.net, self.inner(src, dst, rng.choice((10, 1400, 1500, 4000))))
        if rng.random() < .2:
            self.at(self.moment(), self.tenant.net, Ether(src=self.tenant.host_mac(src), dst="ff:ff:ff:ff:ff:ff") / ARP(pdst="10.0.0.9"))

    def underlay(self, index, payload, **ip):
        return Ether(src=self.tenant.remote_mac(index), dst=OUR_MAC) / IP(
            **{"src": self.tenant.remote(index), "dst": OUR_IP, "flags": "DF", "id": 0} | ip) / payload

    def tunnelled(self):
        rng, tenant = self.rng, self.tenant
        src, dst = rng.sample(range(1, 9), 2)
        frame = self.inner(src, dst, rng.choice((10, 1000)))
        vxlan = UDP(sport=50000, dport=4789, chksum=0) / VXLAN(flags="Instance", vni=tenant.vni) / frame
        self.at(self.moment(), "up0", self.underlay(0, vxlan))
        moment = self.moment()
        for i, piece in enumerate(fragments(self.underlay(0, vxlan, flags=0, id=rng.randrange(65536)), 400)):
            self.at(moment + .001 * i, "up0", piece)
        moment = self.moment()
        for i, piece in enumerate(stt_segments(stt_frame(self.inner(src, dst, 2500), context_id=tenant.number), 1200, 4,
                                               (tenant.remote(1), OUR_IP), (tenant.remote_mac(1), OUR_MAC),
                                               packet_id=rng.randrange(1 << 32))):
            self.at(moment + .001 * i, "up0", piece)
        packet = IP(src="10.3.0.5", dst="10.2.0.11", ttl=rng.choice((64, 64, 1))) / UDP() / b"site"
        self.at(self.moment(), "up0", self.underlay(
            2, GRE(key_present=1, key=tenant.number, seqnum_present=1, seqence_number=rng.randrange(50)) / packet))
        self.at(self.moment(), "up0", self.underlay(3, packet, proto=4))

    KINDS = ("routed", "echo", "new_host", "connection", "datagrams", "in_fragments", "bridged", "tunnelled",
             "other_services", "over_ipv6", "on_the_trunk", "other_tunnels")

    def honest(self, rounds):
        for _ in range(rounds):
            for kind in self.KINDS:
                getattr(self, kind)()
        return self

    # What only a tenant that means harm sends.
    def floods(self, count):
        rng, tenant = self.rng, self.tenant
        clients = [self.edge(TCP(sport=1, dport=80, flags="S"), dst="10.9.0.1"),
                   self.edge(UDP(sport=1, dport=53) / b"q", dst="10.9.0.2"), self.edge(UDP() / b"s", ttl=1),
                   self.edge(UDP() / b"s", dst="10.1.0.254"), self.edge(TCP(dport=81, flags="S"), dst="10.9.0.1"),
                   self.edge(UDP(dport=80) / b"q", dst="10.9.0.5"), self.edge(TCP(dport=80, flags="S"), dst="10.9.0.3")]
        clients = [bytes(one) for one in clients]
        scan, mac = bytes(self.edge(UDP() / b"scan")), bytes(self.inner(1, 2))
        piece = fragments(self.edge(UDP() / Raw(bytes(1000)), dst="10.9.0.2"), 500)[0]
        outer = fragments(self.underlay(0, UDP(dport=4789) / Raw(bytes(1000)), flags=0), 504)[0]
        stt = stt_segments(stt_frame(bytes(3000), context_id=tenant.number), 1200, 4,
                           (tenant.remote(1), OUR_IP), (tenant.remote_mac(1), OUR_MAC))[0]
        forged = bytes(Ether(src=tenant.host_mac(1), dst="ff:ff:ff:ff:ff:ff") / ARP(
            op=1, hwsrc=tenant.host_mac(1), psrc="10.2.0.9", pdst="10.2.0.254"))
        asks = bytes(Ether(src=tenant.host_mac(1), dst=tenant.back_mac) / IPv6(src="fd02::9", dst="fd02::fe", hlim=255) /
                     ICMPv6ND_NS(tgt="fd02::fe"))
        for _ in range(count):
            moment, kind = self.moment(), rng.randrange(9)
            some = rng.randbytes(4)
            if kind <= 1:
                one = bytearray(rng.choice(clients))
                one[26:30] = bytes((10, 1, rng.randrange(1, 3), some[0] % 250 + 1)) if rng.random() < .5 else bytes((10, 7)) + some[:2]
                one[34:36] = some[2:]
                self.at(moment, tenant.edge, with_checksums(one))
            elif kind == 2:
                one = bytearray(scan)
                one[32:34] = some[:2]
                self.at(moment, tenant.edge, with_checksums(one))
            elif kind == 3:
                self.at(moment, tenant.net, mac[:8] + some + mac[12:])
            elif kind == 4:
                one = bytearray(piece)
                one[18:20] = some[:2]
                self.at(moment, tenant.edge, with_checksums(one))
            elif kind == 5:
                one = bytearray(outer)
                one[18:20] = some[:2]
                self.at(moment, "up0", with_checksums(one))
            elif kind == 6:
                self.at(moment, "up0", stt_segments(
                    stt_frame(bytes(3000), context_id=tenant.number), 1200, 4, (tenant.remote(1), OUR_IP),
                    (tenant.remote_mac(1), OUR_MAC), packet_id=int.from_bytes(some, "big"))[0] if rng.random() < .2 else stt)
            elif kind == 7:
                one = bytearray(forged)
                one[8:12] = one[24:28] = some
                one[30:32] = some[:2]
                self.at(moment, tenant.back, one)
            else:
                one = bytearray(asks)
                one[8:12] = some
                self.at(moment, rng.choice((tenant.back, tenant.edge)), one)

    def mutants(self, count):
        """Of all kinds. On the common port the sender stays who it is: an underlay that forges others'
        addresses is another matter."""
        seeds = list(self.frames)
        for _ in range(count):
            _, port, frame = self.rng.choice(seeds)
            changed = mutate(self.rng, frame)
            if port == "trunk":  # the tag stays, which says whose it is
                changed = frame[:18] + mutate(self.rng, frame[18:])
            if port == "up0" and frame[12:14] == b"\x86\xdd":
                changed = frame[:54] + changed[54:]
            elif port == "up0":
                if len(changed) < 42 or changed[12:14] != frame[12:14]:
                    continue
                changed = with_checksums(bytearray(changed[:26] + frame[26:30] + changed[30:]))
            self.at(self.moment(), port, changed)


def with_checksums(frame):
    frame = bytearray(frame)
    if 5 <= frame[14] & 15 and len(frame) >= 14 + (frame[14] & 15) * 4:
        frame[24:26] = b"\0\0"
        end = 14 + (frame[14] & 15) * 4
        total = sum(int.from_bytes(frame[i:i + 2], "big") for i in range(14, end, 2))
        while total >> 16:
            total = (total & 0xFFFF) + (total >> 16)
        frame[24:26] = (~total & 0xFFFF).to_bytes(2, "big")
    if len(frame) > 41 and frame[23] == 17:
        frame[40:42] = b"\0\0"
    return bytes(frame)

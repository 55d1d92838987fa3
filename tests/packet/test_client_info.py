# SPDX-License-Identifier: Apache-2.0
"""Load balancing: backends get the client's address, by TCP option (TOA) and by the PROXY protocol,
whose header moves the client's sequence numbers."""

import ipaddress
import struct

from balance import *
from harness import SECOND, main

from scapy.layers.inet6 import ICMPv6PacketTooBig, ICMPv6TimeExceeded

CLIENT_ISN, SERVER_ISN = 1000, 0xFFFFFFF0  # the server's go over their end
FIRST, ANSWER = CLIENT_ISN + 1, (SERVER_ISN + 1) & 0xFFFFFFFF
TIMESTAMP = ("Timestamp", (7, 9))


def option(address, port):
    """Kind 254, the client's port and address."""
    return 254, struct.pack("!H", port) + ipaddress.ip_address(address).packed


def header(one):
    """PROXY protocol version 2, section 2.2, of the client's packet."""
    four = one.version == 4
    ends = b"".join(ipaddress.ip_address(ip).packed for ip in (one.src, one.dst))
    ports = struct.pack("!HH", one.sport, one.dport)
    return (b"\r\n\r\n\0\r\nQUIT\n" + bytes([0x21, 0x11 if four else 0x21]) +
            struct.pack("!H", len(ends) + 4) + ends + ports)


def before(one, out, first=FIRST):
    """The segment with the header, before the packet that goes out for the client's."""
    segment = out.copy()
    segment[TCP].remove_payload()
    segment[TCP].flags, segment[TCP].seq, segment[TCP].urgptr = "PA", first, 0
    return finished(segment / Raw(header(one)))


def finished(packet):
    """Lengths and checksums by scapy."""
    packet = packet.copy()
    packet[TCP].chksum = packet[TCP].dataofs = None
    if packet.version == 4:
        packet.len = packet.chksum = None
    else:
        packet.plen = None
    return packet


def moved(packet, by):
    packet[TCP].seq = (packet[TCP].seq + by) & 0xFFFFFFFF
    return finished(packet)


EXCEEDED = {4: ICMP(type=11), 6: ICMPv6TimeExceeded()}


class Talk:
    """A connection, seen from both its ends."""

    def __init__(self, run, version, number, sport, ours=None, name=""):
        self.run, self.version, self.sport, self.ours = run, version, sport, ours
        self.client, self.vip, self.backend = (client(version), vip(version, number),
                                               backend(version, 11))
        self.name = f"IPv{version} {name}"

    def there(self, flags, seq=FIRST, ack=ANSWER, size=0, options=(), **fields):
        one = tcp(self.version, self.client, self.vip, flags, self.sport, 80, size, seq,
                  ack if "A" in flags else 0, **fields)
        one[TCP].options = list(options)
        return one

    def out(self, one):
        src, sport = self.ours or (None, None)
        return finished(rewritten(one, src, self.backend, sport, 8080))

    def back(self, flags, seq=ANSWER, ack=FIRST, size=0, options=()):
        dst, dport = self.ours or (self.client, self.sport)
        one = tcp(self.version, self.backend, dst, flags, 8080, dport, size, seq,
                  ack if "A" in flags else 0)
        one[TCP].options = list(options)
        return one

    def at_client(self, one, ack=None, options=None):
        out = rewritten(one, self.vip, self.client, 80, self.sport)
        if ack is not None:
            out[TCP].ack = ack
        if options is not None:
            out[TCP].options = list(options)
        return finished(out)

    def sends(self, name, one, *outs, drop=None, **fields):
        self.run.case(f"{self.name}: {name}", from_client(one),
                      {"back0": [to_backend(out)["back0"] for out in outs]}, drop, ordered=True,
                      **fields)

    def answers(self, name, one, out, drop=None):
        self.run.case(f"{self.name}: {name}", from_backend(one), to_client(out) if out else {},
                      drop)

    def handshake(self, isn=CLIENT_ISN, server_isn=SERVER_ISN):
        syn = self.there("S", isn)
        self.sends("SYN", syn, self.out(syn))
        answer = self.back("SA", server_isn, isn + 1)
        self.answers("SYN and ACK", answer, self.at_client(answer))


def local(version, number):
    """Of full NAT: addresses and ports are given out one after the other."""
    return LOCAL[version], 1024 + number


def toa():
    text = "".join(service(f"web{v}", v, 80, forwarding="fullnat", client_address="toa",
                           local_addresses=f'["{LOCAL[v]}"]') for v in VERSIONS)
    run = scenario("toa", config(text, back_mtu=1400))
    for i, version in enumerate(VERSIONS):
        talk = Talk(run, version, 80, 1000, local(version, 2 * i))
        told = [option(talk.client, 1000)]
        width = 8 if version == 4 else 20
        head = (40 if version == 4 else 60) + width

        def with_option(one):
            out = talk.out(one)
            out[TCP].options = told + out[TCP].options
            return finished(out)

        early = talk.there("A")
        talk.handshake()
        for name, one in (("the end of the handshake", talk.there("A")),
                          ("data", talk.there("PA", size=100)),
                          ("data with options", talk.there("PA", FIRST + 100, size=9, options=[
                              ("NOP", None), ("NOP", None), TIMESTAMP])),
                          ("data that just fit", talk.there("PA", size=1400 - head)),
                          ("FIN", talk.there("FA"))):
            talk.sends(name, one, with_option(one))
        one = talk.there("PA", size=100, ttl=1)
        run.case(f"IPv{version}: TTL 1: what is quoted is without the option", from_client(one),
                 to_client(icmp_about(one, EXCEEDED[version])), "ttl_expired")
        full = [("NOP", None)] * (40 - width + 4)
        for name, one in (("without room in the MTU", talk.there("PA", size=1400 - head + 1)),
                          ("without room for options", talk.there("PA", size=5, options=full)),
                          ("a retransmitted SYN", talk.there("S", CLIENT_ISN)),
                          ("behind the server's first byte", talk.there("A", ack=0))):
            talk.sends(name, one, talk.out(one))
        one = talk.back("PA", size=9, ack=FIRST + 100)
        talk.answers("the server's data", one, talk.at_client(one))
        talk.sends("a reset", talk.there("RA"), talk.out(talk.there("RA")))

        talk = Talk(run, version, 80, 1001, local(version, 2 * i + 1), "unanswered")
        syn = talk.there("S", CLIENT_ISN)
        talk.sends("SYN", syn, talk.out(syn))
        early.sport = 1001
        talk.sends("what nobody has answered", early, talk.out(early))
        wrong = talk.back("SA", SERVER_ISN, ack=FIRST + 1)
        talk.answers("the answer to another SYN", wrong, talk.at_client(wrong))
        talk.sends("what nobody has answered yet", early, talk.out(early))
    run.run()


SHIFT = {4: 28, 6: 52}


def proxy_of(run, version, number, sport, ours, name):
    """The life of a connection with a header before it."""
    talk, shift = Talk(run, version, number, sport, ours, name), SHIFT[version]

    def preceded(name, one):
        out = talk.out(one)
        talk.sends(name, one, before(one, out), moved(out.copy(), shift))

    def behind(name, one):
        talk.sends(name, one, moved(talk.out(one), shift))

    talk.handshake()
    preceded("the end of the handshake, with options",
             talk.there("A", options=[("NOP", None), ("NOP", None), TIMESTAMP]))
    preceded("the first data", talk.there("PA", size=100))
    behind("the second", talk.there("PA", FIRST + 100, size=100))
    syn = talk.there("S", CLIENT_ISN)
    talk.sends("a retransmitted SYN", syn, talk.out(syn))
    again = talk.back("SA", SERVER_ISN)
    talk.answers("the answer once more", again, talk.at_client(again))
    wait = talk.back("A", options=[("NOP", None), ("NOP", None),
                                   ("SAck", (FIRST + shift + 100, FIRST + shift + 200))])
    talk.answers("the server lacks header and first data", wait, talk.at_client(
        wait, FIRST, [("NOP", None), ("NOP", None), ("SAck", (FIRST + 100, FIRST + 200))]))
    preceded("the first data again", talk.there("PA", size=100))
    for name, number, there in (("header alone", FIRST + shift, FIRST),
                                ("part of the data", FIRST + shift + 50, FIRST + 50)):
        one = talk.back("PA", ack=number, size=7)
        talk.answers(f"the server has the {name}", one, talk.at_client(one, there))
    behind("the first data once more", talk.there("PA", size=100))
    behind("a FIN, with URG", talk.there("FAU", FIRST + 200, size=1))
    bad = talk.back("A", ack=FIRST + shift)
    bad[TCP].options = [(5, bytes(7)), ("NOP", None), ("NOP", None), ("NOP", None)]
    talk.answers("options that nobody understands", bad, None, "tcp_options")
    one = talk.back("FA", ack=FIRST + shift + 201)
    talk.answers("the server's FIN", one, talk.at_client(one, FIRST + 201))
    one = talk.back("R")
    talk.answers("a reset of the server", one, talk.at_client(one))
    behind("a reset", talk.there("RA", FIRST + 201))
    talk.sends("a reset without ACK", talk.there("R", FIRST + 201),
               moved(talk.out(talk.there("R", FIRST + 201)), shift))


def early_ends(run, version, number, sport, next_local):
    """Resets before the server has the header; a SYN with data."""
    shift = SHIFT[version]
    talk = Talk(run, version, number, sport, next_local(), "reset at once")
    talk.handshake()
    one = talk.there("RA")
    talk.sends("before any header", one, talk.out(one))
    talk = Talk(run, version, number, sport + 1, next_local(), "reset soon")
    talk.handshake()
    one = talk.there("A")
    out = talk.out(one)
    talk.sends("the end of the handshake", one, before(one, out), moved(out.copy(), shift))
    one = talk.there("RA")
    out = talk.out(one)
    talk.sends("a reset comes behind the header", one, before(one, out), moved(out.copy(), shift))
    one = talk.there("R")
    talk.sends("a reset that answers a server without header", one, talk.out(one))
    talk = Talk(run, version, number, sport + 2, next_local(), "with data")
    talk.sends("SYN with data", talk.there("S", CLIENT_ISN, size=9), drop="tcp_syn_data")
    talk.handshake()
    # The port is used again before the server's FIN was seen.
    talk.sends("SYN of another connection", talk.there("S", 5000),
               talk.out(talk.there("S", 5000)))
    one = talk.back("SA", 9000, ack=5001)
    talk.answers("which the server takes", one, talk.at_client(one))
    one = talk.there("A", 5001, 9001)
    out = talk.out(one)
    segment = before(one, out)
    segment[TCP].seq = 5001
    talk.sends("begins with a header too", one, finished(segment), moved(out.copy(), shift))


def proxy():
    text = "".join(service(f"full{v}", v, 80, forwarding="fullnat", client_address="proxy",
                           local_addresses=f'["{LOCAL[v]}"]') +
                   service(f"nat{v}", v, 81, client_address="proxy") for v in VERSIONS)
    run = scenario("proxy", config(text))
    counts = {"next": 0}

    for version in VERSIONS:
        def next_local(version=version):
            counts["next"] += 1
            return local(version, counts["next"] - 1)

        proxy_of(run, version, 80, 1000, next_local(), "full NAT")
        proxy_of(run, version, 81, 1000, None, "NAT")
        early_ends(run, version, 80, 2000, next_local)
    run.run()


def errors():
    """ICMP errors about moved packets, of others and of our own."""
    text = "".join(service(f"full{v}", v, 80, forwarding="fullnat", client_address="proxy",
                           local_addresses=f'["{LOCAL[v]}"]') for v in VERSIONS)
    run = scenario("proxy, errors", config(text, back_mtu=1400))
    for i, version in enumerate(VERSIONS):
        talk, shift = Talk(run, version, 80, 1000, local(version, i)), SHIFT[version]
        too_big = ICMP(type=3, code=4, nexthopmtu=1300) if version == 4 else ICMPv6PacketTooBig(
            mtu=1300)
        router, head = backend(version, 12), 40 if version == 4 else 60
        talk.handshake()
        one = talk.there("A")
        out = talk.out(one)
        talk.sends("the end of the handshake", one, before(one, out), moved(out.copy(), shift))
        one = talk.back("A", ack=FIRST + shift)
        talk.answers("the server has it", one, talk.at_client(one, FIRST))
        one = talk.there("PA", FIRST + 10, size=400)
        out = moved(talk.out(one), shift)
        talk.sends("data", one, out)
        for quoted in (head - 12, None):
            kind = {"flags": 0} if version == 4 else {}
            error = ip(version, router, talk.ours[0], **kind) / too_big / Raw(bytes(out)[:quoted])
            there = ip(version, talk.vip, talk.client, **kind) / too_big / Raw(
                bytes(hop(one))[:quoted])
            talk.answers(f"too big, with {quoted} bytes of it", error, hop(there))
        one = talk.there("PA", FIRST + 10, size=1400 - head + 1)
        mtu = ICMP(type=3, code=4, nexthopmtu=1400) if version == 4 else ICMPv6PacketTooBig(
            mtu=1400)
        run.case(f"IPv{version}: too long for the way out", from_client(one),
                 to_client(icmp_about(one, mtu)), "mtu_exceeded")
        one = talk.there("PA", FIRST + 10, size=10, ttl=1)
        run.case(f"IPv{version}: TTL 1", from_client(one), to_client(icmp_about(one, EXCEEDED[version])),
                 "ttl_expired")
    run.run()


def errors_about_options():
    """A router's "too big" about a packet with TOA: what the client is told leaves room for it, as long
    as its packets carry it."""
    text = "".join(service(f"full{v}", v, 80, forwarding="fullnat", client_address="toa",
                           local_addresses=f'["{LOCAL[v]}"]') for v in VERSIONS)
    run = scenario("toa, errors", config(text))
    for i, version in enumerate(VERSIONS):
        talk, width = Talk(run, version, 80, 1000, local(version, i)), 8 if version == 4 else 20
        router, head = backend(version, 12), 40 if version == 4 else 60

        def too_big(mtu, version=version):
            return ICMP(type=3, code=4, nexthopmtu=mtu) if version == 4 else ICMPv6PacketTooBig(mtu=mtu)

        def told(name, about, mtu, at_client, quoted, back=None, talk=talk, router=router, version=version):
            """`quoted`: bytes of the packet; `back`: of the client's, without the option."""
            kind = {"flags": 0} if version == 4 else {}
            error = ip(version, router, talk.ours[0], **kind) / too_big(mtu) / Raw(
                bytes(about)[:quoted])
            there = ip(version, talk.vip, talk.client, **kind) / too_big(at_client) / Raw(
                bytes(finished(rewritten_home(about, talk)))[:back or quoted])
            talk.answers(name, error, hop(there))

        def rewritten_home(about, talk=talk):
            about = about.copy()
            about[TCP].options = []
            about.src, about.dst = talk.client, talk.vip
            about[TCP].sport, about[TCP].dport = talk.sport, 80
            return about

        talk.handshake()
        one = talk.there("PA", size=1460 - head)
        out = talk.out(one)
        out[TCP].options = [option(talk.client, 1000)]
        out = finished(out)
        talk.sends("data", one, out)
        told("too big, with the option", out, 1400, 1400 - width, head + width, head)
        told("too big, with data", out, 1400, 1400 - width, head + width + 301, head + 301)
        # Less than what a sender believes, or that is no length, stays.
        least = 70 if version == 4 else 1290
        told("too big, nearly nothing", out, least, least, head + width, head)
        talk.answers("the server has it", talk.back("PA", size=9, ack=FIRST + 1460 - head),
                     talk.at_client(talk.back("PA", size=9, ack=FIRST + 1460 - head)))
        one = talk.there("PA", FIRST + 1460 - head, ANSWER + 9, size=1460 - head)
        talk.sends("more", one, talk.out(one))
        told("too big, without", talk.out(one), 1400, 1400, head)
    run.run()


class Resets(Talk):
    """A connection whose resets are judged: `kind` is "toa", or "proxy" with its shift."""

    def __init__(self, run, version, number, sport, ours, kind):
        super().__init__(run, version, number, sport, ours, f"{kind} {number} {sport}")
        self.shift = SHIFT[version] if kind == "proxy" else 0

    def by_client(self, flags, seq, ack=ANSWER + 40, size=0, **fields):
        """As it is once both ends have acknowledged something."""
        one = self.there(flags, seq % 2**32, ack % 2**32, size)
        out = [] if "drop" in fields else [moved(self.out(one), self.shift)]
        self.sends(f"client {flags} {seq}", one, *out, **fields)

    def by_server(self, flags, seq, ack=FIRST, size=0):
        one = self.back(flags, seq % 2**32, ack + self.shift, size)
        self.answers(f"server {flags} {seq}", one, self.at_client(
            one, ack if "A" in flags else None))

    def begins(self, first=FIRST, ack=ANSWER):
        """The end of the handshake."""
        one = self.there("A", first, ack)
        out = self.out(one)
        if self.shift:
            self.sends("begins", one, before(one, out, first), moved(out.copy(), self.shift))
            return
        out[TCP].options = [option(self.client, self.sport)]
        self.sends("begins", one, finished(out))

    def open(self):
        self.handshake()
        self.begins()
        return self

    def busy(self):
        """Of the client's 100 bytes the server has acknowledged none yet, of the server's 100 the
        client 40."""
        self.open()
        self.by_server("PA", ANSWER, size=40)
        self.by_client("PA", FIRST, size=100)
        self.by_server("PA", ANSWER + 40, size=60)
        return self

    def goes_on(self, **fields):
        self.by_client("PA", FIRST + 100, size=1, wait_ns=15 * SECOND, **fields)

    def is_over(self):
        self.goes_on(drop="connection_unknown")


def resets_of(version, connect):
    """Of a connection on which both ends have sent."""
    for seq in (FIRST + 99, FIRST + 50, FIRST + 101, FIRST - 1, FIRST + SHIFT[version],
                FIRST + 100 + SHIFT[version], FIRST - 5000, 777777777, FIRST + 2**31):
        talk = connect().busy()
        talk.by_client("R", seq)
        talk.by_client("RA", seq)
        talk.goes_on()
    for seq in (99, 41, 39, 101, 0, -1, 40 - SHIFT[version], 100 - SHIFT[version], -5000, 2**31):
        talk = connect().busy()
        talk.by_server("R", ANSWER + seq)
        talk.by_server("RA", ANSWER + seq)
        talk.goes_on()
    for flags in ("R", "RA"):
        for seq in (FIRST + 100, FIRST):
            talk = connect().busy()
            talk.by_client(flags, seq)
            talk.is_over()
        for seq in (ANSWER + 100, ANSWER + 40):
            talk = connect().busy()
            talk.by_server(flags, seq)
            talk.is_over()
    # What is acknowledged moves on.
    talk = connect().busy()
    talk.by_server("A", ANSWER + 100, FIRST + 60)
    talk.by_client("R", FIRST)
    talk.by_client("A", FIRST + 100, ANSWER + 90)
    talk.by_server("R", ANSWER + 40, FIRST + 60)
    talk.goes_on()
    talk.by_client("R", FIRST + 60)
    talk.is_over()
    # A FIN of somebody else, to a client that only receives.
    talk = connect().busy()
    talk.by_client("FA", FIRST + 150)
    for i in range(5):
        talk.by_server("PA", ANSWER + 100 + 10 * i, FIRST + 100, size=10)
        talk.by_client("A", FIRST + 100, ANSWER + 110 + 10 * i)
    talk.by_client("A", FIRST + 100, ANSWER + 150, wait_ns=300 * SECOND)


def early_resets(version, connect):
    """Where one end has acknowledged no more than a SYN."""
    def plain(talk, flags, seq, **fields):
        one = talk.there(flags, seq)
        talk.sends(f"{flags} {seq}", one, *([] if fields else [talk.out(one)]), **fields)

    over = {"drop": "connection_unknown", "wait_ns": 15 * SECOND}
    for seq, is_over in ((FIRST, True), (FIRST - 16, False), (FIRST + SHIFT[version], False)):
        talk = connect()
        talk.handshake()
        plain(talk, "R", seq)
        if is_over:
            plain(talk, "A", FIRST, **over)
        else:
            talk.begins()
    # The server may have the header or not.
    talk = connect().open()
    plain(talk, "R", FIRST)
    plain(talk, "A", FIRST, **over)
    for seq in (FIRST - 16, FIRST + SHIFT[version]):
        talk = connect().open()
        talk.by_client("R", seq)
        talk.begins()
    talk = connect().open()
    talk.by_server("R", ANSWER)
    plain(talk, "A", FIRST, **over)
    for seq in (ANSWER - 16, ANSWER - SHIFT[version], ANSWER + 1):
        talk = connect().open()
        talk.by_server("R", seq)
        talk.begins()


def ports_again(version, connect):
    """The same ports again: nothing of the former connection is left."""
    over = {"drop": "connection_unknown", "wait_ns": 15 * SECOND}
    for isn in (5000, 3000000000):
        talk = connect().busy()
        talk.by_client("FA", FIRST + 100)
        syn = talk.there("S", isn)
        talk.sends("SYN again", syn, talk.out(syn))
        refusal = talk.back("RA", 0, isn + 1)
        talk.answers("is refused", refusal, talk.at_client(refusal))
        talk = connect().busy()
        talk.by_client("FA", FIRST + 100)
        talk.handshake(isn, 700000000)
        talk.begins(isn + 1, 700000001)
        talk.by_client("R", FIRST + 101)
        talk.by_server("R", ANSWER + 100)
        talk.begins(isn + 1, 700000001)
    # The server has forgotten what the client's SYN is within.
    talk = connect().busy()
    talk.handshake(3000000000, 700000000)
    talk.begins(3000000001, 700000001)
    talk.by_server("R", ANSWER + 100)
    talk.by_client("R", FIRST + 100)
    talk.begins(3000000001, 700000001)
    talk.by_server("R", 700000001)
    talk.by_client("A", 3000000001, 700000001, **over)


def resets():
    """RFC 5961 section 3.2: resets are believed at the very number, as the client knows it."""
    local_text = {v: f'["{LOCAL[v]}"]' for v in VERSIONS}
    text = "".join(service(f"toa{v}", v, 80, forwarding="fullnat", client_address="toa",
                           local_addresses=local_text[v]) +
                   service(f"full{v}", v, 81, forwarding="fullnat", client_address="proxy",
                           local_addresses=local_text[v]) +
                   service(f"nat{v}", v, 82, client_address="proxy") for v in VERSIONS)
    for judge in (resets_of, early_resets, ports_again):
        run = scenario(f"resets, {judge.__name__}", config(text))
        counts = {"sport": 1000, "local": 0}
        for version in VERSIONS:
            for number, kind in ((80, "toa"), (81, "proxy"), (82, "proxy")):
                def connect(version=version, number=number, kind=kind):
                    counts["sport"] += 1
                    ours = None
                    if number != 82:
                        ours = local(version, counts["local"])
                        counts["local"] += 1
                    return Resets(run, version, number, counts["sport"], ours, kind)
                judge(version, connect)
        run.run()


if __name__ == "__main__":
    main(toa, proxy, errors, errors_about_options, resets)

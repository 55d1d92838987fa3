# SPDX-License-Identifier: Apache-2.0
"""Load balancing: backends get the client's address, by TCP option (TOA) and by the PROXY protocol,
whose header moves the client's sequence numbers; so do ICMP errors about such packets."""

from balance import *
from client_info import *
from harness import main
from routed_frames import EXCEEDED

from scapy.layers.inet6 import ICMPv6PacketTooBig

TIMESTAMP = ("Timestamp", (7, 9))


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


main(toa, proxy, errors, errors_about_options)

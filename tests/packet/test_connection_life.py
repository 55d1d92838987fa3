# SPDX-License-Identifier: Apache-2.0
"""Connections begin and end right: forged resets and ends, those that go on, ports that are used
again, and what backends say of connections that were forgotten."""

from balance import *
from harness import SECOND, main

from scapy.layers.sctp import (SCTPChunkAbort, SCTPChunkCookieAck, SCTPChunkCookieEcho,
                               SCTPChunkData, SCTPChunkInit, SCTPChunkInitAck, SCTPChunkShutdown,
                               SCTPChunkShutdownAck, SCTPChunkShutdownComplete)

BACK = {"nat": 8080, "direct": 80}


class Talk:
    """A client and a service; with `nat` the backend answers through the gateway."""

    def __init__(self, run, version, number, forwarding, sport):
        self.run, self.version, self.number, self.sport = run, version, number, sport
        self.nat = forwarding == "nat"

    def client(self, flags, seq, ack=None, size=0, drop=None, **fields):
        ack = (5001 if "A" in flags else 0) if ack is None else ack
        one = tcp(self.version, client(self.version), vip(self.version, self.number), flags,
                  self.sport, 80, size, seq, ack)
        there = rewritten(one, dst=backend(self.version, 11), dport=8080) if self.nat else hop(one)
        self.run.case(f"IPv{self.version} {self.sport}: client {flags} {seq}", from_client(one),
                      {} if drop else to_backend(there), drop, **fields)

    def backend(self, flags, seq, ack=1001, size=0, drop=None, **fields):
        if not self.nat:
            return
        one = tcp(self.version, backend(self.version, 11), client(self.version), flags, 8080,
                  self.sport, size, seq, ack)
        there = rewritten(one, src=vip(self.version, self.number), sport=80)
        self.run.case(f"IPv{self.version} {self.sport}: backend {flags} {seq}", from_backend(one),
                      {} if drop else to_client(there), drop, **fields)

    def open(self):
        self.client("S", 1000)
        self.backend("SA", 5000)
        self.client("A", 1001)
        return self


def services(extra=""):
    return "".join(service(f"{name}{v}", v, number, forwarding=name, unmatched="drop",
                           backend_port=8080 if name == "nat" else None)
                   for v in VERSIONS for name, number in (("nat", 80), ("direct", 81))) + extra


def forged_resets():
    """A RST whose number fits nothing ends nothing; one that fits does, unless both ends go on."""
    run = scenario("resets", config(services()))
    for version in VERSIONS:
        for way, number in (("nat", 80), ("direct", 81)):
            sport = 1000
            for seq in (777777777, 2**31 + 1001, 1001 + 5000, 1001 - 100000):
                sport += 1
                talk = Talk(run, version, number, way, sport).open()
                talk.client("PA", 1001, size=1)
                talk.client("R", seq % 2**32, 0)
                talk.client("PA", 1002, size=1, wait_ns=15 * SECOND)
            # The number is wrong, the flags are others.
            talk = Talk(run, version, number, way, 1101).open()
            talk.client("RA", 2**31)
            talk.client("FA", 2**31)
            talk.client("PA", 1001, size=1, wait_ns=100 * SECOND)
            # The very number: it is over after `close_s`.
            talk = Talk(run, version, number, way, 1102).open()
            talk.client("PA", 1001, size=10)
            talk.client("R", 1011, 0)
            talk.client("PA", 1011, size=1, wait_ns=15 * SECOND, drop="connection_unknown")
            # The very number, and yet both go on.
            talk = Talk(run, version, number, way, 1103).open()
            talk.client("R", 1001, 0)
            talk.backend("PA", 5001, size=10)
            talk.client("PA", 1001, 5011, size=1, wait_ns=5 * SECOND)
            talk.backend("PA", 5011, 1002, size=1, wait_ns=100 * SECOND)
            talk.client("PA", 1002, 5012, size=1, wait_ns=100 * SECOND)
            # The end of a client that sends on.
            talk = Talk(run, version, number, way, 1104).open()
            talk.client("FA", 1001)
            talk.client("PA", 1500, size=10)
            talk.client("PA", 1510, size=10, wait_ns=300 * SECOND)
        talk = Talk(run, version, 80, "nat", 1201).open()
        talk.backend("R", 888888888, 0)
        talk.backend("RA", 2**31)
        talk.client("PA", 1001, size=1, wait_ns=15 * SECOND)
        talk.backend("RA", 5001, 1002)
        talk.backend("PA", 5001, 1002, size=1, wait_ns=15 * SECOND, drop="connection_unknown")
        # A client that only receives, and shows that it does.
        talk = Talk(run, version, 80, "nat", 1202).open()
        talk.client("R", 1001, 0)
        talk.backend("PA", 5001, size=10)
        talk.client("A", 1001, 5011)
        talk.backend("PA", 5011, size=10, wait_ns=60 * SECOND)
        # What was under way when the client broke off does not open it again.
        talk = Talk(run, version, 80, "nat", 1203).open()
        talk.client("R", 1001, 0)
        talk.backend("PA", 5001, size=10)
        talk.backend("PA", 5011, size=10, wait_ns=15 * SECOND, drop="connection_unknown")
        # Refused.
        talk = Talk(run, version, 80, "nat", 1204)
        talk.client("S", 1000)
        talk.backend("RA", 0, 77)
        talk.backend("SA", 5000)
        talk.client("A", 1001)
        talk = Talk(run, version, 80, "nat", 1205)
        talk.client("S", 1000)
        talk.backend("RA", 0, 1001)
        talk.client("A", 1001, wait_ns=15 * SECOND, drop="connection_unknown")
    run.run()


def resets_by_number():
    """Both halves seen: a RST ends what its number is expected of, in front of what was sent or where
    the other end has acknowledged; any other is passed on."""
    run = scenario("numbers", config(services()))
    for version in VERSIONS:
        def sending(sport):
            """A backend that has sent 40 kB, of which the client acknowledged 1 kB."""
            talk = Talk(run, version, 80, "nat", sport).open()
            for i in range(40):
                talk.backend("PA", 5001 + 1000 * i, size=1000)
            talk.client("A", 1001, 6001)
            return talk

        over = {"wait_ns": 15 * SECOND, "drop": "connection_unknown"}
        for sport, seq in ((1001, 45001), (1002, 6001)):
            talk = sending(sport)
            talk.backend("R", seq, 0)
            talk.client("A", 1001, 6001, **over)
        for sport, seq in ((1003, 6002), (1004, 45000), (1005, 44001), (1006, 50000)):
            talk = sending(sport)
            talk.backend("RA", seq)
            talk.client("A", 1001, 6001, wait_ns=15 * SECOND)
        # What is sent again, or comes late, moves nothing.
        talk = sending(1007)
        talk.backend("PA", 5001, size=1000)
        talk.client("A", 1001, 5001)
        talk.backend("R", 45001, 0)
        talk.client("A", 1001, 6001, **over)
        # The client's, within the window and at its number.
        talk = Talk(run, version, 80, "nat", 1008).open()
        talk.client("PA", 1001, size=1000)
        talk.client("PA", 2001, size=1000)
        talk.client("R", 1001 + 1000, 0)
        talk.client("R", 1001 + 10000, 0)
        talk.client("A", 3001, wait_ns=15 * SECOND)
        talk.client("R", 3001, 0)
        talk.client("A", 3001, **over)
        # A backend that has forgotten the connection answers the client's with a challenge of its
        # own, or takes it for a new one.
        talk = Talk(run, version, 80, "nat", 1009).open()
        talk.client("S", 3000000000)
        talk.backend("A", 5001, 1001)
        talk.client("R", 1001, 0)
        talk.client("A", 1001, **over)
        talk = Talk(run, version, 80, "nat", 1010).open()
        talk.client("S", 3000000000)
        talk.backend("SA", 700000000, 3000000001)
        talk.client("A", 3000000001, 700000001)
        talk.backend("R", 5001, 0)
        talk.client("A", 3000000001, 700000001, wait_ns=15 * SECOND)
        talk.backend("R", 700000001, 0)
        talk.client("A", 3000000001, 700000001, **over)
    run.run()


def former_connections():
    """What a backend says of a connection whose port is used again."""
    run = scenario("former", config(services()))
    new = 3000000000
    for version in VERSIONS:
        def half_closed(sport):
            talk = Talk(run, version, 80, "nat", sport).open()
            talk.client("FA", 1001)
            talk.client("S", new)
            return talk

        over = {"drop": "connection_unknown"}
        talk = half_closed(1001)
        talk.backend("FA", 5001, 1002)
        talk.backend("R", 5001, 0)
        talk.backend("SA", 700000000, new + 1)
        talk.client("A", new + 1, 700000001)
        talk.client("PA", new + 1, 700000001, size=1, wait_ns=300 * SECOND)
        talk.backend("R", 700000001, 0)
        talk.client("A", new + 2, 700000001, wait_ns=15 * SECOND, **over)
        # A challenge of its own is no answer to the SYN.
        talk = half_closed(1002)
        talk.backend("A", 5001, 1002)
        talk.client("A", new + 1, 1, wait_ns=70 * SECOND, **over)
        # The answer to a SYN that was given up.
        talk = Talk(run, version, 80, "nat", 1003)
        talk.client("S", 1000)
        talk.client("R", 1001, 0)
        talk.backend("SA", 5000)
        talk.client("A", 1001, wait_ns=15 * SECOND, **over)
        talk = Talk(run, version, 80, "nat", 1004).open()
        talk.client("FA", 1001)
        talk.backend("FA", 5001, 1002)
        talk.backend("SA", 5000)
        talk.client("SA", 1000)
        talk.client("A", 1002, 5002)
        talk.client("A", 1002, 5002, wait_ns=130 * SECOND, **over)
    run.run()


def forged_ends():
    """A FIN of somebody else: out of the window it ends nothing; within, the connection goes on."""
    run = scenario("ends", config(services()))
    for version in VERSIONS:
        for sport, seq, ack in ((1001, 1001 + 70000, 5001), (1002, 1001 - 70000, 5001),
                                (1003, 1001, 5001 + 2**31)):
            talk = Talk(run, version, 80, "nat", sport).open()
            talk.client("FA", seq % 2**32, ack)
            talk.client("A", 1001, wait_ns=100 * SECOND)
        # A client that only receives.
        talk = Talk(run, version, 80, "nat", 1004).open()
        talk.client("FA", 1001 + 500)
        for i in range(5):
            talk.backend("PA", 5001 + 100 * i, size=100)
            talk.client("A", 1001, 5101 + 100 * i)
        talk.client("A", 1001, 5501, wait_ns=300 * SECOND)
        talk.backend("R", 5501, 0)
        talk.client("A", 1001, 5501, wait_ns=15 * SECOND, drop="connection_unknown")
        # The end was true: what is late does not open it again, nor does what is sent again.
        talk = Talk(run, version, 80, "nat", 1005).open()
        talk.backend("PA", 5001, size=100)
        talk.backend("PA", 5101, size=100)
        talk.client("PA", 1001, size=100)
        talk.client("FA", 1101)
        talk.client("A", 1101, 5101)
        talk.client("A", 1101, 5201)
        for _ in range(5):
            talk.client("PA", 1001, 5201, size=100)
            talk.client("A", 1102, 5201)
        talk.client("A", 1102, 5201, wait_ns=70 * SECOND, drop="connection_unknown")
    run.run()


def ports_used_again():
    """The client's half alone: a SYN within an open connection, of a new one or of nobody."""
    run = scenario("again", config(services()))
    new = 3000000000
    for version in VERSIONS:
        def talk(sport):
            return Talk(run, version, 81, "direct", sport).open()

        def begin_again(sport, first=new):
            again = talk(sport)
            again.client("S", first)
            again.client("A", first + 1, 77)
            return again

        over = {"drop": "connection_unknown"}
        for sport, first in ((1001, new), (1002, 500), (1003, 2000)):
            one = begin_again(sport, first)
            one.client("PA", first + 1, 77, size=10)
            one.client("R", first + 11, 0)
            one.client("A", first + 11, 78, wait_ns=15 * SECOND, **over)
        one = begin_again(1004)
        one.client("PA", new + 1, 77, size=10)
        one.client("FA", new + 11, 77)
        one.client("A", new + 12, 78, wait_ns=130 * SECOND, **over)
        # The SYN alone is nobody's word.
        one = talk(1005)
        one.client("S", new)
        one.client("R", new + 1, 0)
        one.client("A", 1001, wait_ns=150 * SECOND)
        one.client("R", 1001, 0)
        one.client("A", 1001, wait_ns=15 * SECOND, **over)
        # Somebody who goes on with it, while the client is silent.
        one = begin_again(1006)
        one.client("R", new + 1, 0)
        one.client("A", 1001, wait_ns=60 * SECOND)
        one.client("A", 1001, wait_ns=300 * SECOND)
        one = begin_again(1007)
        one.client("PA", new + 1, 77, size=10)
        one.client("R", new + 11, 0)
        one.client("A", 1001, wait_ns=5 * SECOND)
        one.client("R", 1001, 0, wait_ns=300 * SECOND)
        one.client("A", 1001, wait_ns=15 * SECOND, **over)
        # Much was lost before it came here.
        one = talk(1008)
        one.client("PA", 1001 + 3000000, size=10)
        one.client("PA", 1001 + 3000010, size=10)
        one.client("PA", 1001 + 3000020, size=10)
        one.client("R", 1001 + 3000030, 0)
        one.client("A", 1001 + 3000030, wait_ns=15 * SECOND, **over)
    run.run()


def associations():
    """SCTP: what ends an association carries its tag, or that of the other end where it is an
    answer; one that restarts has new tags."""
    text = "".join(service(f"sig{v}{name}", v, number, protocol="sctp", forwarding=name,
                           backend_port=8080 if name == "nat" else None)
                   for v in VERSIONS for name, number in (("nat", 80), ("direct", 81)))
    run = scenario("associations", config(text))
    data = SCTPChunkData(data=b"data")

    class Association:
        def __init__(self, version, sport, nat=True):
            self.version, self.sport, self.nat = version, sport, nat

        def client(self, chunk, tag, drop=None, **fields):
            v = self.version
            one = ip(v, client(v), vip(v, 80 if self.nat else 81)) / SCTP(
                sport=self.sport, dport=80, tag=tag) / chunk
            there = rewritten(one, dst=backend(v, 11), dport=8080) if self.nat else hop(one)
            run.case(f"IPv{v} {self.sport}: client {chunk.name} {tag}", from_client(one),
                     {} if drop else to_backend(there), drop, **fields)

        def backend(self, chunk, tag, **fields):
            if not self.nat:
                return
            v = self.version
            one = ip(v, backend(v, 11), client(v)) / SCTP(sport=8080, dport=self.sport,
                                                          tag=tag) / chunk
            run.case(f"IPv{v} {self.sport}: backend {chunk.name} {tag}", from_backend(one),
                     to_client(rewritten(one, src=vip(v, 80), sport=80)), **fields)

        def open(self, mine=0x11, theirs=0x22):
            self.client(SCTPChunkInit(init_tag=mine), 0)
            self.backend(SCTPChunkInitAck(init_tag=theirs), mine)
            self.client(SCTPChunkCookieEcho(cookie=b"cookie00"), theirs)
            self.backend(SCTPChunkCookieAck(), mine)
            self.client(data, theirs)
            return self

        def stays(self, tag=0x22):
            self.client(data, tag, wait_ns=70 * SECOND)

        def is_over(self, tag=0x22):
            self.client(data, tag, wait_ns=70 * SECOND, drop="connection_unknown")

    abort = SCTPChunkAbort()
    for version in VERSIONS:
        for nat in (True, False):
            first = 1000 if nat else 2000
            one = Association(version, first + 1, nat).open()
            for chunk in (abort, SCTPChunkShutdown(), SCTPChunkShutdownAck(),
                          SCTPChunkShutdownComplete()):
                one.client(chunk, 0x99)
                one.backend(chunk, 0x99)
            one.stays()
            one.client(abort, 0x22)
            one.is_over()
            one = Association(version, first + 2, nat).open()
            one.client(SCTPChunkInit(init_tag=0x98), 0)
            one.client(abort, 0x98)
            one.client(SCTPChunkCookieEcho(cookie=b"forgery0"), 0x99)
            one.client(abort, 0x99)
            one.stays()
            one.client(abort, 0x22)
            one.is_over()
            # It restarts.
            one = Association(version, first + 3, nat).open().open(0x33, 0x44)
            one.client(abort, 0x22)
            one.stays(0x44)
            one.client(abort, 0x44)
            one.is_over(0x44)
        for sport, tag in ((1004, 0x11), (1005, 0x22)):
            one = Association(version, sport).open()
            one.backend(data, 0x11)
            one.backend(abort, tag)
            one.is_over()
        one = Association(version, 1006).open()
        one.client(SCTPChunkShutdown(), 0x22)
        one.backend(SCTPChunkShutdownAck(), 0x11)
        one.client(SCTPChunkShutdownComplete(), 0x22)
        one.is_over()
    run.run()


def handshake_of_somebody_else():
    """An ACK that does not know the backend's number opens nothing: the connection ends as a
    half-open one."""
    run = scenario("handshake", config(services(), "timeouts: {syn_recv_s: 10}"))
    for version in VERSIONS:
        talk = Talk(run, version, 80, "nat", 1000)
        talk.client("S", 1000)
        talk.backend("SA", 5000)
        talk.client("A", 1001, 2**31)
        talk.client("A", 1001, wait_ns=15 * SECOND, drop="connection_unknown")
    run.run()


def forgotten_replies():
    """What comes from a backend's port without a connection does not reach a client; what the
    backend begins does, and what it says to those who speak to its own address."""
    run = scenario("forgotten", config(services(
        "".join(service(f"dns{v}", v, 82, 53, protocol="udp", backend_port=None) +
                service(f"range{v}", v, 83, 2000, last_port=2010, backend_port=None) +
                service(f"full{v}", v, 84, backends=(12,), backend_port=8443, forwarding="fullnat",
                        local_addresses=f'["{LOCAL[v]}"]')
                for v in VERSIONS)), "timeouts: {udp_s: 3}"))
    for version in VERSIONS:
        c, b = client(version), backend(version, 11)

        def reply(title, one, drop=None):
            run.case(f"IPv{version}: {title}", from_backend(one),
                     {} if drop else to_client(hop(one)), drop)

        def direct(title, one):
            run.case(f"IPv{version}: {title}", from_client(one), to_backend(hop(one)))

        for flags in ("A", "PA", "SA", "FA", "R", "RA"):
            reply(f"{flags} from the service's port", tcp(version, b, c, flags, 8080, 1000),
                  "connection_unknown")
        reply("from a port of a range", tcp(version, b, c, "A", 2010, 1000), "connection_unknown")
        reply("from another port", tcp(version, b, c, "A", 2011, 1000))
        reply("from another host", tcp(version, backend(version, 12), c, "A", 8080, 1000))
        # Full NAT's replies are addressed to us: this one is nobody's.
        for flags in ("SA", "PA", "RA"):
            one = tcp(version, backend(version, 12), c, flags, 8443, 1000)
            run.case(f"IPv{version}: {flags} from a port of full NAT", from_backend(one, 12),
                     to_client(hop(one)))
        # To the backend's own address.
        direct("a client without the service", tcp(version, c, b, "S", 1001, 8080))
        for flags in ("SA", "PA", "FA"):
            reply(f"is answered, {flags}", tcp(version, b, c, flags, 8080, 1001))
        reply("it alone", tcp(version, b, c, "SA", 8080, 1002), "connection_unknown")
        # The backend begins.
        reply("begins", tcp(version, b, c, "S", 8080, 1003))
        direct("is answered", tcp(version, c, b, "SA", 1003, 8080))
        reply("goes on", tcp(version, b, c, "PA", 8080, 1003))
        # A backend that has the virtual address itself may answer through here.
        reply("with the virtual address", tcp(version, vip(version, 81), c, "SA", 80, 1000))
        run.case(f"IPv{version}: one of nat may not", from_backend(
            tcp(version, vip(version, 80), c, "SA", 80, 1000)), {}, "ip_source")
        # UDP: only where there was a connection.
        reply("UDP from the service's port", udp(version, b, c, 53, 1004))
        ask = udp(version, c, vip(version, 82), 1005, 53)
        answer = udp(version, b, c, 53, 1005)
        served = rewritten(ask, dst=b)
        run.case(f"IPv{version}: asks", from_client(ask), to_backend(served))
        run.case(f"IPv{version}: is answered", from_backend(answer),
                 to_client(rewritten(answer, src=vip(version, 82))))
        run.case(f"IPv{version}: late", from_backend(answer), {}, "connection_unknown",
                 wait_ns=8 * SECOND)
        reply("to another port", udp(version, b, c, 53, 1006))
        direct("asks the backend itself", udp(version, c, b, 1005, 53))
        reply("is answered by it", answer)
    run.run()


if __name__ == "__main__":
    main(forged_resets, resets_by_number, former_connections,
         forged_ends, ports_used_again, associations,
         handshake_of_somebody_else, forgotten_replies)

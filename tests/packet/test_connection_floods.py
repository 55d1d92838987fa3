# SPDX-License-Identifier: Apache-2.0
"""Floods of first packets: they replace each other, and neither what is established nor what
another tenant has. The same at full rate, with figures: tests/fuzz/connection-floods."""

from balance import *
from harness import MS, SECOND, main

PLACES = {"blue": ("edge0", EDGE_MAC, "back0", BACK_MAC),
          "red": ("red0", RED_MAC, "red1", RED_BACK_MAC)}
FLOOD = 2500  # of a table for 1024
BASE = {"tcp": 80, "udp": 82, "sctp": 84}


def to_service(vrf, one, drop=None):
    """The packet at the way in of its tenant, and what its backend gets."""
    edge, edge_mac, back, back_mac = PLACES[vrf]
    return ((edge, frame(one, CLIENT_MAC, edge_mac)),
            (back, frame(rewritten(one, dst=backend(one.version, 11)), back_mac, backend_mac(11))))


def first_packet(kind, version, number, sport):
    source = client(version, 1 + sport % 3)
    if kind == "tcp":
        return tcp(version, source, vip(version, number), "S", sport)
    if kind == "udp":
        return udp(version, source, vip(version, number), sport)
    return sctp(version, source, vip(version, number), INIT, sport)


INIT, COOKIE = b"\x01\0\0\x14" + bytes(16), b"\x0a\0\0\x08" + bytes(4)
INIT_ACK, COOKIE_ACK, DATA = b"\x02\0\0\x14" + bytes(16), b"\x0b\0\0\x04", b"\0\x03\0\x14" + bytes(16)


class Flow:
    """An honest client of the service."""

    def __init__(self, run, vrf, kind, version, sport):
        self.run, self.vrf, self.kind, self.version, self.sport = run, vrf, kind, version, sport
        self.number = BASE[kind]
        self.title = f"{vrf} {kind} IPv{version} {sport}"

    def packet(self, what, answers):
        ends = ((backend(self.version, 11), client(self.version)) if answers else
                (client(self.version), vip(self.version, self.number)))
        ports = (80, self.sport) if answers else (self.sport, 80)
        if self.kind == "tcp":
            return tcp(self.version, *ends, what, *ports, seq=5000 if answers else 1000,
                       ack=(1001 if answers else 5001) if "A" in what else 0)
        if self.kind == "udp":
            return udp(self.version, *ends, *ports)
        return sctp(self.version, *ends, what, *ports)

    def asks(self, what, **fields):
        sent, got = to_service(self.vrf, self.packet(what, False))
        self.run.case(f"{self.title} {what}", sent, {got[0]: got[1]}, **fields)

    def is_answered(self, what):
        edge, edge_mac, back, back_mac = PLACES[self.vrf]
        one = self.packet(what, True)
        there = rewritten(one, src=vip(self.version, self.number))
        self.run.case(f"{self.title} answer {what}", (back, frame(one, backend_mac(11), back_mac)),
                      {edge: frame(there, edge_mac, CLIENT_MAC)})

    def begin(self):
        self.asks({"tcp": "S", "udp": "", "sctp": INIT}[self.kind])
        return self

    def establish(self):
        if self.kind == "sctp":
            self.is_answered(INIT_ACK)
            self.asks(COOKIE)
            self.is_answered(COOKIE_ACK)
        else:
            self.is_answered("SA")
            self.asks("A")
        return self

    def goes_on(self, **fields):
        what = DATA if self.kind == "sctp" else "A"
        self.is_answered(what)
        self.asks(what, **fields)


def first_packets(vrf, kind, version, sports):
    """As of to_service(), of a client after the other: by scapy only for the first of each, and the last."""
    def made(sport):
        return to_service(vrf, first_packet(kind, version, BASE[kind], sport))

    firsts = {sport % 3: made(sport) for sport in sports[:3]}
    ones = [tuple((port, with_source_port(whole, sport)) for port, whole in firsts[sport % 3]) for sport in sports]
    assert ones[-1] == made(sports[-1]), "what a port changes is not only that"
    return ones


def flood(run, vrf, kind, version, count=FLOOD):
    ones = first_packets(vrf, kind, version, range(2000, 2000 + count))
    run.case(f"{count} of {kind} in {vrf}", [sent for sent, _ in ones],
             {ones[0][1][0]: [got for _, (_, got) in ones]}, last_ns=20 * MS)


def text(balancer="connections: 1024"):
    return config("".join(service(f"{vrf}-{kind}{v}", v, number, vrf=vrf, protocol=kind,
                                  backend_port=None)
                          for vrf in PLACES for kind, number in BASE.items() for v in VERSIONS),
                  balancer)


def young_give_way():
    for kind in BASE:
        for version in VERSIONS:
            run = scenario(f"flood of {kind}, IPv{version}", text())
            old = [Flow(run, vrf, other, version, 100).begin().establish()
                   for vrf in PLACES for other in BASE]
            begun = [Flow(run, "blue", other, version, 200).begin() for other in BASE]
            flood(run, "red", kind, version)
            for flow in begun:  # those of another tenant were not in the way
                flow.establish().goes_on()
            for flow in old:
                flow.goes_on()
            for vrf in PLACES:
                for other in BASE:
                    Flow(run, vrf, other, version, 300).begin().establish().goes_on()
            flood(run, "red", kind, version)
            for flow in old:
                flow.goes_on()
            run.run()


def shares():
    """What is established is not replaced; a tenant has its part of the table and no more."""
    run = scenario("shares", text())
    count = 1000
    sent, got = to_service("red", udp(4, client(4), vip(4, BASE["udp"]), 2000))
    answer = udp(4, backend(4, 11), client(4), 80, 2000)
    answers = frame(answer, backend_mac(11), RED_BACK_MAC), frame(
        rewritten(answer, src=vip(4, BASE["udp"])), RED_MAC, CLIENT_MAC)

    def of(port):
        """What the client sends and the backend gets; what that sends and the client gets."""
        return ((sent[0], with_source_port(sent[1], port)), (got[0], with_source_port(got[1], port)),
                *(frames.with_word(one, 36, port, 40) for one in answers))

    # 8/9 of 1024 and no more, when each is established.
    most = 911
    for i in range(count):
        there, arrives, back, comes = of(2000 + i)
        if i >= most:
            run.case(f"{i}: no more", there, {}, "connections_share")
            continue
        run.case(f"{i}", [there, ("red1", back), there],
                 {arrives[0]: [arrives[1]] * 2, "red0": comes}, wait_ns=1000)
    for i in (0, 1, most - 1):
        there, arrives, _, _ = of(2000 + i)
        run.case(f"{i} goes on", there, {arrives[0]: arrives[1]})
    for kind in BASE:
        Flow(run, "blue", kind, 4, 300).begin().establish().goes_on()
    run.run()


def limits():
    """Fixed numbers, of a service and of a VRF."""
    body = config(service("some", 4, 82, protocol="udp", backend_port=None, forwarding="direct",
                          limits="{connections: 3}") +
                  service("more", 4, 83, protocol="udp", backend_port=None, forwarding="direct"),
                  ).replace("  blue:\n", "  blue:\n    connections: 5\n", 1)

    run = scenario("limits", body)

    def packets(number, sports, drop=None):
        for sport in sports:
            one = udp(4, client(4), vip(4, number), sport)
            run.case(f"{number} {sport}", from_client(one), {} if drop else to_backend(hop(one)),
                     drop)

    packets(82, [1, 1, 2, 2])
    packets(82, [3, 4, 5])   # young: one place for all
    packets(82, [5])         # established
    packets(82, [6], "connections_share")
    packets(83, [1, 1, 2, 2])
    packets(83, [3], "connections_share")
    packets(82, [1, 2, 5])
    packets(83, [1, 2])
    run.run()


def persistent():
    """Clients that persistence remembers: those of a flood are forgotten for others."""
    body = config("".join(
        service(f"{vrf}-dns", 4, 82, vrf=vrf, protocol="udp", backend_port=None, persistence="{}")
        for vrf in PLACES), "templates: 1024")
    run = scenario("persistent", body)
    old = [Flow(run, vrf, "udp", 4, 100).begin().establish() for vrf in PLACES]
    ones = [to_service("red", udp(4, f"10.200.{i // 250}.{i % 250 + 1}", vip(4, 82)))
            for i in range(2000)]
    run.case("2000 clients in red", [sent for sent, _ in ones],
             {"red1": [got for _, (_, got) in ones]}, last_ns=20 * MS)
    for flow in old:
        flow.goes_on()
    for vrf in PLACES:
        Flow(run, vrf, "udp", 4, 300).begin().establish().goes_on()
    for number in (2, 3):
        sent, got = to_service("blue", udp(4, client(4, number), vip(4, 82)))
        run.case(f"client {number} in blue", sent, {got[0]: got[1]})
    run.run()


def first_come():
    """`when_full: refuse`."""
    run = scenario("refuse", text("connections: 1024, when_full: refuse"))
    flood(run, "red", "udp", 4, 1024)
    sent, _ = to_service("blue", first_packet("udp", 4, BASE["udp"], 1))
    run.case("no room", sent, {}, "connections_full")
    run.run()


if __name__ == "__main__":
    main(young_give_way, shares, limits, persistent, first_come)

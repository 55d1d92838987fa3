# SPDX-License-Identifier: Apache-2.0
"""Load balancing: which resets end a connection whose backend gets the client's address, by the numbers
that its ends know."""

from balance import *
from client_info import *
from harness import SECOND, main


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


main(resets)

# SPDX-License-Identifier: Apache-2.0
"""The express lane of established connections: what it takes, what it leaves to the pipeline, and that
packets of a flow leave in their order. That both ways give the same bytes, the harness compares in each
test with services."""

from balance import *
from harness import MS, START_NS, accounting_problems, main, run_replay, tap

class Talk:
    """One connection of one forwarding method, with the packets of both ends."""

    def __init__(self, version, how, protocol):
        self.version, self.how, self.protocol = version, how, protocol
        self.keys = {"forwarding": how}
        self.port = None if how in ("direct", "tunnel") else 8080
        if how == "fullnat":
            self.keys["local_addresses"] = f'["{LOCAL[version]}"]'
        if protocol == "udp":
            self.keys["protocol"] = "udp"

    def config(self):
        return config(service("s", self.version, 80, backend_port=self.port, **self.keys))

    def comes_back(self):
        return self.how in ("nat", "fullnat")

    def from_client(self, flags="A", seq=1001, size=0, **fields):
        c, v = client(self.version), vip(self.version, 80)
        if self.protocol == "udp":
            return from_client(udp(self.version, c, v, size=size, **fields))
        return from_client(tcp(self.version, c, v, flags, seq=seq, ack=5001 if "A" in flags else 0, size=size,
                               **fields))

    def from_backend(self, flags="A", seq=5001, size=0):
        b = backend(self.version, 11)
        to, port = (LOCAL[self.version], 1024) if self.how == "fullnat" else (client(self.version), 1000)
        if self.protocol == "udp":
            return from_backend(udp(self.version, b, to, 8080, port, size=size))
        return from_backend(tcp(self.version, b, to, flags, 8080, port, seq=seq, ack=1001, size=size))

    def begin(self):
        if self.protocol == "udp":
            yield self.from_client(size=1)
            if self.comes_back():
                yield self.from_backend(size=1)
            yield self.from_client(size=2)
            return
        yield self.from_client("S", 1000)
        if self.comes_back():
            yield self.from_backend("SA", 5000)
        yield self.from_client("A")


def replay(text, bursts, arguments=()):
    """`bursts`: lists of (port, frame) that come at one time."""
    inputs = {}
    for number, burst in enumerate(bursts):
        for port, frame in burst:
            inputs.setdefault(port, []).append((START_NS + number * MS, bytes(frame)))
    run = run_replay(text, inputs, PORTS, ("--burst", "32", *arguments))
    return run, accounting_problems(run)


def talks():
    for version in VERSIONS:
        for how in ("nat", "fullnat", "direct", "tunnel"):
            for protocol in ("tcp", "udp"):
                yield Talk(version, how, protocol)


def takes_plain_ones():
    for talk in talks():
        begin = [[one] for one in talk.begin()]
        plain = [[talk.from_client(size=10), talk.from_client(seq=1011, size=20)]]
        if talk.comes_back():
            plain.append([talk.from_backend(size=700)])
        count = sum(len(burst) for burst in plain)
        handed_over = set()
        # Full NAT chooses the local port by the worker.
        for workers in (1,) if talk.how == "fullnat" else (1, 2, 3, 5):
            run, problems = replay(talk.config(), begin + plain, ("--workers", str(workers)))
            if run.report["worker"]["express"] != count:
                problems.append(f"{run.report['worker']['express']} took the lane, not {count}")
            handed_over.add(run.report["worker"]["handed_over"])
            tap.result(f"{talk.how} of {talk.protocol} over IPv{talk.version}, {workers} workers: plain packets "
                       "take the lane", problems)
        if talk.how != "fullnat" and len(handed_over) < 2:
            tap.result(f"{talk.how} of {talk.protocol} over IPv{talk.version}: packets are handed over",
                       [f"the same number, {handed_over}, with any number of workers"])


def leaves_others():
    talk = Talk(4, "nat", "tcp")
    c, v = client(4), vip(4, 80)
    ack = {"flags": "A", "seq": 1001, "ack": 5001}
    others = {
        "a SYN": talk.from_client("S", 1000),
        "a RST": talk.from_client("RA"),
        "a FIN": talk.from_client("FA"),
        "no ACK": talk.from_client("P"),
        "a sequence number far away": talk.from_client(seq=0x70000000, size=4),
        "a TTL of 1": from_client(tcp(4, c, v, ttl=1, **ack)),
        "options": from_client(IP(src=c, dst=v, options=b"\1\1\1\1") / TCP(sport=1000, dport=80, **ack)),
        "a fragment": from_client(IP(src=c, dst=v, frag=0, flags="MF") / TCP(sport=1000, dport=80, **ack) / Raw(bytes(12))),
        "a wrong header checksum": from_client(IP(src=c, dst=v, chksum=1) / TCP(sport=1000, dport=80, **ack)),
        "a TCP header that is too long": from_client(IP(src=c, dst=v) / TCP(sport=1000, dport=80, dataofs=15, **ack)),
        "a length beyond the frame": from_client(IP(src=c, dst=v, len=200) / TCP(sport=1000, dport=80, **ack)),
        "a length within TCP's header": from_client(IP(src=c, dst=v, len=38) / TCP(sport=1000, dport=80, **ack)),
        "the service's address as source": from_client(tcp(4, v, v, **ack)),
        "another port": from_client(tcp(4, c, v, sport=1001, **ack)),
        "another MAC": ("edge0", bytes.fromhex("020000000099") + bytes(talk.from_client()[1])[6:]),
        "ICMP": from_client(IP(src=c, dst=v) / ICMP()),
    }
    for name, other in others.items():
        run, problems = replay(talk.config(), [[one] for one in talk.begin()] + [[other]])
        if run.report["worker"]["express"] != 0:
            problems.append("it took the lane")
        tap.result(f"{name} is left to the pipeline", problems)


def tenants():
    """The same packet in another tenant's VRF is of no connection there."""
    talk = Talk(4, "nat", "tcp")
    run, problems = replay(talk.config(), [[one] for one in talk.begin()] + [
        [("red0", bytes.fromhex(RED_MAC.replace(":", "")) + bytes(talk.from_client(size=9)[1])[6:])]])
    if run.report["worker"]["express"] != 0:
        problems.append("it took the lane")
    tap.result("a packet of another VRF with the same addresses does not take the lane", problems)


def keeps_order():
    """A segment that the pipeline takes stays before those that come behind it, also where another worker
    has the connection."""
    for talk, workers in ((Talk(v, how, "tcp"), workers) for v in VERSIONS for how in ("nat", "direct", "tunnel")
                          for workers in (1, 2, 3, 4)):
        v = vip(talk.version, 80)
        begin = [[one] for one in talk.begin()]
        burst = []
        for number in range(24):
            seq = 1001 + 10 * number
            burst.append(talk.from_client("PA", seq, size=10) if number % 5 != 3 else
                         talk.from_client("A", 0x70000000 + number, size=10))
            burst.append(from_client(tcp(talk.version, client(talk.version, 2), v, "S", 3000 + number)))
        run, problems = replay(talk.config(), begin + [burst[:32], burst[32:]], ("--workers", str(workers)))
        sent = [frame for time, frame in run.outputs["back0"] if time >= START_NS + len(begin) * MS]
        numbers = [int.from_bytes(segment(frame)[4:8], "big") for frame in sent if segment(frame)[:2] == b"\3\xe8"]
        wanted = [1001 + 10 * n if n % 5 != 3 else 0x70000000 + n for n in range(24)]
        if numbers != wanted:
            problems.append(f"numbers were {numbers}, not {wanted}")
        if run.report["worker"]["express"] == 0:
            problems.append("none took the lane")
        tap.result(f"{talk.how} over IPv{talk.version}, {workers} workers: a flow keeps its order in a burst", problems)


def segment(frame):
    """From the innermost TCP header on."""
    at = 14
    while True:
        version = frame[at] >> 4
        protocol = frame[at + 9] if version == 4 else frame[at + 6]
        at += 20 if version == 4 else 40
        if protocol not in (4, 41):
            return frame[at:]


def ends_between_plain_ones():
    """An end goes by the pipeline, and what comes behind it as well, whichever worker has the connection."""
    for version in VERSIONS:
        talk = Talk(version, "nat", "tcp")
        wanted = [1001 + 10 * number for number in range(12)]
        burst = [talk.from_client("FA" if number == 5 else "PA", seq, size=10) for number, seq in enumerate(wanted)]
        for workers in (1, 2, 3, 4):
            run, problems = replay(talk.config(), [[one] for one in talk.begin()] + [burst], ("--workers", str(workers)))
            seen = [int.from_bytes(segment(frame)[4:8], "big") for time, frame in run.outputs["back0"]
                    if time >= START_NS + 3 * MS]
            if seen != wanted:
                problems.append(f"numbers were {seen}, not {wanted}")
            if run.report["worker"]["express"] != 5:
                problems.append(f"{run.report['worker']['express']} took the lane, not the 5 before the end")
            tap.result(f"IPv{version}, {workers} workers: an end between plain packets", problems)


def no_next_hop():
    """What waits for a next hop, and what comes behind it, leave in their order."""
    text = config(service("s", 4, 80, backends=(77,)))
    talk = Talk(4, "nat", "tcp")
    run, problems = replay(text, [[talk.from_client("S", 1000)], [talk.from_client(size=4)]])
    if run.report["worker"]["express"] != 0:
        problems.append("it took the lane")
    tap.result("a backend whose MAC is unknown: the pipeline holds the packets", problems)


def not_worth_it():
    """A port whose packets are of no connections is not looked at for a while."""
    talk = Talk(4, "nat", "tcp")
    transit = [from_client(udp(4, client(4), backend(4, 12), size=20))] * 32
    plain = [[talk.from_client(size=10)]]
    begin = [[one] for one in talk.begin()]
    for vain, count in ((7, 1), (8, 0), (8 + 256, 1)):
        run, problems = replay(talk.config(), begin + [transit] * vain + plain)
        if run.report["worker"]["express"] != count:
            problems.append(f"{run.report['worker']['express']} took the lane, not {count}")
        tap.result(f"a plain packet behind {32 * vain} others: {count} takes the lane", problems)


if __name__ == "__main__":
    main(takes_plain_ones, leaves_others, tenants, keeps_order, ends_between_plain_ones, no_next_hop, not_worth_it)

# SPDX-License-Identifier: Apache-2.0
"""Load balancing: packets of connections with bytes that are wrong, from both sides, where more than
addresses and ports changes. Each has to be sent or dropped once, with a buffer that comes back, and
what is sent has to have right lengths. The same packets each time."""

import random

from balance import *
from harness import START_NS, accounting_problems, main, run_replay, tap

from scapy.layers.inet6 import ICMPv6PacketTooBig

PACKETS = 12000


def talks():
    """(service, version, port of the service, version of the backend, keys)"""
    for version in VERSIONS:
        for other in VERSIONS:
            for how in ("none", "toa", "proxy"):
                yield f"{how}{version}to{other}", version, 100 + len(how) + 10 * other, other, how


def services():
    return "".join(
        service(name, version, 80, port, forwarding="fullnat", client_address=how,
                backends=[backend(other, 11)], local_addresses=f'["{LOCAL[other]}"]')
        for name, version, port, other, how in talks())


def handshakes():
    """All connections, opened: (what the client sends, what the backend does)."""
    for number, (_, version, port, other, _) in enumerate(talks()):
        sides = ((client(version), vip(version, 80), 1000, port),
                 (backend(other, 11), LOCAL[other], 8080, 1024 + number))
        for flags, way in (("S", 0), ("SA", 1), ("A", 0), ("A", 1)):
            src, dst, sport, dport = sides[way]
            one = tcp((version, other)[way], src, dst, flags, sport, dport,
                      seq=1000 if "S" in flags else 1001, ack=1001)
            yield one, way


def seeds(rng):
    for one, way in handshakes():
        yield one, way
        for size in (1, 200, 1300):
            more = one.copy()
            more[TCP].flags = rng.choice(("A", "PA", "SA"))  # mutation ends enough
            more[TCP].seq = rng.choice((1001, 1029, 1053, rng.getrandbits(32)))
            more[TCP].options = rng.choice((
                [], [("NOP", None)] * 36,
                [("NOP", None)] * 2 + [("SAck", (1100, 1200, rng.getrandbits(32), 5))],
                [("NOP", None)] + [("SAck", (1029, 1053))]))
            yield more / Raw(pattern(size)), way
        # About what came to that side, from there.
        back = one.copy()
        back.src, back.dst = one.dst, one.src
        back[TCP].sport, back[TCP].dport = one.dport, one.sport
        kind = ICMP(type=3, code=4, nexthopmtu=1300) if one.version == 4 else ICMPv6PacketTooBig(
            mtu=1300)
        yield ip(one.version, one.src, one.dst) / kind / Raw(bytes(back)), way


def mutated(rng, packet):
    """Anything may be wrong, but for the IP header's checksum, which would be the end of it."""
    data = bytearray(bytes(packet))
    for _ in range(rng.choice((0, 1, 1, 2, 5))):
        at = rng.randrange(len(data) if rng.random() < 0.5 else min(len(data), 80))
        data[at] = rng.choice((0, 1, 5, 0xFF, data[at] ^ 1 << rng.randrange(8)))
    if rng.random() < 0.1:
        del data[rng.randrange(20, len(data) + 1):]
    if data[0] >> 4 == 4 and len(data) >= 20:
        head = IP(bytes(data[:20]))
        head.chksum = None
        data[:20] = bytes(head)[:20]
    return bytes(data)


def length_problems(frames):
    problems = []
    for one in frames:
        four = one[12:14] == b"\x08\x00"
        if not four and one[12:14] != b"\x86\xdd":
            continue
        told = int.from_bytes(one[16:18], "big") if four else 40 + int.from_bytes(one[18:20], "big")
        if told != len(one) - 14:
            problems.append(f"{len(one) - 14} bytes, said to be {told}: {one.hex()}")
    return problems[:3]


def wrong_bytes():
    rng = random.Random(7)
    inputs = {"edge0": [], "back0": []}
    now = START_NS

    def put(data, way, four):
        nonlocal now
        now += 10_000
        ends = ((CLIENT_MAC, EDGE_MAC), (backend_mac(11), BACK_MAC))[way]
        kind = 0x0800 if four else 0x86DD
        inputs[("edge0", "back0")[way]].append(
            (now, bytes(Ether(src=ends[0], dst=ends[1], type=kind)) + data))

    for one, way in handshakes():
        put(bytes(one), way, one.version == 4)
    pool = [(bytes(one), one, way) for one, way in seeds(rng)]
    for _ in range(PACKETS):
        _, one, way = rng.choice(pool)
        put(mutated(rng, one), way, one.version == 4)
    result = run_replay(config(services(), back_mtu=1400), inputs, ["edge0", "back0"])
    tap.result("wrong bytes: every packet is accounted for", accounting_problems(result))
    sent = [one for port in ("edge0", "back0") for _, one in result.outputs[port]]
    tap.check("wrong bytes: many are sent, many dropped",
              len(sent) > PACKETS // 4 and result.report["worker"]["dropped"] > PACKETS // 10,
              f"{len(sent)} sent: {result.report['worker']}")
    tap.result("wrong bytes: what is sent is as long as it says", length_problems(sent))


if __name__ == "__main__":
    main(wrong_bytes)

# SPDX-License-Identifier: Apache-2.0
"""Thousands of mutated frames, the same in every run: none is lost without a name, none harms
the next, and whatever leaves is well-formed."""

import random

from frames import *
from harness import MS, START_NS, accounting_problems, main, run_replay, tap

SEED = 20250114
COUNT = 6000
CONFIG = UPLINK + """
  red0: {device: tap:red0}
  trunk: {device: tap:trunk0}
""" + NEIGHBOURS + """
networks:
  red:
    vni: 100
    members: [{port: red0}, {port: trunk, vlan: 10}]
    remotes: [{address: 192.0.2.2}, {address: 192.0.2.3}]
  blue:
    vni: 200
    carry_vlans: true
    members: [{port: trunk, vlan: 20}]
    remotes: [{address: 192.0.2.2}]
"""
PORTS = ["uplink", "red0", "trunk"]
HOSTS = [host(7, n) for n in range(1, 9)]


def inner(rng):
    src, dst = rng.sample(HOSTS, 2)
    if rng.random() < 0.1:
        dst = BROADCAST
    kind = rng.randrange(5)
    size = rng.choice((0, 1, 20, 100, 1400))
    if kind == 0:
        return udp6(src, dst, size=size, tc=rng.randrange(256))
    if kind == 1:
        return bytes(Ether(src=src, dst=dst) / ARP(pdst="10.0.0.2"))
    if kind == 2:
        return tagged(udp(src, dst, size=size), rng.randrange(4096))
    return udp(src, dst, size=size, tos=rng.randrange(256))


def seeds(rng):
    """Good frames of every kind, by port."""
    found = []
    for _ in range(120):
        vni = rng.choice((100, 200))
        options = {}
        if rng.random() < 0.2:
            options = {"ip": {"options": b"\x01" * 4 * rng.randrange(1, 11)}}
        found.append(("uplink", arriving(inner(rng), vni, rng.choice((2, 3)),
                                         chksum=rng.choice((0, None)), tos=rng.randrange(4),
                                         **options)))
        found.append(("red0", inner(rng)))
        found.append(("trunk", tagged(inner(rng), rng.choice((10, 20)))))
    for target in (OUR_IP, "192.0.2.77"):
        found.append(("uplink", arp_request(remote_mac(9), remote_ip(9), target)))
    found.append(("uplink", arp_reply(remote_mac(9), remote_ip(9))))
    for size in (0, 9, 64, 1400):
        found.append(("uplink", echo(8, remote_mac(9), OUR_MAC, remote_ip(9), OUR_IP, bytes(size))))
    return found


def mutate(rng, frame):
    data = bytearray(frame)
    for _ in range(rng.choice((0, 1, 1, 1, 2, 3, 8))):
        way = rng.randrange(7)
        # The headers are the interesting part.
        at = rng.randrange(min(len(data), 80) if rng.random() < 0.8 else len(data)) if data else 0
        if way == 0 and data:
            data[at] ^= 1 << rng.randrange(8)
        elif way == 1 and data:
            data[at] = rng.choice((0, 1, 4, 5, 0x45, 0x7F, 0x80, 0xFE, 0xFF, rng.randrange(256)))
        elif way == 2 and len(data) > at + 1:
            value = rng.choice((0, 1, 0x8000, 0xFFFF, rng.randrange(65536)))
            data[at:at + 2] = value.to_bytes(2, "big")
        elif way == 3:
            del data[at:]
        elif way == 4:
            data += rng.randbytes(rng.randrange(1, 64))
        elif way == 5:
            del data[at:at + rng.randrange(1, 8)]
        elif way == 6:
            data[at:at] = rng.randbytes(rng.randrange(1, 8))
    frame = bytes(data)
    # Often enough the checksum is right, so that what lies behind is reached.
    if rng.random() < 0.7 and len(frame) >= 34 and frame[12:14] == b"\x08\x00":
        if 5 <= frame[14] & 15 <= (len(frame) - 14) // 4:
            if rng.random() < 0.5:
                frame = patched(frame, 16, (len(frame) - 14).to_bytes(2, "big"))
            frame = with_ip_sum(frame)
    return frame


def corpus():
    rng = random.Random(SEED)
    good = seeds(rng)
    return [(port, mutate(rng, frame)) for port, frame in
            (rng.choice(good) for _ in range(COUNT))]


def outer_problems(frame):
    """What is wrong with a frame that adit built or answered; for those with IPv4 outside."""
    if frame[12:14] != b"\x08\x00":
        return []
    header = frame[14:14 + (frame[14] & 15) * 4]
    if len(header) < 20 or ipv4_sum(header) != 0:
        return ["IP header checksum"]
    if int.from_bytes(header[2:4], "big") != len(frame) - 14:
        return ["IP total length"]
    if header[9] == 17:
        udp_length = int.from_bytes(frame[38:40], "big")
        if udp_length != len(frame) - 34 or not 49152 <= source_port(frame) <= 65535:
            return ["UDP header"]
    return []


def one_by_one():
    frames = corpus()
    inputs = {port: [] for port in PORTS}
    caused = {}
    for index, (port, frame) in enumerate(frames):
        time = START_NS + index * MS
        inputs[port].append((time, frame))
        caused[time] = (port, len(inputs[port]))
    run = run_replay(CONFIG, inputs, PORTS)
    tap.result(f"{COUNT} mutated frames, one by one: accounted for in sum",
               accounting_problems(run))

    outcome = {}
    for drop in run.report["drops"]:
        outcome.setdefault((drop["port"], drop["packet"]), []).append(drop["reason"])
    for packets in run.outputs.values():
        for time, _ in packets:
            if time in caused:
                outcome.setdefault(caused[time], []).append("sent")
    silent = [packet for packet in caused.values() if packet not in outcome]
    # Consumed are ARP replies and announcements; every other packet is sent or has a name.
    tap.check("each of them is sent or dropped by name, or taken in as ARP",
              len(silent) == run.report["worker"]["consumed"] and
              all(port == "uplink" and inputs[port][number - 1][1][12:14] == b"\x08\x06"
                  for port, number in silent),
              f"{len(silent)} without outcome, {run.report['worker']['consumed']} consumed")
    twice = [packet for packet, results in outcome.items()
             if len(results) > 1 and any(r != "sent" for r in results) and
             results.count("sent") == 0 and len(set(results)) > 1]
    tap.check("none is dropped under two names", not twice, str(twice[:5]))
    wrong = [(time, problem) for time, frame in run.outputs["uplink"]
             for problem in outer_problems(frame)]
    tap.check("what leaves by the uplink is well-formed", not wrong, str(wrong[:5]))
    reasons = {reason for results in outcome.values() for reason in results}
    tap.check("the frames reach deep: at least 20 outcomes", len(reasons) >= 20, str(reasons))
    print("# outcomes:", ", ".join(sorted(reasons)))


def in_bursts():
    """The same frames, 64 at a time: what happens to one does not depend on its neighbours."""
    # Learning acts between bursts, and ICMP errors have a rate; without them the outcome of
    # each frame is its own.
    alone = "\n    learning: false\n    too_big: drop"
    config = CONFIG.replace("    vni: 200", f"    vni: 200{alone}").replace(
        "    vni: 100", f"    vni: 100{alone}\n    static_macs:\n" + "".join(
            f"      - {{mac: '{mac}', {place}}}\n" for mac, place in
            zip(HOSTS, ("port: red0", "port: trunk, vlan: 10", "remote: 192.0.2.2",
                        "remote: 192.0.2.3"))))
    inputs = {port: [] for port in PORTS}
    for index, (port, frame) in enumerate(corpus()):
        inputs[port].append((START_NS + index // 64 * MS, frame))
    single = run_replay(config, inputs, PORTS)
    results = {}
    for burst in ("2", "7", "64"):
        results[burst] = run_replay(config, inputs, PORTS, ["--burst", burst])
        tap.result(f"bursts of {burst}: accounted for in sum", accounting_problems(results[burst]))

    def drops(run):
        return sorted((d["port"], d["packet"], d["reason"]) for d in run.report["drops"])

    def sent(run):
        return {port: sorted(packets) for port, packets in run.outputs.items()}

    for burst, run in results.items():
        tap.check(f"bursts of {burst}: each packet is dropped or not as it is alone",
                  drops(run) == drops(single))
        tap.check(f"bursts of {burst}: the same frames leave", sent(run) == sent(single))


if __name__ == "__main__":
    main(one_by_one, in_bursts)

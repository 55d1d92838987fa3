# SPDX-License-Identifier: Apache-2.0
"""A configuration, packets and expectations for the express lane of routed packets."""

import collections

from harness import MS, START_NS, accounting_problems, run_replay, tap
from tunnels import OUR_MAC, OURS, address, mac

from scapy.layers.inet import IP, UDP
from scapy.layers.inet6 import IPv6
from scapy.layers.l2 import GRE, Ether
from scapy.packet import Raw

PORTS = ["uplink", "blue0", "blue1", "red0"]
MACS = {"blue0": "02:00:00:00:00:b1", "blue1": "02:00:00:00:00:b2", "red0": "02:00:00:00:00:c1"}
HOST = {4: "10.1.0.1", 6: "fd01::1"}
OTHER = {4: "10.4.0.1", 6: "fd04::1"}
HOST_MAC, OTHER_MAC, ROUTER_MAC = "02:00:00:00:0b:01", "02:00:00:00:0b:04", "02:00:00:00:0b:07"
RED_HOST_MAC = "02:00:00:00:0c:01"
AWAY = {4: "10.3.0.9", 6: "fd03::9"}  # behind the router
KINDS = {"ipip": ("kind: ipip", None), "gre": ("kind: gre-ip", {}), "gre-key": ("kind: gre-ip, id: 7", {"key": 7})}
# By kind and underlay: the number of the tunnel's other end.
ENDS = {(kind, family): 16 + 2 * i + (family == 6) for i, kind in enumerate(KINDS) for family in (4, 6)}


def behind(version, number):
    """A host behind the tunnel to that end."""
    return f"10.2.{number}.9" if version == 4 else f"fd02:{number:x}::9"


def config(extra="", vrf="", red="", mtu=1500, services=""):
    neighbours = "".join(f'  - {{address: "{address(family, n)}", mac: "{mac(n)}"}}\n'
                         for (_, family), n in ENDS.items())
    tunnels = "".join(f'      t{n}: {{address: "{address(family, n)}", {KINDS[kind][0]}{extra}}}\n'
                      for (kind, family), n in ENDS.items())
    routes = "".join(f'      - {{to: 10.2.{n}.0/24, tunnel: t{n}}}\n      - {{to: "fd02:{n:x}::/32", tunnel: t{n}}}\n'
                     for n in ENDS.values())
    return f"""
ports:
  uplink: {{device: tap:up0, mtu_bytes: {mtu}, mac: "{OUR_MAC}", addresses: [192.0.2.1/24, "2001:db8::1/64"]}}
  blue0: {{device: tap:blue0, mac: "{MACS['blue0']}", mtu_bytes: 1500, addresses: [10.1.0.254/24, "fd01::fe/64"]}}
  blue1: {{device: tap:blue1, mac: "{MACS['blue1']}", mtu_bytes: 1400, addresses: [10.4.0.254/24, "fd04::fe/64"]}}
  red0: {{device: tap:red0, mac: "{MACS['red0']}", addresses: [10.1.0.254/24, 10.4.0.254/24]}}
neighbours:
{neighbours}  - {{address: 192.0.2.40, mac: "{mac(40)}"}}
vrfs:
  blue:
    ports: [blue0, blue1]
    tunnels:
{tunnels}    routes:
{routes}      - {{to: 10.3.0.0/16, via: 10.4.0.7}}
      - {{to: "fd03::/16", via: "fd04::7"}}
      - {{to: 10.5.0.0/16, via: 10.4.0.77}}
    neighbours:
      - {{address: {HOST[4]}, mac: "{HOST_MAC}"}}
      - {{address: "{HOST[6]}", mac: "{HOST_MAC}"}}
      - {{address: {OTHER[4]}, mac: "{OTHER_MAC}"}}
      - {{address: "{OTHER[6]}", mac: "{OTHER_MAC}"}}
      - {{address: 10.4.0.7, mac: "{ROUTER_MAC}"}}
      - {{address: "fd04::7", mac: "{ROUTER_MAC}"}}
{vrf}
  red:
    ports: [red0]
    tunnels: {{only: {{kind: ipip, address: 192.0.2.40}}}}
    routes: [{{to: 10.2.0.0/16, tunnel: only}}]
    neighbours: [{{address: 10.4.0.1, mac: "{RED_HOST_MAC}"}}, {{address: 10.1.0.1, mac: "{RED_HOST_MAC}"}}]
{red}{services}"""


def packet(version, src, dst, size=64, ttl=64, tos=0, sport=1000, **ip):
    """An IP packet with UDP of `size` bytes in all."""
    if version == 4:
        head = IP(src=src, dst=dst, ttl=ttl, tos=tos, **({"flags": "DF"} | ip))
        return head / UDP(sport=sport, dport=2000) / Raw(bytes(size - 28))
    return IPv6(src=src, dst=dst, hlim=ttl, tc=tos) / UDP(sport=sport, dport=2000) / Raw(bytes(size - 48))


def hop(inner, **fields):
    """The packet one hop further."""
    inner = (IP if inner.version == 4 else IPv6)(bytes(inner))
    if inner.version == 4:
        inner.ttl -= 1
        del inner.chksum
    else:
        inner.hlim -= 1
    for name, value in fields.items():
        setattr(inner, name, value)
    return inner


def frame(inner, port="blue0", src=HOST_MAC, dst=None):
    """As a host sends it."""
    kind = 0x0800 if bytes(inner)[0] >> 4 == 4 else 0x86DD
    return bytes(Ether(src=src, dst=dst or MACS[port], type=kind)) + bytes(inner)


def delivered(inner, port, dst):
    return frame(inner, src=MACS[port], dst=dst)


def wrapped(kind, family, inner, ends, macs, tos=0, ttl=64, label=0, key=None, **outer):
    version, fields = bytes(inner)[0] >> 4, KINDS[kind][1]
    if family == 4:
        ip = IP(**{"src": ends[0], "dst": ends[1], "tos": tos, "ttl": ttl, "flags": "DF", "id": 0} | outer)
    else:
        ip = IPv6(**{"src": ends[0], "dst": ends[1], "tc": tos, "hlim": ttl, "fl": label} | outer)
    ip.proto = ip.nh = (4 if version == 4 else 41) if fields is None else 47
    head = b"" if fields is None else bytes(GRE(proto=0x0800 if version == 4 else 0x86DD,
                                                **({"key_present": 1} | fields if fields else {})))
    return bytes(Ether(src=macs[0], dst=macs[1]) / ip / Raw(head + bytes(inner)))


def arriving(kind, family, inner, number=None, **fields):
    number = number or ENDS[kind, family]
    return wrapped(kind, family, inner, (address(family, number), OURS[family]), (mac(number), OUR_MAC), **fields)


def leaving(kind, family, inner, number=None, **fields):
    """Whether a frame is the wrapped packet; over IPv6 the label is adit's choice."""
    number = number or ENDS[kind, family]

    def is_right(got):
        label = int.from_bytes(got[14:18], "big") & 0xFFFFF if family == 6 else 0
        return got == wrapped(kind, family, inner, (OURS[family], address(family, number)), (OUR_MAC, mac(number)),
                              label=label, **fields)
    return is_right


def replay(text, *bursts):
    """`bursts`: lists of (port, frame) that come at one time."""
    inputs = {}
    for number, burst in enumerate(bursts):
        for port, one in burst:
            inputs.setdefault(port, []).append((START_NS + (number + 1) * 10 * MS, bytes(one)))
    run = run_replay(text, inputs, PORTS, ("--burst", "32"))
    return run, accounting_problems(run)


def sent_by(run, port, begin=START_NS + 10 * MS, end=float("inf")):
    """Without what adit says of its own."""
    return [one for time, one in run.outputs[port]
            if begin <= time < end and one[12:14] != b"\x08\x06" and one[20] != 58]


CASES = {}  # by configuration, and whether their packets are taken


def expect(name, text, burst, count, out=None, drop=None):
    """`count`: how many take the lane, all or none. `out`: port -> frames, or what says whether a frame
    is the right one; where it is given, all of them. `drop`: of each; "": none."""
    assert count in (0, len(burst))
    CASES.setdefault((text, count != 0), []).append((name, burst, out or {}, drop))


def run_cases():
    """Those of one configuration that are taken in one go, and those that are left in another."""
    for (text, taken), cases in CASES.items():
        run, problems = replay(text, *(burst for _, burst, _, _ in cases))
        packets = sum(len(burst) for _, burst, _, _ in cases)
        took, wanted = run.report["worker"]["express"], packets if taken else 0
        if took != wanted:
            problems.append(f"{took} of {packets} took the lane, not {wanted}")
            problems += [f"wrong: {name}" for name, burst, _, _ in cases
                         if replay(text, burst)[0].report["worker"]["express"] != (len(burst) if taken else 0)]
        tap.result(f"{len(cases)} cases from {cases[0][0]!r} on: {wanted} packets take the lane", problems)
        numbers = collections.Counter()
        reasons = {(drop["port"], drop["packet"]): drop["reason"] for drop in run.report["drops"]}
        for number, (name, burst, out, drop) in enumerate(cases):
            problems = []
            for port, _ in burst:
                numbers[port] += 1
                reason = reasons.get((port, numbers[port]), "")
                if drop not in (None, reason):
                    problems.append(f"drop: {reason!r}, not {drop!r}")
            begin = START_NS + (number + 1) * 10 * MS
            for port, frames in out.items():
                sent = sent_by(run, port, begin, begin + 10 * MS)
                if len(sent) != len(frames) or not all(
                        one(got) if callable(one) else one == got for one, got in zip(frames, sent)):
                    problems.append(f"{port}: {[one.hex() for one in sent]}")
            tap.result(name, problems)
    CASES.clear()

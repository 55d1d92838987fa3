# SPDX-License-Identifier: Apache-2.0
"""Services of two tenants with equal addresses and one backend in a third VRF: what comes back about a packet goes to the
tenant that sent it, and what leaves with one source address is told apart by its identification."""

import struct

from fragments import cut
from harness import MS, START_NS, accounting_problems, main, run_replay, tap
from scapy.layers.inet import ICMP, IP, UDP
from scapy.layers.inet6 import ICMPv6PacketTooBig, IPv6
from scapy.layers.l2 import Ether
from scapy.packet import Raw

OUTPUTS = ["blue0", "red0", "back0", "up"]
CONFIG = """
ports:
  up: {device: tap:up0, mac: "02:00:00:00:00:01", mtu_bytes: 1600, addresses: [192.0.2.1/24]}
  blue0: {device: tap:blue0, mac: "02:00:00:00:00:b1", addresses: [10.1.0.254/24, "fd01::fe/64"]}
  red0: {device: tap:red0, mac: "02:00:00:00:00:d1", addresses: [10.1.0.254/24, "fd01::fe/64"]}
  back0: {device: tap:back0, mac: "02:00:00:00:00:b2", addresses: [10.2.0.254/24, "fd02::fe/64"]}
neighbours: [{address: 192.0.2.2, mac: "02:00:00:00:00:02"}]
networks:
  vx: {vni: 100, static_macs: [{mac: "02:00:00:00:0b:11", remote: 192.0.2.2}], remotes: [{address: 192.0.2.2}]}
vrfs:
  blue:
    ports: [blue0]
    neighbours: [{address: 10.1.0.1, mac: "02:00:00:00:0a:01"}, {address: "fd01::1", mac: "02:00:00:00:0a:01"}]
  red:
    ports: [red0]
    neighbours: [{address: 10.1.0.1, mac: "02:00:00:00:0d:01"}, {address: "fd01::1", mac: "02:00:00:00:0d:01"}]
  green:
    ports: [back0]
    networks: {vx: {addresses: [10.4.0.254/24, "fd04::fe/64"]}}
    neighbours:
      - {address: 10.2.0.11, mac: "02:00:00:00:0b:11"}
      - {address: "fd02::11", mac: "02:00:00:00:0b:11"}
      - {address: 10.4.0.11, mac: "02:00:00:00:0b:11"}
      - {address: "fd04::11", mac: "02:00:00:00:0b:11"}
services:
"""
# Frames of their clients.
LINKS = {"blue": Ether(src="02:00:00:00:0a:01", dst="02:00:00:00:00:b1"),
         "red": Ether(src="02:00:00:00:0d:01", dst="02:00:00:00:00:d1")}
BACK = Ether(src="02:00:00:00:0b:99", dst="02:00:00:00:00:b2")
TEXT = {"blue": b"BLUE" * 348, "red": b"RED!" * 348}


def config(order, version, ports, how, backend, more=""):
    virtual = "10.9.0.3" if version == 4 else "fd09::3"
    return CONFIG + "".join(
        f'  {who}: {{vrf: {who}, address: "{virtual}", port: {ports[who]}, protocol: udp, {how}, '
        f'backends: [{{address: "{backend}", vrf: green{more}}}]}}\n' for who in order)


def request(who, version, port, text):
    ip = IP(src="10.1.0.1", dst="10.9.0.3", flags="DF", id=1) if version == 4 else IPv6(src="fd01::1", dst="fd09::3")
    return LINKS[who] / ip / UDP(sport=4000, dport=port) / text


def run(text, inputs):
    """Frames by port: (ms since the start, bytes)."""
    done = run_replay(text, {port: [(START_NS + int(at * MS), bytes(frame)) for at, frame in sent] for port, sent in inputs.items()},
                      OUTPUTS)
    return {port: [((when - START_NS) / MS, frame) for when, frame in frames] for port, frames in done.outputs.items()}, \
        accounting_problems(done)


def told(got, since_ms, who):
    """Who was told of a packet of that tenant: its text is quoted."""
    return [port for port in ("blue0", "red0") for when, frame in got[port] if when > since_ms and TEXT[who][:40] in frame]


def too_big(outer):
    """What a router behind back0 says of a packet that adit sent there."""
    if outer[0] >> 4 == 4:
        return BACK / IP(src="10.2.0.99", dst=IP(outer).src) / ICMP(type=3, code=4, nexthopmtu=1350) / Raw(outer[:548])
    return BACK / IPv6(src="fd02::99", dst=IPv6(outer).src) / ICMPv6PacketTooBig(mtu=1350) / Raw(outer[:1200])


def routers_errors():
    """Also where the ports are the same, and only one tenant has a connection."""
    for wraps, version, backend in ((("ipip", "gue"), 4, "10.2.0.11"), (("ipip", "gre"), 6, "fd02::11")):
        for wrap in wraps:
            for order in (("blue", "red"), ("red", "blue")):
                for ports in ({"blue": 80, "red": 443}, {"blue": 80, "red": 80}):
                    text = config(order, version, ports, f"forwarding: tunnel, wrap: {wrap}", backend)
                    for who in order:
                        frame = request(who, version, ports[who], TEXT[who])
                        got, problems = run(text, {f"{who}0": [(100, frame)]})
                        outer = next(frame[14:] for _, frame in got["back0"] if len(frame) > 1000)
                        got, more = run(text, {f"{who}0": [(100, frame)], "back0": [(200, too_big(outer))]})
                        problems += more
                        if told(got, 150, who) != [f"{who}0"]:
                            problems.append(f"told at {told(got, 150, who)}")
                        tap.result(f"{wrap}, IPv{version}, {order[0]} first, ports {ports}: an error about {who}'s packet", problems)


def both_have_a_connection():
    """Then the error tells nobody, and the next packet is told by adit."""
    for version, backend in ((4, "10.2.0.11"), (6, "fd02::11")):
        text = config(("blue", "red"), version, {"blue": 80, "red": 80}, "forwarding: tunnel", backend)
        frames = {who: request(who, version, 80, TEXT[who]) for who in TEXT}
        got, problems = run(text, {"blue0": [(100, frames["blue"])]})
        outer = next(frame[14:] for _, frame in got["back0"] if len(frame) > 1000)
        got, more = run(text, {"blue0": [(100, frames["blue"]), (300, frames["blue"])], "red0": [(110, frames["red"])],
                               "back0": [(200, too_big(outer))]})
        problems += more
        if told(got, 150, "blue") != ["blue0"] or told(got, 299, "blue") != ["blue0"]:
            problems.append(f"told at {told(got, 150, 'blue')}, of the next packet at {told(got, 299, 'blue')}")
        tap.result(f"IPv{version}: both tenants have a connection of one kind", problems)


def own_errors():
    """adit finds the wrapped packet too big for the way to the remote that the backend is behind."""
    for version, backend in ((4, "10.4.0.11"), (6, "fd04::11")):
        for order in (("blue", "red"), ("red", "blue")):
            for who in order:
                text = config(order, version, {"blue": 80, "red": 443}, "forwarding: tunnel", backend)
                frame = request(who, version, {"blue": 80, "red": 443}[who], TEXT[who])
                got, problems = run(text, {f"{who}0": [(100, frame)]})
                outer = next(frame[14:] for _, frame in got["up"] if len(frame) > 1000)
                error = (Ether(src="02:00:00:00:00:02", dst="02:00:00:00:00:01") / IP(src="192.0.2.99", dst="192.0.2.1") /
                         ICMP(type=3, code=4, nexthopmtu=1420) / Raw(outer[:548]))
                got, more = run(text, {f"{who}0": [(100, frame), (300, frame)], "up": [(200, error)]})
                problems += more
                if told(got, 250, who) != [f"{who}0"]:
                    problems.append(f"told at {told(got, 250, who)}")
                tap.result(f"IPv{version}, {order[0]} first: too big for a remote, {who}'s packet", problems)


def identifications():
    """Of datagrams in fragments, whose source is adit's address for both tenants."""
    how = 'forwarding: fullnat, local_addresses: [10.9.1.1, "fd09:1::1"]'
    for version in (4, 6):
        for backend in ("10.2.0.11", "fd02::11"):
            inputs = {}
            for number, who in enumerate(("blue", "red")):
                whole = request(who, version, 80, TEXT[who] * 2).payload
                whole[UDP].sport += number
                inputs[f"{who}0"] = [(100 + number + 2 * i, LINKS[who] / part)
                                     for i, part in enumerate(cut(whole.__class__(bytes(whole)), 1200, 777))]
            got, problems = run(config(("blue", "red"), version, {"blue": 80, "red": 80}, how, backend, ", port: 8080"), inputs)
            ids = {who: set() for who in TEXT}
            for _, frame in got["back0"]:
                for who, text in TEXT.items():
                    if text[:40] in frame:
                        ids[who].add(struct.unpack_from("!H", frame, 18)[0] if frame[14] >> 4 == 4
                                     else struct.unpack_from("!I", frame, 58)[0])
            if sorted(map(len, ids.values())) != [1, 1] or ids["blue"] & ids["red"]:
                problems.append(f"identifications: {ids}")
            tap.result(f"IPv{version} to {backend}: datagrams of two tenants from one address", problems)


main(routers_errors, both_have_a_connection, own_errors, identifications)

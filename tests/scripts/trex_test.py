# SPDX-License-Identifier: Apache-2.0
"""The profiles for TRex and Pktgen-DPDK, run against stand-ins of these programs: what they would send goes through
adit-replay with the YAML of bench/wire-kit, and adit forwards all of it.

usage: trex_test.py SOURCE_ROOT ADIT_REPLAY
"""
import contextlib
import importlib
import io
import pathlib
import struct
import subprocess
import sys
import tempfile
import unittest

SOURCE, REPLAY = map(pathlib.Path, sys.argv[1:3])
PROFILES = SOURCE / "bench/profiles"
sys.path[:0] = [str(SOURCE / place) for place in (
    "bench/profiles/trex", "bench/wire", "tests/packet", "tests/scripts", "tests/scripts/trex_stub")]

import frames  # noqa: E402
import scenarios  # noqa: E402
from wire_replay import is_stray, replay  # noqa: E402

SYN, ACK, PSH, FIN = 2, 16, 8, 1


def kit_yaml(*arguments):
    """What bench/wire-kit writes for adit, with devices that adit-replay takes the names of."""
    with tempfile.TemporaryDirectory(prefix="adit-kit-") as folder:
        done = subprocess.run([SOURCE / "bench/wire-kit", *map(str, arguments), "--devices", "tap:a,tap:b", "--out", folder],
                              capture_output=True, text=True, check=False)
        if done.returncode != 0:
            raise AssertionError(done.stderr)
        return (pathlib.Path(folder) / "adit.yaml").read_text(encoding="utf-8")


def streams(profile, *tunables):
    return importlib.import_module(profile).register().get_streams(tunables=list(tunables), direction=0, port_id=0)


def refused(profile, method, *tunables):
    """The message."""
    with contextlib.redirect_stderr(io.StringIO()) as text:
        try:
            getattr(importlib.import_module(profile).register(), method)(tunables=list(tunables))
        except SystemExit as end:
            assert end.code == 2
            return text.getvalue()
    raise AssertionError(f"{profile} takes {tunables}")


class Case(unittest.TestCase):
    def expect_forwarded(self, name, config, sent, expected, drops=None):
        report, out = replay(REPLAY, config, sent, list(expected))
        self.assertEqual(report["drop_counts"], drops or {}, name)
        for port, count in expected.items():
            self.assertEqual(len([one for one in out[port] if not is_stray(one)]), count, f"{name}, {port}")


class Stateless(Case):
    def test_tunnels_of_each_kind_both_ways(self):
        for number, (kind, scenario) in enumerate((name, one) for name, one in scenarios.SCENARIOS.items()
                                                  if "encap" in one.ways):
            networks = 5 if scenario.networks and number % 2 else 1
            size = (64, 1518, 9000)[number % 3]
            with self.subTest(kind=kind, networks=networks, size=size):
                options = ["--kind", kind, "--flows", "60", "--size", str(size)] + (
                    ["--networks", str(networks)] if networks > 1 else [])
                load = scenarios.Load(60, size, networks)
                sent = {}
                for direction, port in (("encap", "access"), ("decap", "uplink")):
                    [stream] = streams("tunnels_stl", *options, "--direction", direction)
                    sent[port] = stream.packets(120)
                self.assertEqual(sent["access"], 2 * scenarios.stream(scenario, load, "encap"))
                self.assertEqual(sent["access"][:60], sent["access"][60:])
                self.expect_forwarded(kind, kit_yaml(kind, "--flows", 60, "--networks", networks, "--size", size), sent,
                                      {"access": 120, "uplink": 120})

    def test_requests_to_services(self):
        for forwarding, scenario in scenarios.SCENARIOS.items():
            if "requests" not in scenario.ways:
                continue
            with self.subTest(forwarding=forwarding):
                [stream] = streams("services_stl", "--forwarding", forwarding, "--flows", "50")
                sent = stream.packets(100)
                self.assertEqual(sent[:50], sent[50:])
                self.assertEqual(len(set(sent)), 50)
                config = kit_yaml(forwarding, "--flows", 50, "--backends", 8, "--size", scenario.least_size())
                self.expect_forwarded(forwarding, config, {"clients": sent}, {"clients": 0, "servers": 100})

    def test_wrong_tunables_are_named(self):
        for profile, method, options, expected in (
                ("tunnels_stl", "get_streams", ["--kind", "stp"], "vxlan"),
                ("tunnels_stl", "get_streams", ["--flows", "0"], "1 to 1000000"),
                ("tunnels_stl", "get_streams", ["--size", "63"], "64 to 9000"),
                ("tunnels_stl", "get_streams", ["--networks", "3"], "multiple"),
                ("tunnels_stl", "get_streams", ["--kind", "ipip", "--networks", "2"], "routed"),
                ("tunnels_stl", "get_streams", ["--direction", "up"], "decap"),
                ("services_stl", "get_streams", ["--forwarding", "x"], "direct"),
                ("services_stl", "get_streams", ["--forwarding", "nat6", "--size", "64"], "78"),
                ("services_astf", "get_profile", ["--request_bytes", "0"], "1 to 1000000"),
                ("services_astf", "get_profile", ["--cps", "x"], "1 to 1000000")):
            self.assertIn(expected, refused(profile, method, *options), options)


class Segment:
    """A TCP segment in an untagged IPv4 frame."""

    def __init__(self, frame):
        self.src_mac, self.dst_mac, self.src, self.dst = frame[6:12], frame[:6], frame[26:30], frame[30:34]
        head = 14 + (frame[14] & 15) * 4
        self.sport, self.dport, self.seq, self.ack, offset, self.flags = struct.unpack_from("!HHIIBB", frame, head)
        self.data = frame[head + (offset >> 4) * 4:14 + struct.unpack_from("!H", frame, 16)[0]]
        sum_of = frames.checksum(frames.pseudo(self.src, self.dst, frames.TCP, len(frame[head:14 + struct.unpack_from("!H", frame, 16)[0]]))
                                 + frame[head:14 + struct.unpack_from("!H", frame, 16)[0]])
        assert sum_of == 0, "TCP checksum"

    def key(self):
        return self.src, self.sport


class End:
    """One end of a connection that follows its program, without loss on the way."""

    def __init__(self, steps, local, peer, macs, seq):
        self.steps, self.local, self.peer, self.macs = list(steps), local, peer, macs
        self.seq, self.ack, self.got, self.done = seq, 0, b"", False

    def segment(self, flags, data=b""):
        made = frames.tcp(self.local[0], self.peer[0], self.local[1], self.peer[1], self.seq, self.ack, flags, data)
        self.seq += len(data) + (1 if flags & (SYN | FIN) else 0)
        return frames.ethernet(*self.macs, 0x0800, frames.ip(self.local[0], self.peer[0], frames.TCP, made))

    def proceed(self):
        """What the program sends now; at its end, FIN."""
        out = []
        while self.steps:
            verb, what = self.steps[0]
            if verb == "recv":
                if len(self.got) < what:
                    return out
            else:
                out.append(self.segment(ACK | PSH, what))
            self.steps.pop(0)
        if not self.done:
            self.done = True
            out.append(self.segment(FIN | ACK))
        return out

    def answer(self, came):
        """To a segment of the peer."""
        self.ack = came.seq + len(came.data) + (1 if came.flags & (SYN | FIN) else 0)
        self.got += came.data
        if came.flags & SYN:
            return [self.segment(SYN | ACK)] if not came.flags & ACK else [self.segment(ACK), *self.proceed()]
        sent = self.proceed() if came.data or came.flags & FIN else []
        return sent or ([self.segment(ACK)] if came.data or came.flags & FIN else [])


class Stateful(Case):
    """TRex's end of both wires, in rounds: each gives adit all segments so far, and the new ones that come out are
    answered. adit-replay gives the same for the same, so that rounds continue each other."""

    ROUNDS = 8

    def converse(self, config, template, connections):
        client_macs = frames.mac(scenarios.ACCESS_MAC), frames.mac(scenarios.ROUTER_MAC)
        server_macs = frames.mac(scenarios.UPLINK_MAC), frames.mac("02:0c:00:00:00:03")
        client, server = template.client, template.server
        clients, servers, sent, seen = {}, {}, {"clients": [], "servers": []}, {"clients": 0, "servers": 0}
        for number in range(connections):
            local = frames.packed(client.ip_gen.clients.address(number)), 1024 + number
            peer = frames.packed(client.ip_gen.servers.address(number)), client.port
            end = clients[local] = End(client.program.steps, local, peer, client_macs, 1000)
            sent["clients"].append((0, end.segment(SYN)))
        for round_number in range(self.ROUNDS):
            report, out = replay(REPLAY, config, sent, ["clients", "servers"])
            fresh = {}
            for port, all_ in out.items():
                wanted = [one for one in all_ if not is_stray(one)]
                fresh[port], seen[port] = wanted[seen[port]:], len(wanted)
            for frame in fresh["servers"]:
                came = Segment(frame)
                self.assertEqual(came.dport, server.assoc.port)
                if came.key() not in servers:
                    servers[came.key()] = End(server.program.steps, (came.dst, came.dport), came.key(), server_macs, 9000)
                sent["servers"] += [(round_number + 1, one) for one in servers[came.key()].answer(came)]
            for frame in fresh["clients"]:
                came = Segment(frame)
                sent["clients"] += [(round_number + 1, one) for one in clients[came.dst, came.dport].answer(came)]
        self.assertEqual(report["drop_counts"], {})
        self.assertEqual(len(servers), connections)
        return clients.values(), servers.values()

    def test_connections_are_made_answered_and_closed(self):
        profile = importlib.import_module("services_astf").register().get_profile(
            tunables=["--flows", "10", "--request_bytes", "70", "--reply_bytes", "900"])
        [template] = profile.templates
        for forwarding in ("nat", "fullnat"):
            with self.subTest(forwarding=forwarding):
                config = kit_yaml(forwarding, "--tcp", "--flows", 10, "--backends", 4)
                clients, servers = self.converse(config, template, 10)
                self.assertEqual({end.got for end in clients}, {b"r" * 900})
                self.assertEqual({end.got for end in servers}, {b"q" * 70})
                self.assertTrue(all(end.done for end in [*clients, *servers]))
                backends = {end.local[0] for end in servers}
                self.assertGreater(len(backends), 1)


def pktgen_range(path, port):
    """The frames of a port's range, as Pktgen-DPDK counts: each field by its increment, back to its least behind
    its most."""
    fields, size = {}, 64
    for line in path.read_text(encoding="utf-8").splitlines():
        words = line.split()
        if words[:2] != ["range", str(port)]:
            continue
        if words[2:4] in (["src", "mac"], ["dst", "mac"]):
            fields.setdefault(f"{words[2]} mac", {})[words[4]] = int.from_bytes(frames.mac(words[5]), "big")
        elif words[2:4] in (["src", "ip"], ["dst", "ip"]):
            start, least, most, step = (int.from_bytes(frames.packed(word), "big") for word in words[4:])
            fields[f"{words[2]} ip"] = {"start": start, "min": least, "max": most, "inc": step}
        elif words[2:4] in (["src", "port"], ["dst", "port"]):
            fields[f"{words[2]} port"] = dict(zip(("start", "min", "max", "inc"), map(int, words[4:])))
        elif words[2] == "size":
            size = int(words[3])
    count = fields["src mac"]["max"] - fields["src mac"]["min"] + 1
    for number in range(count):
        def value(name, size):
            field = fields[name]
            span = field["max"] - field["min"] + 1
            return (field["min"] + (field["start"] - field["min"] + field["inc"] * number) % span).to_bytes(size, "big")
        payload = bytes(size - 4 - 42)
        src, dst = value("src ip", 4), value("dst ip", 4)
        datagram = frames.udp(src, dst, int.from_bytes(value("src port", 2), "big"), int.from_bytes(value("dst port", 2), "big"),
                              payload, sum_it=False)
        yield frames.ethernet(value("dst mac", 6), value("src mac", 6), 0x0800, frames.ip(src, dst, frames.UDP, datagram))


class Pktgen(Case):
    def test_hosts_frames_are_those_of_the_kit(self):
        sent = list(pktgen_range(PROFILES / "pktgen/hosts.pkt", 0))
        self.assertEqual(sent, scenarios.stream(scenarios.SCENARIOS["vxlan"], scenarios.Load(1000), "encap"))
        for kind in ("vxlan", "stt"):
            self.expect_forwarded(kind, kit_yaml(kind, "--flows", 1000), {"access": sent}, {"access": 0, "uplink": 1000})

    def test_clients_frames_are_requests(self):
        sent = list(pktgen_range(PROFILES / "pktgen/clients.pkt", 0))
        self.assertEqual(len(set(sent)), 1000)
        for forwarding in ("nat", "direct"):
            self.expect_forwarded(forwarding, kit_yaml(forwarding, "--flows", 1000), {"clients": sent},
                                  {"clients": 0, "servers": 1000})


if __name__ == "__main__":
    unittest.main(argv=sys.argv[:1] + sys.argv[3:], verbosity=2)

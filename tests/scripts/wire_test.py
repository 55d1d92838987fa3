# SPDX-License-Identifier: Apache-2.0
"""The kits in bench/ without a wire: every frame of every scenario goes through adit-replay, and leaves
by the other port, once; searches find the rate that a link is known to lose above.

usage: wire_test.py SOURCE_ROOT ADIT_REPLAY
"""
import os
import pathlib
import subprocess
import sys
import tempfile
import unittest
import xml.etree.ElementTree

SOURCE, REPLAY = map(pathlib.Path, sys.argv[1:3])
sys.path[:0] = [str(SOURCE / place) for place in ("bench/wire", "tests/packet", "tests/scripts")]

import frames  # noqa: E402
import generators  # noqa: E402
import latency  # noqa: E402
import report  # noqa: E402
import scenarios  # noqa: E402
import search  # noqa: E402
from wire_replay import is_stray, replay  # noqa: E402


class Scenarios(unittest.TestCase):
    def run_both(self, scenario, load):
        devices = {port: f"tap:{port}" for port in scenario.ports}
        config = scenarios.yaml_of(scenario, load, devices)
        streams = {}
        for way, (port, _) in scenario.ways.items():
            if way != "replies":
                streams[port] = scenarios.stream(scenario, load, way)
        report, out = replay(REPLAY, config, streams, scenario.ports)
        expected = {port: 0 for port in scenario.ports}
        for way, (port, to) in scenario.ways.items():
            if way != "replies":
                expected[to] += len(streams[port])
        if scenario.learned_replies:
            first = [one for one in out["servers"] if not is_stray(one)]
            streams["servers"] = [frames.turned_around(one) for one in first]
            # Requests are sent again, behind whose first each reply comes.
            streams["clients"] = streams["clients"] * 2
            streams["servers"] = streams["servers"] * 2
            expected = {"servers": 2 * len(first), "clients": 2 * len(first)}
            report, out = replay(REPLAY, config, {"clients": streams["clients"], "servers": streams["servers"]},
                                 scenario.ports)
        self.assertEqual(report["drop_counts"], {}, scenario.name)
        for port in scenario.ports:
            self.assertEqual(len([one for one in out[port] if not is_stray(one)]), expected[port],
                             f"{scenario.name} {port}")
        return out

    def test_every_frame_leaves_by_the_other_port(self):
        # Sizes, tags and numbers of backends take turns over the scenarios: a start of adit-replay takes long.
        loads = (scenarios.Load(50, 128, 1, 8), scenarios.Load(24, scenarios.IMIX, 5, 2), scenarios.Load(10, 9000, 1, 3))
        for number, scenario in enumerate(scenarios.SCENARIOS.values()):
            with self.subTest(scenario=scenario.name):
                self.run_both(scenario, loads[number % len(loads)])

    def test_flows_have_macs_of_their_own(self):
        for way in ("encap", "decap"):
            sent = scenarios.stream(scenarios.SCENARIOS["vxlan"], scenarios.Load(1000), way)
            heads = {one[:12] if way == "encap" else one[50:62] for one in sent}
            self.assertEqual((len(sent), len(heads)), (1000, 1000))

    def test_sizes_are_those_of_the_hosts_frames(self):
        for size in (64, 1518, 9000):
            [one] = scenarios.stream(scenarios.SCENARIOS["vxlan"], scenarios.Load(1, size), "encap")
            self.assertEqual(len(one) + scenarios.FCS, size)
        sizes = scenarios.Load(120, scenarios.IMIX).sizes()
        self.assertEqual([sizes.count(size - 4) for size in (64, 570, 1518)], [70, 40, 10])


class Link:
    """A link that loses what is above a rate, and a generator that sends no more than another one."""

    def __init__(self, rate, generator=1e12, loses=lambda trial: 0):
        self.rate, self.generator, self.loses, self.asked = rate, generator, loses, []

    def __call__(self, pps):
        self.asked.append(pps)
        offered = min(pps, self.generator)
        lost = max(0, offered - self.rate) + self.loses(len(self.asked))
        return search.Trial(pps, offered, round(offered), round(offered - lost))


class Search(unittest.TestCase):
    def find(self, link, may_lose=0.0, least=100, most=1e7, resolution=0.01, attempts=1, first=None):
        return search.search(link, may_lose, least, most, resolution, attempts, first)

    def test_finds_the_rate_above_which_a_link_loses(self):
        for rate in (150, 1000, 123_456, 9_999_999):
            for first in (None, 100, 50_000, 1e7):
                link = Link(rate)
                found = self.find(link, first=first)
                self.assertEqual(found.limit, "loss", rate)
                self.assertLessEqual(found.best.offered_pps, rate + 1)
                self.assertGreaterEqual(found.best.offered_pps, rate * 0.98 - 1)
                self.assertEqual(found.best.lost, 0)
                self.assertLess(len(link.asked), 40)

    def test_a_stated_loss_is_allowed(self):
        found = self.find(Link(100_000), may_lose=0.1)
        self.assertAlmostEqual(found.best.offered_pps / 111_111, 1, delta=0.02)
        self.assertLessEqual(found.best.loss, 0.1)

    def test_ends_where_the_generator_can_no_more(self):
        found = self.find(Link(1e6, generator=5000))
        self.assertEqual((found.limit, found.best.offered_pps), ("generator", 5000))

    def test_ends_at_the_highest_rate(self):
        found = self.find(Link(1e9), most=70_000)
        self.assertEqual((found.limit, found.best.offered_pps), ("most", 70_000))

    def test_nothing_passes(self):
        for first in (None, 90_000):
            link = Link(50)
            found = self.find(link, first=first)
            self.assertIsNone(found.best)
            self.assertEqual(min(link.asked), 100)
            self.assertLess(len(link.asked), 15)

    def test_one_of_several_attempts_has_to_pass(self):
        every_second = Link(10_000, loses=lambda trial: trial % 2)
        self.assertGreaterEqual(self.find(every_second, attempts=2).best.offered_pps, 9800)
        self.assertIsNone(self.find(Link(10_000, loses=lambda trial: trial % 2)).best)

    def test_nothing_offered_is_no_pass(self):
        self.assertIsNone(self.find(lambda pps: search.Trial(pps, 0, 0, 0)).best)


class Figures(unittest.TestCase):
    def test_quantiles_are_values_that_occurred(self):
        values = list(range(1, 1001))
        self.assertEqual([latency.quantile(values, share) for share in (0.5, 0.99, 0.999, 1.0)], [500, 990, 999, 1000])
        self.assertEqual(latency.quantile([7], 0.5), 7)
        self.assertIsNone(latency.quantile([], 0.5))
        self.assertEqual(latency.summary([3.0, 1.0, 2.0], 4),
                         {"probes": 4, "lost": 1, "p50_us": 2.0, "p90_us": 3.0, "p99_us": 3.0, "p99_9_us": 3.0, "most_us": 3.0})

    def test_probes_end_with_their_number(self):
        tail = b"0123456789ab"
        for scenario in scenarios.SCENARIOS.values():
            way = next(iter(scenario.ways))
            size = scenario.least_size() - scenarios.FCS
            probe = scenario.frame(scenarios.Load(4), way, 0, size, tail)
            self.assertEqual((probe[-12:], len(probe)), (tail, size), scenario.name)

    def test_trafgens_text_has_every_byte(self):
        frame = bytes(range(1, 30)) + bytes(40) + b"\1\0\2" + bytes(3)
        text = generators.trafgen_text([frame, frame[:5]])
        self.assertEqual(text.count("\n"), 2)
        self.assertIn("fill(0, 40)", text)
        read = bytearray()
        for word in text.splitlines()[0].strip("{} ").replace("fill(0, 40)", ", ".join(["0"] * 40)).split(","):
            read.append(int(word))
        self.assertEqual(bytes(read), frame)

    def result(self, ndr, limit="loss"):
        found = {"pps": ndr, "limit": limit, "drops": {"tx_full": 3}} if ndr else None
        return {"when": "now", "links": report.VIRTUAL, "command": "x", "adit": "0", "generator": "g", "ports": "p",
                "poll": "busy", "seconds": 1, "attempts": 1, "resolution_percent": 1, "loss_percent": 0.1,
                "latency_at_percent": 50, "machine": {"cpu": "<c>", "cores": 2, "kernel": "k", "load_average": 1.0},
                "rows": [{"scenario": "vxlan", "way": "encap", "size": 0, "flows": 1, "networks": 1, "backends": 0,
                          "ndr": found, "pdr": found, "latency": None}]}

    def test_tables_and_pictures_stand_beside_a_baseline(self):
        table = report.markdown(self.result(150_000.0), self.result(100_000.0))
        self.assertIn("| vxlan | encap | imix | 1 | 1 | 0 | 150.0 | 150.0 | +50% | +50% | - | - | - | tx_full 3 |", table)
        self.assertIn("not a NIC", table)
        self.assertIn(">=150.0", report.markdown(self.result(150_000.0, "generator")))
        for result in (self.result(150_000.0), self.result(None)):
            picture = report.svg(result, self.result(100_000.0))
            root = xml.etree.ElementTree.fromstring(picture)
            bars = [one for one in root.iter("{http://www.w3.org/2000/svg}rect")]
            self.assertEqual(len(bars), 4)
            self.assertIn("not a NIC", picture)
        self.assertIn("| - | - |", report.markdown(self.result(None)))


class CommandLine(unittest.TestCase):
    def call(self, *arguments, program="rfc2544"):
        return subprocess.run([SOURCE / "bench" / program, *arguments], capture_output=True, text=True, check=False)

    def test_help_names_each_option_with_its_default(self):
        text = self.call("--help").stdout
        for option in ("--scenario", "--way", "--size", "--flows", "--networks", "--backends", "--seconds", "--loss",
                       "--resolution", "--attempts", "--least-rate", "--most-rate", "--latency-at", "--generator", "--ports",
                       "--poll", "--build"):
            self.assertRegex(" ".join(text.split()), option + r"\b[^-]* [^(]*\([^)]*default|" + option + " {", option)

    def test_the_list_has_every_scenario(self):
        done = self.call("--list")
        self.assertEqual([line.split()[0] for line in done.stdout.splitlines()], list(scenarios.SCENARIOS))

    def test_wrong_options_are_named_with_what_is_right(self):
        for arguments, expected in (
                (["--size", "63"], "64 to 9000"), (["--size", "x"], "64 to 9000"), (["--flows", "0"], "1 to 1000000"),
                (["--flows", "1,,2"], "1 to 1000000"), (["--networks", "4001"], "1 to 4000"),
                (["--backends", "0"], "1 to 4000"), (["--seconds", "0"], "0.1 to 3600"), (["--loss", "0"], "0.0001 to 50"),
                (["--resolution", "51"], "0.1 to 50"), (["--attempts", "21"], "1 to 20"),
                (["--least-rate", "99"], "100 to 1000000"), (["--most-rate", "99"], "100 to 200000000"),
                (["--least-rate", "2000", "--most-rate", "1000"], "above"), (["--latency-at", "101"], "1 to 100"),
                (["--latency-at", "nan"], "1 to 100"),
                (["--generator", "trex"], "trafgen"), (["--ports", "af_xdp", "--size", "64,9000"], "3300"), (["--ports", "pci"], "af_packet"), (["--poll", "lazy"], "adaptive"),
                (["--scenario", "vxlan,stp"], "--list"), (["--scenario", "direct", "--way", "replies"], "requests"),
                (["--baseline", "/dev/null"], "--json"), (["--sizes", "64"], "--sizes")):
            done = self.call(*arguments)
            self.assertEqual(done.returncode, 2, arguments)
            self.assertIn(expected, done.stderr, arguments)

    def test_wrong_options_of_the_other_programs(self):
        for program, arguments, expected in (
                ("wire-kit", ["stp", "--out", "x"], "vxlan"), ("wire-kit", ["vxlan"], "--out"),
                ("wire-kit", ["vxlan", "--out", "x", "--flows", "0"], "1 to 1000000"),
                ("wire-kit", ["vxlan", "--out", "x", "--size", "63"], "64 to 9000"),
                ("wire-kit", ["nat6", "--out", "x", "--size", "64"], "78 at least"),
                ("wire-kit", ["vxlan", "--out", "x", "--networks", "0"], "1 to 4000"),
                ("wire-kit", ["nat", "--out", "x", "--backends", "4001"], "1 to 4000"),
                ("wire-kit", ["nat", "--out", "x", "--devices", "tap:a"], "two"),
                ("wire-kit", ["vxlan", "--out", "x", "--tcp"], "nat and fullnat"),
                ("idle-latency", ["--rate", "0"], "1 to 100000"), ("idle-latency", ["--seconds", "0.1"], "0.5 to 600"),
                ("idle-latency", ["--turns", "0"], "1 to 100"), ("idle-latency", ["--ports", "pci"], "af_xdp"),
                ("idle-latency", ["--at-most", "x"], "1 to 1000000"),
                ("port-cost", ["--ports", "tap,pci"], "af_packet, af_xdp, tap"), ("port-cost", ["--rate", "99"], "100 to 1000000"),
                ("port-cost", ["--size", "1519"], "64 to 1518"), ("port-cost", ["--flows", "0"], "1 to 1000000"),
                ("port-cost", ["--seconds", "0.1"], "0.2 to 600"), ("port-cost", ["--turns", "0"], "1 to 100")):
            done = self.call(*arguments, program=program)
            self.assertEqual(done.returncode, 2, (program, arguments))
            self.assertIn(expected, done.stderr, (program, arguments))
        for program in ("wire-kit", "idle-latency", "port-cost"):
            self.assertIn("Exit codes", self.call("--help", program=program).stdout)
        with tempfile.TemporaryDirectory() as folder:
            for program in ("idle-latency", "port-cost"):
                self.assertEqual(self.call("--build", folder, program=program).returncode, 4)

    def test_a_kit_has_yaml_frames_and_replies(self):
        with tempfile.TemporaryDirectory() as name:
            folder = pathlib.Path(name)
            done = self.call("nat", "--flows", "30", "--backends", "3", "--replay", REPLAY, "--out", folder, program="wire-kit")
            self.assertEqual((done.returncode, done.stderr), (0, ""))
            self.assertEqual({path.name for path in folder.iterdir()},
                             {"adit.yaml", "requests.pcap", "requests.cfg", "replies.pcap", "replies.cfg"})
            for way in ("requests", "replies"):
                self.assertEqual(len((folder / f"{way}.cfg").read_text().splitlines()), 30)
                self.assertEqual((folder / f"{way}.pcap").stat().st_size, 24 + 30 * (16 + 60))

    def test_what_is_missing_is_named_with_what_to_install(self):
        with tempfile.TemporaryDirectory() as folder:
            done = self.call("--build", folder)
            self.assertEqual(done.returncode, 4)
            self.assertIn("sudo" if os.geteuid() else "ninja -C", done.stderr)
        environment, generators.shutil.which = generators.shutil.which, lambda *_, **__: None
        try:
            for name, package in (("trafgen", "netsniff-ng"), ("testpmd", "dpdk-dev")):
                with self.assertRaisesRegex(generators.netns.MissingError, f"apt install {package}"):
                    generators.find(name)
        finally:
            generators.shutil.which = environment


if __name__ == "__main__":
    unittest.main(argv=sys.argv[:1] + sys.argv[3:], verbosity=2)

#!/usr/bin/python3
# SPDX-License-Identifier: Apache-2.0
"""Plants in a copy of the sources what scripts/lint-walls has to find.

usage: lint_walls_test.py SOURCE_ROOT
"""
import pathlib
import shutil
import subprocess
import sys
import tempfile
import unittest

ROOT = pathlib.Path(sys.argv.pop(1))


def read_table():
    for line in (ROOT / "scripts/walls").read_text(encoding="utf-8").splitlines():
        if line and not line.startswith("#"):
            wing, _, others = line.partition(":")
            yield wing, others.split()


def a_header_of(root, wing):
    return sorted((root / wing).rglob("*.h"))[0].relative_to(root / wing.split("/")[0])


class Walls(unittest.TestCase):
    def setUp(self):
        self.folder = tempfile.TemporaryDirectory(prefix="adit-walls-")
        self.addCleanup(self.folder.cleanup)
        self.root = pathlib.Path(self.folder.name)
        for name in ("dataplane", "control", "include"):
            shutil.copytree(ROOT / name, self.root / name)
        (self.root / "scripts").mkdir()
        shutil.copy(ROOT / "scripts/walls", self.root / "scripts")

    def lint(self):
        run = subprocess.run([ROOT / "scripts/lint-walls", self.root], stdout=subprocess.PIPE, text=True)
        self.assertEqual(run.returncode, 1 if run.stdout else 0)
        return run.stdout.splitlines()

    def write(self, place, include):
        path = self.root / place
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(f"#include {include}\n", encoding="utf-8")
        return path

    def plant(self, place, include):
        path = self.write(place, include)
        found = self.lint()
        path.unlink()
        return found

    def test_the_sources_keep_to_the_table(self):
        self.assertEqual(self.lint(), [])

    def test_each_forbidden_wing_is_found_and_each_permitted_one_is_not(self):
        table = dict(read_table())
        expected, permitted_ones = [], 0
        for wing, permitted in table.items():
            half, name = wing.split("/")
            for other in table:
                other_half, other_name = other.split("/")
                if other_half != half or other_name == name or not list((self.root / other).rglob("*.h")):
                    continue
                header = a_header_of(self.root, other)
                place = f"{wing}/planted_{other_name}.cc"
                self.write(place, f'"{header}"')
                if other_name in permitted:
                    permitted_ones += 1
                else:
                    expected.append(f'{place}: "{header}": {wing} may not include {other}')
        self.assertGreater(permitted_ones, 50)
        self.assertGreater(len(expected), 200)
        self.assertEqual(sorted(self.lint()), sorted(expected))

    def test_packets_of_bridge_ports_are_counted_at_the_doors(self):
        path = self.root / "dataplane/express/planted.cc"
        path.write_text("void count() { worker.bridge_port_counters[in].rx_packets.add(1); }\n", encoding="utf-8")
        self.assertEqual(self.lint(), ["dataplane/express/planted.cc: packets of bridge ports are counted in "
                                       "dataplane/worker/doors.h alone"])

    def test_subfolders_belong_to_their_wing(self):
        found = self.plant("control/config/yaml/planted.cc", '"api/rpc.h"')
        self.assertEqual(len(found), 1)
        self.assertIn("control/config may not include control/api", found[0])

    def test_the_other_half_is_found(self):
        self.assertEqual(len(self.plant("control/running/planted.cc", '"packet/inner.h"')), 1)
        self.assertEqual(len(self.plant("dataplane/route/planted.cc", '"base/log.h"')), 1)

    def test_names_without_their_wing_are_found(self):
        self.assertEqual(len(self.plant("dataplane/route/planted.cc", '"route.h"')), 1)
        self.assertEqual(len(self.plant("dataplane/route/planted.cc", '"../bridge/flood.h"')), 1)

    def test_the_seam_is_nobodys_to_include(self):
        self.assertEqual(len(self.plant("dataplane/host/planted.cc", '"pipeline.h"')), 1)

    def test_text_and_logs_are_no_business_of_the_dataplane(self):
        for name in ("<yaml-cpp/yaml.h>", "<spdlog/spdlog.h>", "<nlohmann/json.hpp>"):
            self.assertEqual(len(self.plant("dataplane/route/planted.cc", name)), 1)
            self.assertEqual(len(self.plant("include/adit/planted.h", name)), 1)

    def test_a_folder_that_the_table_has_not_is_found(self):
        self.assertEqual(len(self.plant("dataplane/new_wing/planted.cc", "<array>")), 1)

    def test_a_circle_in_the_table_is_found(self):
        walls = self.root / "scripts/walls"
        text = walls.read_text(encoding="utf-8")
        walls.write_text(text.replace("dataplane/packet:", "dataplane/packet: balance"), encoding="utf-8")
        found = self.lint()
        self.assertEqual(len(found), 1, found)
        self.assertTrue(found[0].startswith("scripts/walls has a circle: dataplane/"), found[0])
        self.assertIn("dataplane/packet, which may include dataplane/balance", found[0])


if __name__ == "__main__":
    unittest.main(verbosity=0)

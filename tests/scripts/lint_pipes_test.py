#!/usr/bin/python3
# SPDX-License-Identifier: Apache-2.0
"""Plants pipes that scripts/lint-pipes has to find, beside others that are as they should be.

usage: lint_pipes_test.py SOURCE_ROOT
"""
import pathlib
import subprocess
import sys
import tempfile
import unittest

ROOT = pathlib.Path(sys.argv.pop(1))
BAD = ("ip link | grep -q eth0", "ip link | grep -xqF eth0", "ip link | grep --quiet eth0", "ip link | grep eth0 >/dev/null",
       "ip link | grep -m1 eth0", "ip link | head -n 1", "ip link | head -1 | wc -l", "x=$(ip link | sed 3q)",
       "ip link | sed '/eth0/q'", "ip link | awk '{ print; exit }'", "ip link |\n  grep -q eth0",
       "ip link \\\n  | head -n 1")
GOOD = ("ip link | has_line eth0", "ip link | grep -c eth0", "ip link | grep eth0 2>/dev/null", "ip link | sed -n 1,3p",
        "ip link | awk '{ n++ } END { exit n == 0 }'", "grep -q eth0 file || grep -q eth1 file", "head -n 1 file",
        "grep -q eth0 <<<\"$links\"", "# ip link | grep -q eth0", "ip link  # | head -n 1", "x=$(ip link | sort -r)")


class Pipes(unittest.TestCase):
    def setUp(self):
        self.folder = tempfile.TemporaryDirectory(prefix="adit-pipes-")
        self.addCleanup(self.folder.cleanup)
        self.root = pathlib.Path(self.folder.name)

    def lint(self, root=None):
        run = subprocess.run([ROOT / "scripts/lint-pipes", root or self.root], stdout=subprocess.PIPE, text=True)
        self.assertEqual(run.returncode, 1 if run.stdout else 0)
        return run.stdout.splitlines()

    def write(self, place, *lines):
        path = self.root / place
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text("\n".join(lines) + "\n", encoding="utf-8")

    def test_the_tree_has_none(self):
        self.assertEqual(self.lint(ROOT), [])

    def test_readers_that_stop_early_are_found_with_their_lines(self):
        for pipe in BAD:
            with self.subTest(pipe):
                self.write("tests/lab/planted.sh", "# shellcheck shell=bash", "true", pipe)
                self.assertEqual([line.split(" ")[0] for line in self.lint()], ["tests/lab/planted.sh:3:"])

    def test_readers_of_all_are_not(self):
        self.write("scripts/planted", "#!/bin/bash", *GOOD)
        self.assertEqual(self.lint(), [])

    def test_every_folder_and_what_is_no_script_of_bash(self):
        places = ("scripts/planted", "bench/planted", "config/a/planted", ".ci/planted")
        for place in places:
            self.write(place, "#!/usr/bin/env bash", BAD[0])
        self.write("tests/planted", "#!/bin/sh", BAD[0])  # no pipefail there
        self.write("tests/planted.py", "#!/bin/bash", BAD[0])
        (self.root / "tests/data").write_bytes(b"#!/bin/bash\n\xff")
        self.assertEqual(sorted(line.split(":")[0] for line in self.lint()), sorted(places))


if __name__ == "__main__":
    unittest.main(verbosity=0)

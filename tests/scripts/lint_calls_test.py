# SPDX-License-Identifier: Apache-2.0
"""Plants calls between wings, which scripts/lint has to find in the object files of a build.

usage: lint_calls_test.py SOURCE_ROOT COMPILER...
"""
import json
import os
import pathlib
import shutil
import subprocess
import sys
import tempfile
import unittest

ROOT = pathlib.Path(sys.argv[1])
COMPILER = sys.argv[2:]

STEP = "#include \"low/low.h\"\nnamespace adit {\nint step(int n) { return low(n); }\n}\n"
LOW = "namespace adit {\nint low(int n) { return n; }\n}\n"
# By a declaration of its own: no include says so.
LOW_CALLS_STEP = ("namespace adit {\nint step(int);\n"
                  "int low(int n) { return n == 0 ? 0 : step(n - 1); }\n}\n")


class Calls(unittest.TestCase):
    def setUp(self):
        folder = tempfile.TemporaryDirectory(prefix="adit-calls-")
        self.addCleanup(folder.cleanup)
        self.root = pathlib.Path(folder.name)
        (self.root / "scripts").mkdir()
        for name in ("lint", "call-circles"):
            shutil.copy(ROOT / "scripts" / name, self.root / "scripts")
        self.write("dataplane/low/low.h", "#pragma once\nnamespace adit {\nint low(int);\n}\n")
        self.write("dataplane/step/step.cc", STEP)

    def write(self, place, text):
        path = self.root / place
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text, encoding="utf-8")

    def build(self, *options):
        build = self.root / "build"
        build.mkdir()
        commands = []
        for source in sorted(self.root.glob("dataplane/*/*.cc")):
            subprocess.run([*COMPILER, "-std=c++20", *options, f"-I{self.root}/dataplane", "-c", source,
                            "-o", build / f"{source.stem}.o"], check=True)
            commands.append({"directory": str(build), "file": str(source), "output": f"{source.stem}.o"})
        (build / "compile_commands.json").write_text(json.dumps(commands), encoding="utf-8")

    def lint(self):
        environment = {name: value for name, value in os.environ.items() if name != "ADIT_BUILD"}
        run = subprocess.run([self.root / "scripts/lint", "calls"], env=environment, text=True,
                             stdout=subprocess.PIPE, stderr=subprocess.STDOUT)
        return run.returncode, run.stdout

    def test_calls_one_way_pass(self):
        self.write("dataplane/low/low.cc", LOW)
        self.build("-O0")
        self.assertEqual(self.lint(), (0, "PASS lint calls\n"))

    def test_a_circle_is_found_in_every_kind_of_build(self):
        self.write("dataplane/low/low.cc", LOW_CALLS_STEP)
        for optimization in ("-O0", "-O3"):
            with self.subTest(optimization):
                self.build(optimization)
                code, text = self.lint()
                self.assertEqual(code, 1, text)
                self.assertIn("2: dataplane/low dataplane/step\n", text)
                self.assertIn("dataplane/low -> dataplane/step: adit::low -> adit::step", text)
                self.assertIn("FAIL lint calls\n", text)
                shutil.rmtree(self.root / "build")

    def test_object_files_of_other_sources_say_nothing(self):
        self.write("dataplane/low/low.cc", LOW)
        code, text = self.lint()
        self.assertEqual(code, 0, text)
        self.assertIn("SKIP lint calls: build has not compiled dataplane/low/low.cc", text)
        self.build("-O0")
        self.write("dataplane/step/more.cc", LOW.replace("low", "more"))
        self.assertIn("SKIP lint calls: build has not compiled dataplane/step/more.cc", self.lint()[1])


if __name__ == "__main__":
    unittest.main(argv=sys.argv[:1], verbosity=0)

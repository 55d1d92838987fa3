#!/usr/bin/python3
# SPDX-License-Identifier: Apache-2.0
"""scripts/call-circles, on a small tree of its own.

  call_circles_test.py SOURCE_ROOT COMPILER...
"""
import json
import pathlib
import subprocess
import sys
import tempfile
import unittest

SCRIPT = pathlib.Path(sys.argv[1]) / "scripts/call-circles"
COMPILER = sys.argv[2:]

SOURCES = {
    "src/low/low.h": "#pragma once\nnamespace adit {\nint low(int);\n"
                     "template <class F>\nint each(F f) {\n  return f(1) + of(f);\n}\n}\n",
    "src/low/low.cc": '#include "low/low.h"\nnamespace adit {\nint low(int n) { return n; }\n}\n',
    "src/step/one.h": "#pragma once\nnamespace adit {\nint one(int);\n}\n",
    "src/step/two.h": "#pragma once\n#include \"step/one.h\"\nnamespace adit {\nint two(int);\n"
                      "inline int two_and_one(int n) {\n  return one(n) + 2;\n}\n}\n",
    # It gives a template of `low` its own functions to call, which makes no circle.
    "src/step/one.cc": "namespace adit {\nstruct Step;\nint of(Step&);\n}\n#include \"low/low.h\"\n"
                       "#include \"step/one.h\"\nnamespace adit {\n"
                       "struct Step {\n  int operator()(int n) { return low(n); }\n};\n"
                       "int of(Step&) { return 3; }\n"
                       "int one(int n) { Step step; return each<Step&>(step) + n; }\n}\n",
    "src/step/two.cc": '#include "step/two.h"\nnamespace adit {\n'
                       "int two(int n) { return two_and_one(n); }\n}\n",
}


class CallCircles(unittest.TestCase):
    def look(self, changes, *arguments):
        """What it says of the tree with those files changed."""
        with tempfile.TemporaryDirectory() as directory:
            root = pathlib.Path(directory)
            commands = []
            for name, text in (SOURCES | changes).items():
                path = root / name
                path.parent.mkdir(parents=True, exist_ok=True)
                path.write_text(text)
            for name in (SOURCES | changes):
                if name.endswith(".cc"):
                    output = name.replace("/", "_") + ".o"
                    subprocess.run([*COMPILER, "-std=c++20", "-O0", "-Isrc", "-c", name, "-o", output],
                                   cwd=root, check=True)
                    commands.append({"directory": str(root), "file": name, "output": output})
            (root / "compile_commands.json").write_text(json.dumps(commands))
            done = subprocess.run([SCRIPT, root, "--root", root, "--folder", "src", *arguments],
                                  stdout=subprocess.PIPE, text=True, check=False)
            return done.returncode, done.stdout

    def test_finds_none_where_calls_go_one_way(self):
        code, text = self.look({}, "--check")
        self.assertEqual(code, 0, text)
        self.assertIn("circles of files: 0\n", text)
        self.assertIn("circles of wings: 0\n", text)

    def test_finds_files_that_call_each_other(self):
        text = self.look({"src/step/one.cc": '#include "step/two.h"\nnamespace adit {\n'
                                             "int one(int n) { return n == 0 ? 0 : two(n - 1); }\n}\n"},
                         "--check", "--why")
        self.assertEqual(text[0], 0, text)
        self.assertIn("  2: src/step/one src/step/two\n", text[1])
        self.assertIn("src/step/two -> src/step/one: adit::two_and_one -> adit::one\n", text[1])

    def test_finds_wings_that_call_each_other(self):
        back = {"src/low/low.cc": '#include "low/low.h"\n#include "step/one.h"\nnamespace adit {\n'
                                  "int low(int n) { return n == 0 ? 0 : one(n - 1); }\n}\n"}
        code, text = self.look(back, "--check")
        self.assertEqual(code, 1, text)
        self.assertIn("circles of wings: 1\n  2: src/low src/step\n", text)

    def test_takes_wings_from_a_table(self):
        with tempfile.NamedTemporaryFile("w") as table:
            table.write("src/step/one.cc a\nsrc/step/two b\n")
            table.flush()
            text = self.look({"src/step/one.cc": '#include "step/two.h"\nnamespace adit {\n'
                                                 "int one(int n) { return n ? two(n) : 0; }\n}\n"},
                             "--check", "--table", table.name)
        self.assertEqual(text[0], 1, text)
        self.assertIn("circles of wings: 1\n  2: a b\n", text[1])


if __name__ == "__main__":
    unittest.main(argv=sys.argv[:1])

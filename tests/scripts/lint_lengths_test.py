#!/usr/bin/python3
# SPDX-License-Identifier: Apache-2.0
"""Plants files that scripts/lint-lengths has to find, beside others that are as long as may be.

usage: lint_lengths_test.py SOURCE_ROOT
"""
import pathlib
import subprocess
import sys
import tempfile
import unittest

ROOT = pathlib.Path(sys.argv.pop(1))
CODE, COMMENT = {"//": "int x;", "#": "x = 1"}, {"//": "  // why", "#": "  # why"}


class Lengths(unittest.TestCase):
    def setUp(self):
        self.folder = tempfile.TemporaryDirectory(prefix="adit-lengths-")
        self.addCleanup(self.folder.cleanup)
        self.root = pathlib.Path(self.folder.name)

    def lint(self, root=None):
        run = subprocess.run([ROOT / "scripts/lint-lengths", root or self.root], stdout=subprocess.PIPE, text=True)
        self.assertEqual(run.returncode, 1 if run.stdout else 0)
        return run.stdout.splitlines()

    def write(self, place, *lines):
        path = self.root / place
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text("\n".join(lines) + "\n", encoding="utf-8")

    def test_the_tree_has_no_long_file(self):
        self.assertEqual(self.lint(ROOT), [])

    def test_one_line_too_many_is_found_in_every_language_and_folder(self):
        expected = []
        for place, mark in (("dataplane/route/planted.cc", "//"), ("include/adit/planted.h", "//"),
                            ("tests/unit/planted.cc", "//"), ("control/planted.cc", "//"), ("tests/packet/planted.py", "#"),
                            ("tests/lab/planted.sh", "#"), ("bench/planted.py", "#"), ("config/planted.py", "#")):
            self.write(place, *[CODE[mark]] * 401)
            expected.append(f"{place}: 401 lines")
        for place in ("scripts/planted", ".ci/planted"):
            self.write(place, "#!/bin/bash", *["true"] * 401)
            expected.append(f"{place}: 401 lines")
        found = self.lint()
        self.assertEqual(sorted(line.split(" of code")[0] for line in found), sorted(expected))

    def test_blank_lines_and_comments_do_not_count(self):
        for place, mark in (("dataplane/planted.cc", "//"), ("tests/packet/planted.py", "#")):
            self.write(place, *[CODE[mark], "", COMMENT[mark], "   "] * 400)
        self.write("scripts/planted", "#!/bin/bash", *["true", "# why"] * 400)
        self.assertEqual(self.lint(), [])

    def test_code_with_a_comment_behind_it_and_directives_count(self):
        self.write("dataplane/planted.cc", "#include <array>", *["int x;  // why"] * 400)
        self.assertEqual(len(self.lint()), 1)

    def test_text_and_pictures_are_no_code(self):
        self.write("config/planted.yaml", *["x: 1"] * 500)
        self.write("tests/fuzz/planted", *["data"] * 500)
        self.assertEqual(self.lint(), [])


if __name__ == "__main__":
    unittest.main(verbosity=0)

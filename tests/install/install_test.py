# SPDX-License-Identifier: Apache-2.0
"""Installs a build into a folder, and looks at what is there: that everything is where Debian has it,
and works from there. What a tool would have to judge is skipped where it is missing.

usage: install_test.py BUILD_ROOT SOURCE_ROOT
"""
import json
import os
import pathlib
import re
import shutil
import subprocess
import sys
import tempfile
import unittest

BUILD, SOURCE = map(pathlib.Path, sys.argv[1:3])
LOADER = pathlib.Path("/usr/share/bash-completion/bash_completion")


def run(*command, **options):
    return subprocess.run([str(word) for word in command], text=True, stdout=subprocess.PIPE,
                          stderr=subprocess.PIPE, stdin=subprocess.DEVNULL, timeout=120, **options)


def needs(tool):
    return unittest.skipUnless(shutil.which(tool), f"{tool} is not installed")


class Install(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        cls.folder = tempfile.TemporaryDirectory(prefix="adit-install-")
        cls.addClassCleanup(cls.folder.cleanup)
        done = run("meson", "install", "-C", BUILD, "--no-rebuild",
                   env=os.environ | {"DESTDIR": cls.folder.name})
        if done.returncode != 0:
            raise AssertionError(done.stdout + done.stderr)
        options = json.loads((BUILD / "meson-info/intro-buildoptions.json").read_text())
        cls.prefix = next(option["value"] for option in options if option["name"] == "prefix")
        cls.root = pathlib.Path(cls.folder.name)
        cls.usr = pathlib.Path(cls.folder.name + cls.prefix)
        cls.environment = {"PATH": f"{cls.usr}/sbin:{cls.usr}/bin:{os.environ['PATH']}", "LC_ALL": "C.UTF-8",
                           "HOME": cls.folder.name}

    def run_installed(self, *command):
        return run(*command, env=self.environment)

    def pages(self):
        return sorted((self.usr / "share/man").rglob("*.[1-8]"))

    def test_everything_is_where_debian_has_it(self):
        expected = {
            "sbin/aditd", "bin/aditctl", "bin/adit-replay", "bin/adit-bench",
            "share/man/man1/aditctl.1", "share/man/man1/adit-replay.1",
            "share/man/man1/adit-bench.1", "share/man/man5/adit.yaml.5",
            "share/man/man8/aditd.8", "share/bash-completion/completions/aditctl",
            "lib/systemd/system/adit.service", "lib/sysusers.d/adit.conf", "share/adit/adit.schema.json",
            "share/doc/adit/examples/systemd/as-root.conf", "share/doc/adit/examples/systemd/nic.conf",
            "libexec/adit/hugepages", "libexec/adit/vfio-bind"}
        for folder, place, pattern in (("config/examples", "examples", "*.yaml"), ("docs", "", "*.md"),
                                       ("docs/design", "design", "*.md"), ("docs/pictures", "pictures", "*.svg")):
            expected |= {os.path.join("share/doc/adit", place, path.name)
                         for path in (SOURCE / folder).glob(pattern)}
        found = {str(path.relative_to(self.usr)) for path in self.usr.rglob("*") if not path.is_dir()}
        self.assertEqual(found, expected)
        outside = {path for path in self.root.rglob("*") if path.is_file()} - set(self.usr.rglob("*"))
        self.assertEqual(outside, set())
        for name in expected:
            mode = (self.usr / name).stat().st_mode & 0o777
            self.assertEqual(mode, 0o755 if "bin/" in name or "libexec/" in name else 0o644, name)

    def test_programs_run(self):
        for name in ("aditd", "aditctl", "adit-replay", "adit-bench"):
            done = self.run_installed(name, "--version")
            self.assertEqual((done.returncode, done.stderr), (0, ""), name)
            self.assertRegex(done.stdout, r"\b\d+\.\d+\.\d+\b")

    def test_examples_are_accepted(self):
        for path in sorted((self.usr / "share/doc/adit/examples").glob("*.yaml")):
            done = self.run_installed("aditctl", "check", path)
            self.assertEqual(done.returncode, 0, f"{path.name}: {done.stdout}{done.stderr}")

    def test_links_of_the_documents_lead_somewhere(self):
        for path in sorted((self.usr / "share/doc/adit").rglob("*.md")):
            for link in re.findall(r"\]\(([^)#:]+)(?:#[^)]*)?\)", path.read_text(encoding="utf-8")):
                self.assertTrue((path.parent / link).exists(), f"{path.name}: {link}")

    def test_the_unit_names_what_is_installed(self):
        unit = (self.usr / "lib/systemd/system/adit.service").read_text(encoding="utf-8")
        self.assertEqual(re.findall(r"@\w+@", unit), [])
        commands = re.findall(r"^Exec(?:Start|Reload)=(\S+)", unit, re.MULTILINE)
        self.assertEqual(commands, [f"{self.prefix}/sbin/aditd", f"{self.prefix}/bin/aditctl"])
        for path in commands + re.findall(r"file:(\S+)", unit):
            self.assertTrue(pathlib.Path(self.folder.name + path).is_file(), path)
        for name, section in re.findall(r"man:(\S+)\((\d)\)", unit):
            self.assertTrue((self.usr / f"share/man/man{section}/{name}.{section}").is_file(), name)

    def unit_with(self, *drop_ins):
        """The unit with programs from here, and with drop-ins of the examples."""
        unit = self.root / "adit.service"
        text = (self.usr / "lib/systemd/system/adit.service").read_text(encoding="utf-8")
        for name in drop_ins:
            text += (self.usr / "share/doc/adit/examples/systemd" / name).read_text(encoding="utf-8")
        text = re.sub(rf"(Exec\w+=[+]?){self.prefix}/", rf"\1{self.usr}/", text)
        unit.write_text(text, encoding="utf-8")
        self.addCleanup(unit.unlink, missing_ok=True)
        return unit

    @needs("systemd-analyze")
    def test_systemd_understands_the_unit(self):
        for drop_ins in ([], ["as-root.conf"], ["nic.conf"]):
            with self.subTest(drop_ins):
                done = run("systemd-analyze", "verify", "--man=no", self.unit_with(*drop_ins))
                ours = [line for line in (done.stdout + done.stderr).splitlines() if "adit" in line]
                self.assertEqual(ours, [])

    @needs("systemd-analyze")
    def test_the_unit_exposes_little(self):
        done = run("systemd-analyze", "security", "--offline=yes", "--no-pager", self.unit_with())
        level = re.search(r"exposure level for adit.service: ([0-9.]+)", done.stdout)
        self.assertTrue(level, done.stdout + done.stderr)
        self.assertLess(float(level[1]), 3)

    @needs("man")
    def test_man_renders_each_page_without_a_warning(self):
        environment = self.environment | {"MANPAGER": "cat", "MANWIDTH": "80", "MANROFFSEQ": ""}
        self.assertEqual(len(self.pages()), 5)
        for page in self.pages():
            done = run("man", "--warnings", "-l", page, env=environment)
            self.assertEqual((done.returncode, done.stderr), (0, ""), page.name)
            name, section = page.name.rsplit(".", 1)
            heads = set(re.findall(r"^[A-Z][A-Z ]+$", done.stdout, re.MULTILINE))
            expected = {"NAME", "DESCRIPTION", "SEE ALSO"} | ({"SYNOPSIS"} if section != "5" else set())
            self.assertEqual(expected - heads, set(), page.name)
            by_name = run("man", "-M", self.usr / "share/man", section, name, env=environment)
            self.assertTrue(by_name.stdout == done.stdout, f"man {section} {name}: {by_name.stderr}")

    def complete(self, line, setup=None):
        """What a bash without any start-up file offers for the line."""
        setup = setup or f"source {self.usr}/share/bash-completion/completions/aditctl"
        script = (f'set -u\n{setup}\nread -ra COMP_WORDS <<<"$1"\n[[ $1 != *" " ]] || COMP_WORDS+=("")\n'
                  'COMP_CWORD=$((${#COMP_WORDS[@]} - 1)) COMP_LINE=$1 COMP_POINT=${#1}\n'
                  'spec=$(complete -p aditctl)\n[[ $spec =~ -F\\ ([^ ]+) ]]\n'
                  '"${BASH_REMATCH[1]}" aditctl "${COMP_WORDS[-1]}" "${COMP_WORDS[-2]}"\n'
                  'printf "%s\\n" "${COMPREPLY[@]}"\n')
        done = self.run_installed("bash", "--noprofile", "--norc", "-c", script, "bash", line)
        self.assertEqual((done.returncode, done.stderr), (0, ""), line)
        return set(done.stdout.split())

    def test_completion_offers_every_command_and_option(self):
        reference = self.run_installed("aditctl", "--help").stdout
        commands = set(re.findall(r"^  ([a-z]+)\b", reference, re.MULTILINE))
        self.assertGreaterEqual(commands, {"show", "reload", "check", "drain"})
        self.assertGreaterEqual(self.complete("aditctl "), commands)
        subjects = self.complete("aditctl show ")
        self.assertEqual(subjects, set(re.findall(r"^  show ([a-z-]+)", reference, re.MULTILINE)))
        for subject in sorted(subjects):
            text = self.run_installed("aditctl", "help", "show", subject).stdout
            options = set(re.findall(r"^\s+(--[a-z-]+)", text, re.MULTILINE))
            self.assertEqual(options - self.complete(f"aditctl show {subject} --"), set(), subject)
        self.assertEqual(self.complete("aditctl sh"), {"show"})
        self.assertEqual(self.complete("aditctl show ser"), {"services"})
        self.assertEqual(self.complete("aditctl --socket /nowhere show connections --sta"), {"--state"})
        self.assertEqual(self.complete(f"aditctl check {self.usr}/share/doc/adit/exam"),
                         {f"{self.usr}/share/doc/adit/examples"})

    @unittest.skipUnless(LOADER.exists(), "bash-completion is not installed")
    def test_bash_completion_finds_it(self):
        load = (f"set +u\nexport XDG_DATA_DIRS={self.usr}/share\nsource {LOADER}\n"
                "_completion_loader aditctl || [[ $? == 124 ]]")
        self.assertIn("show", self.complete("aditctl ", load))


if __name__ == "__main__":
    unittest.main(argv=sys.argv[:1], verbosity=2)

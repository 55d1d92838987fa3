# SPDX-License-Identifier: Apache-2.0
"""aditd between two cables of a generator's namespace, all of it made for the purpose and removed again.

    [gen: g0]--veth--[gw: aditd's first port]   [gw: aditd's second port]--veth--[gen: g1]
"""

import json
import os
import pathlib
import shutil
import subprocess
import tempfile
import time

import netns
import scenarios

GENERATOR_PORTS = ("g0", "g1")
OUR_PORTS = ("p0", "p1")
PATIENCE_S = 90


def check_machine(build):
    """Throws MissingError with what to install or to do."""
    if os.geteuid() != 0:
        raise netns.MissingError("network namespaces need root: run it with sudo")
    for program, package in (("ip", "iproute2"), ("tc", "iproute2"), ("ethtool", "ethtool"), ("sysctl", "procps")):
        if not shutil.which(program, path=os.environ.get("PATH", "") + ":/usr/sbin:/sbin"):
            raise netns.MissingError(f"{program} is not installed: apt install {package}")
    for program in ("aditd", "aditctl"):
        if not (pathlib.Path(build) / "control" / program).exists():
            raise netns.MissingError(f"no control/{program} in {build}: meson setup {build} --buildtype=release && "
                                     f"ninja -C {build} control/aditd control/aditctl")


class Gateway:
    """`with Gateway(...) as gateway`: aditd runs, and its ports are up."""

    def __init__(self, build, scenario, load, *, kind="af_packet", poll="busy", system=()):
        self.build, self.scenario, self.load, self.kind, self.poll = pathlib.Path(build), scenario, load, kind, poll
        self.system = system
        self.spaces, self.daemon = [], None

    def __enter__(self):
        self.folder = tempfile.mkdtemp(prefix="adit-wire-")
        try:
            self.set_up()
        except BaseException:
            self.__exit__(None, None, None)
            raise
        return self

    def __exit__(self, *_):
        if self.daemon:
            netns.end_group(self.daemon, patience_s=PATIENCE_S)
        for space in self.spaces:
            space.remove()
        shutil.rmtree(self.folder, ignore_errors=True)

    def set_up(self):
        prefix = f"adit-wire-{os.getpid()}"
        for name in ("gw", "gen"):
            self.spaces.append(netns.Namespace(f"{prefix}-{name}"))
        self.gw, self.gen = self.spaces
        for ours, theirs in zip(OUR_PORTS, GENERATOR_PORTS):
            netns.cable(self.gw, ours, self.gen, theirs, 9300)
        devices = {port: f"{self.kind}:{ours}" for port, ours in zip(self.scenario.ports, OUR_PORTS)}
        config = os.path.join(self.folder, "adit.yaml")
        keys = [f"poll: {self.poll}", "workers: 1", f"socket: {self.folder}/adit.sock", *self.system]
        with open(config, "w", encoding="utf-8") as file:
            file.write(scenarios.yaml_of(self.scenario, self.load, devices, keys))
        self.log = os.path.join(self.folder, "aditd.log")
        self.daemon = self.gw.spawn([*netns.priority(), self.build / "control/aditd", "--config", config], self.log)
        end = time.monotonic() + PATIENCE_S
        while time.monotonic() < end:
            if self.daemon.poll() is not None:
                break
            if self.try_show("ports") is not None:
                return
            time.sleep(0.1)
        tail = pathlib.Path(self.log).read_text(encoding="utf-8", errors="replace")[-2000:]
        raise netns.MissingError(f"aditd did not start:\n{tail}")

    def try_show(self, what):
        done = subprocess.run([self.build / "control/aditctl", "--socket", f"{self.folder}/adit.sock", "-j", "show", what],
                              capture_output=True, text=True, check=False)
        return json.loads(done.stdout) if done.returncode == 0 else None

    def show(self, what):
        rows = self.try_show(what)
        if rows is None:
            raise netns.MissingError(f"aditctl show {what} has no answer; the end of aditd's log:\n"
                                     + pathlib.Path(self.log).read_text(encoding="utf-8", errors="replace")[-2000:])
        return rows

    def drops(self):
        return {row["reason"]: row["packets"] for row in self.show("drops") if row["packets"]}

    def generator_port(self, port):
        """The generator's interface that is wired to one of adit's ports."""
        return GENERATOR_PORTS[self.scenario.ports.index(port)]

    def our_interface(self, port):
        return OUR_PORTS[self.scenario.ports.index(port)]

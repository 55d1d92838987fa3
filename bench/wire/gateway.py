# SPDX-License-Identifier: Apache-2.0
"""aditd between two cables of a generator's namespace, all of it made for the purpose and removed again.

    [gen: g0]--veth--[gw: aditd's first port]   [gw: aditd's second port]--veth--[gen: g1]
With TAPs there is nothing in between: g0 and g1 are aditd's own.
"""

import json
import os
import pathlib
import re
import shutil
import subprocess
import tempfile
import time

import netns
import scenarios

GENERATOR_PORTS = ("g0", "g1")
OUR_PORTS = ("p0", "p1")
KINDS = ("af_packet", "af_xdp", "tap")
# What an af_xdp port's buffers of one page hold, with room for a tunnel's headers and what the kernel needs.
XDP_MTU, XDP_FRAME = 3400, 3300
PATIENCE_S = 90
WORKER_THREADS = ("dpdk-worker", "rte-worker", "lcore")


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

    def __init__(self, build, scenario, load, *, kind="af_packet", poll="busy", system=(), most_mtu=9300):
        self.build, self.scenario, self.load, self.kind, self.poll = pathlib.Path(build), scenario, load, kind, poll
        self.system, self.most_mtu = system, XDP_MTU if kind == "af_xdp" else most_mtu
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
        if self.kind != "tap":
            for ours, theirs in zip(OUR_PORTS, GENERATOR_PORTS):
                netns.cable(self.gw, ours, self.gen, theirs, self.most_mtu)
        devices = {port: f"{self.kind}:{ours}" for port, ours in zip(self.scenario.ports, OUR_PORTS)}
        config = os.path.join(self.folder, "adit.yaml")
        keys = [f"poll: {self.poll}", "workers: 1", f"socket: {self.folder}/adit.sock", *self.system]
        with open(config, "w", encoding="utf-8") as file:
            file.write(re.sub(r"(?<=mtu_bytes: )\d+", lambda mtu: str(min(int(mtu[0]), self.most_mtu)),
                              scenarios.yaml_of(self.scenario, self.load, devices, keys)))
        self.log = os.path.join(self.folder, "aditd.log")
        self.daemon = self.gw.spawn([*netns.priority(), self.build / "control/aditd", "--config", config,
                                     "--state-dir", os.path.join(self.folder, "state")], self.log)
        end = time.monotonic() + PATIENCE_S
        while time.monotonic() < end:
            if self.daemon.poll() is not None:
                break
            if self.try_show("ports") is not None:
                self.plug_taps()
                return
            time.sleep(0.1)
        tail = pathlib.Path(self.log).read_text(encoding="utf-8", errors="replace")[-2000:]
        raise netns.MissingError(f"aditd did not start:\n{tail}")

    def plug_taps(self):
        if self.kind != "tap":
            return
        for ours, theirs in zip(OUR_PORTS, GENERATOR_PORTS):
            netns.run("ip", "-n", self.gw.name, "link", "set", ours, "netns", self.gen.name, "name", theirs)
            netns.run("ip", "-n", self.gen.name, "link", "set", theirs, "up", "promisc", "on")

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

    def worker_seconds(self):
        """Time of the worker's thread on a processor: of the scheduler, whose unit is a nanosecond."""
        spent, names = 0, set()
        tasks = pathlib.Path(f"/proc/{self.daemon.pid}/task")  # `ip netns exec`, `sh` and `nice` have become it
        for task in tasks.iterdir():
            name = (task / "comm").read_text(encoding="utf-8").strip()
            names.add(name)
            if name.startswith(WORKER_THREADS):
                spent += int((task / "schedstat").read_text(encoding="utf-8").split()[0])
        if not any(name.startswith(WORKER_THREADS) for name in names):
            raise netns.MissingError(f"aditd has no thread of a worker: {', '.join(sorted(names))}")
        return spent / 1e9

    def generator_port(self, port):
        """The generator's interface that is wired to one of adit's ports."""
        return GENERATOR_PORTS[self.scenario.ports.index(port)]

    def offered(self, port):
        """Frames that arrived at one of adit's ports, whether it took them or not."""
        if self.kind == "tap":
            return netns.given_to_tap(self.gen.name, self.generator_port(port))
        return netns.received(self.gw.name, OUR_PORTS[self.scenario.ports.index(port)])

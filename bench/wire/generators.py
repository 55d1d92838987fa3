# SPDX-License-Identifier: Apache-2.0
"""Programs that send frames over and over, as quickly as the kernel's token bucket on their interface lets
them: trafgen's own rates are whole seconds' worth at once."""

import os
import re
import shutil
import signal
import struct

import netns

CANDIDATES = {"trafgen": ("trafgen", "netsniff-ng"), "testpmd": ("dpdk-testpmd", "dpdk-dev")}
MOST_TESTPMD_FRAMES = 8192  # infinite_rx keeps all in buffers


def find(name):
    program, package = CANDIDATES[name]
    path = shutil.which(program, path=os.environ.get("PATH", "") + ":/usr/sbin:/sbin")
    if not path:
        raise netns.MissingError(f"{program} is not installed: apt install {package}")
    return path


def pace(namespace, interface, pps, frame_lengths):
    """At most `pps` frames a second leave by the interface, evenly: bursts of at most 50 us or two frames."""
    average = sum(frame_lengths) / len(frame_lengths)
    rate = max(8, round(pps * average * 8))
    burst = max(2 * max(frame_lengths), round(rate / 8 * 50e-6))
    namespace.execute("tc", "qdisc", "replace", "dev", interface, "root", "tbf", "rate", f"{rate}bit",
                      "burst", burst, "limit", 4_000_000)


def trafgen_text(frames):
    """The configuration language of trafgen; runs of zeros are written short."""
    lines = []
    for frame in frames:
        parts = []
        for zeros, others in re.findall(rb"(\0{16,})|((?:(?!\0{16}).)+)", frame, re.DOTALL):
            parts.append(f"fill(0, {len(zeros)})" if zeros else ", ".join(str(byte) for byte in others))
        lines.append("{ " + ", ".join(parts) + " }\n")
    return "".join(lines)


def pcap_bytes(frames, gap_ns=1000):
    """Nanosecond pcap."""
    parts = [struct.pack("<IHHiIII", 0xA1B23C4D, 2, 4, 0, 0, 262144, 1)]
    for number, frame in enumerate(frames):
        seconds, rest = divmod(number * gap_ns, 1_000_000_000)
        parts += [struct.pack("<IIII", seconds, rest, len(frame), len(frame)), frame]
    return b"".join(parts)


def end_pace(namespace, interface):
    """What still waits for its turn is not sent."""
    namespace.execute("tc", "qdisc", "del", "dev", interface, "root")


class Trafgen:
    def __init__(self, folder, namespace, ways):
        """`ways`: interface -> frames."""
        self.namespace, self.folder, self.files = namespace, folder, {}
        self.path = find("trafgen")
        for interface, frames in ways.items():
            self.files[interface] = os.path.join(folder, f"{interface}.cfg")
            with open(self.files[interface], "w", encoding="ascii") as file:
                file.write(trafgen_text(frames))
        self.jumbo = any(len(frame) > 1900 for frames in ways.values() for frame in frames)

    def start(self):
        self.running = [self.namespace.spawn(
            [*netns.priority(), self.path, "--no-sock-mem", "--notouch-irq", "--no-cpu-stats", "--qdisc-path", "--cpus", "1",
             "--gap", "0", *(["--jumbo-support"] if self.jumbo else []), "--in", path, "--out", interface],
            os.path.join(self.folder, f"{interface}.log")) for interface, path in self.files.items()]

    def stop(self):
        stop(self.running)


class Testpmd:
    """Forwards between a pcap file that has no end and the interface."""

    def __init__(self, folder, namespace, ways):
        self.namespace, self.folder = namespace, folder
        self.path = find("testpmd")
        self.devices = []
        self.large = any(len(frame) > 1900 for frames in ways.values() for frame in frames)
        most = MOST_TESTPMD_FRAMES // 4 if self.large else MOST_TESTPMD_FRAMES
        ring = ",framesz=16384,blocksz=65536,framecnt=512" if self.large else ""
        for number, (interface, frames) in enumerate(ways.items()):
            if len(frames) > most:
                raise netns.MissingError(f"testpmd takes at most {most} frames of such sizes, these are {len(frames)}: "
                                         "use fewer --flows, or --generator trafgen")
            path = os.path.join(folder, f"{interface}.pcap")
            with open(path, "wb") as file:
                file.write(pcap_bytes(frames))
            self.devices += ["--vdev", f"net_pcap{number},rx_pcap={path},infinite_rx=1",
                             "--vdev", f"net_af_packet{number},iface={interface},qdisc_bypass=0{ring}"]

    def start(self):
        # Ports are numbered in the order of the devices; neighbours forward to each other.
        self.running = [self.namespace.spawn(
            [*netns.priority(), self.path, "--no-huge", "-m", "512", "--no-pci", "--no-telemetry", "-l", "0,1",
             "--file-prefix", f"adit-wire-{os.getpid()}", *self.devices, "--", "--forward-mode=io", "--auto-start",
             "--port-topology=paired", "--no-mlockall", "--stats-period=3600",
             *(["--total-num-mbufs=16384", "--mbuf-size=16640"] if self.large else ["--total-num-mbufs=32768"])],
            os.path.join(self.folder, "testpmd.log"))]

    def stop(self):
        stop(self.running)


def stop(processes):
    for process in processes:
        netns.end_group(process, signal.SIGINT)


GENERATORS = {"trafgen": Trafgen, "testpmd": Testpmd}

# SPDX-License-Identifier: Apache-2.0
"""Frames of the kits through adit-replay."""
import json
import pathlib
import subprocess
import tempfile

import capture


def replay(program, config, streams, ports):
    """`streams`: port -> frames, a microsecond after each other, or (millisecond, frame). Gives (report, port ->
    frames)."""
    with tempfile.TemporaryDirectory(prefix="adit-wire-") as name:
        folder = pathlib.Path(name)
        (folder / "adit.yaml").write_text(config, encoding="utf-8")
        command = [program, "--config", folder / "adit.yaml", "--report", folder / "report.json"]
        for port in ports:
            command += ["--out", f"{port}={folder / port}.out"]
        for port, wanted in streams.items():
            capture.write_pcap(folder / f"{port}.in", timed(wanted))
            command += ["--in", f"{port}={folder / port}.in"]
        done = subprocess.run(command, capture_output=True, text=True, check=False)
        if done.returncode != 0:
            raise AssertionError(f"adit-replay ends with {done.returncode}: {done.stderr}")
        report = json.loads((folder / "report.json").read_text(encoding="utf-8"))
        return report, {port: [one for _, one in capture.read_pcap(folder / f"{port}.out")] for port in ports}


def timed(sent):
    return [(10**18 + i * 1000 + one[0] * 10**6, one[1]) if isinstance(one, tuple) else (10**18 + i * 1000, one)
            for i, one in enumerate(sent)]


def is_stray(frame):
    """What adit sends by itself: ARP and ND."""
    return frame[12:14] == b"\x08\x06" or frame[12:14] == b"\x86\xdd" and frame[20] == 58

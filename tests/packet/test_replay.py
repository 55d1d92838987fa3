# SPDX-License-Identifier: Apache-2.0
"""adit-replay itself: its command line, the kinds of captures, order, and that equal input
gives equal output."""

import contextlib
import os
import pwd
import resource
import subprocess
import tempfile

import capture
from frames import *
from harness import (MS, SECOND, START_NS, accounting_problems, announcement, frame_problems, main,
                     replay_program, run_program, run_replay, tap)

CONFIG = UPLINK + """
  red0: {device: tap:red0}
  red1: {device: tap:red1}
""" + NEIGHBOURS + """
networks:
  red:
    vni: 100
    members: [{port: red0}, {port: red1}]
    remotes: [{address: 192.0.2.2}, {address: 192.0.2.3}]
"""
A, B, C = host(1, 1), host(1, 2), host(1, 3)
REFUSED = """
ports:
  uplink: {device: tap:up0, mtu_byte: 1500}
  red0: {device: nonsense}
networks:
  red: {vni: 0, members: [{port: nowhere}]}
"""


@contextlib.contextmanager
def files(**contents):
    """A folder with these files; text or captures (lists of packets)."""
    with tempfile.TemporaryDirectory(prefix="adit-packet-") as folder:
        paths = {}
        for name, content in contents.items():
            path = paths[name] = os.path.join(folder, name)
            if isinstance(content, list):
                capture.write_pcap(path, content)
            else:
                with open(path, "wb") as file:
                    file.write(content if isinstance(content, bytes) else content.encode())
        yield folder, paths


def traffic():
    """A bit of everything on three ports, some of it at the same times."""
    inputs = {"uplink": [], "red0": [], "red1": []}
    for index in range(60):
        at = START_NS + index * 37 * MS
        inputs["red0"].append((at, udp(A, B if index % 3 else BROADCAST, sport=index)))
        inputs["red1"].append((at, udp(B, A, dport=index)))
        inputs["uplink"].append((at, arriving(udp(C, A), remote=2 + index % 2)))
        inputs["uplink"].append((at + 5 * MS, arp_request(remote_mac(9), remote_ip(9), OUR_IP)))
    return inputs


def command_line():
    def ends(name, code, arguments, *words, **options):
        done = run_program(arguments, **options)
        said = done.stdout + done.stderr
        missing = [word for word in words if word not in said]
        tap.result(f"{name}: exit code {code}", [
            *([f"it is {done.returncode}"] if done.returncode != code else []),
            *[f"nothing is said of '{word}'" for word in missing],
            *([said] if missing or done.returncode != code else [])])

    ends("--help", 0, ["--help"], "--config", "--in", "--report")
    ends("--version", 0, ["--version"], "adit-replay ")
    with files(yaml=CONFIG, bad=REFUSED, pcap=[(START_NS, udp(A, B))]) as (folder, paths):
        yaml, pcap = paths["yaml"], paths["pcap"]
        out = os.path.join(folder, "out.pcap")
        good = ["--config", yaml, "--in", f"red0={pcap}"]
        ends("a plain run", 0, good, "packets in 1")
        ends("no arguments", 2, [], "--config")
        ends("no input", 2, ["--config", yaml], "--in")
        ends("an option that is not there", 2, [*good, "--frobnicate"], "frobnicate")
        ends("an abbreviated option", 2, ["--conf", yaml, "--in", f"red0={pcap}"], "conf")
        ends("a stray argument", 2, [*good, "stray"])
        ends("--in without a port", 2, ["--config", yaml, "--in", pcap], "PORT=FILE")
        ends("--in without a file", 2, ["--config", yaml, "--in", "red0="], "PORT=FILE")
        ends("a port that is not there", 2, ["--config", yaml, "--in", f"red7={pcap}"],
             "red7", "red0", "uplink")
        ends("an output port that is not there", 2, [*good, "--out", f"red7={out}"], "red7")
        tap.check("and no file was made for it", not os.path.exists(out))
        ends("the same input port twice", 2, [*good, "--in", f"red0={pcap}"], "twice")
        ends("the same output file twice", 2,
             [*good, "--out", f"red0={out}", "--out", f"red1={out}"], "out.pcap")
        ends("the input as output", 2, [*good, "--out", f"red0={pcap}"], "input")
        ends("the input as report", 2, [*good, "--report", pcap], "input of port")
        ends("an output as report", 2, [*good, "--out", f"red0={out}", "--report", out], "output of port")
        for option in (["--report", good[1]], ["--out", f"red0={good[1]}"]):
            ends(f"the configuration as {option[0]}", 2, [*good, *option], "configuration")
        tap.check("and the input is still there", len(capture.read_pcap(pcap)) == 1)
        for burst in ("0", "65", "-1", "x"):
            ends(f"--burst {burst}", 2, [*good, "--burst", burst], "burst")
        for workers in ("0", "17", "-1", "x"):
            ends(f"--workers {workers}", 2, [*good, "--workers", workers], "workers")
        ends("a refused configuration, all its mistakes at once", 3,
             ["--config", paths["bad"], "--in", f"red0={pcap}"],
             "bad:3:", "mtu_bytes", "bad:4:", "nonsense", "vni", "nowhere")
        ends("no such configuration", 3,
             ["--config", os.path.join(folder, "none"), "--in", f"red0={pcap}"], "none")
        ends("no such capture", 1,
             ["--config", yaml, "--in", "red0=" + os.path.join(folder, "none")], "none")
        ends("a capture that is none", 1, ["--config", yaml, "--in", f"red0={yaml}"], yaml)
        ends("an empty file", 1, ["--config", yaml, "--in", "red0=/dev/null"], "/dev/null")
        ends("an output that cannot be made", 1,
             [*good, "--out", "uplink=" + os.path.join(folder, "no", "where")], "where")
        ends("a report that cannot be made", 1,
             [*good, "--report", os.path.join(folder, "no", "where")], "where")
        ends("a full disk", 1, [*good, "--out", "uplink=/dev/full"], "/dev/full")
        raw = os.path.join(folder, "raw")
        capture.write_pcap(raw, [(START_NS, udp(A, B)[14:])], link_type=101)
        ends("a capture without Ethernet", 1, ["--config", yaml, "--in", f"red0={raw}"], "RAW")
        large = os.path.join(folder, "large")
        with open(large, "w", encoding="utf-8") as file:
            file.write(CONFIG + "system: {mbufs: 16777216, memory_mb: 1048576, workers: 64}\n")
        ends("what a large aditd asks of its machine is not asked of this one", 0,
             ["--config", large, "--in", f"red0={pcap}"], "packets in 1")
        if not has_sanitizer():
            with open(large, "w", encoding="utf-8") as file:
                file.write(CONFIG + "system: {fdb_capacity: 16777216}\n")
            ends("memory that is not there", 4, ["--config", large, "--in", f"red0={pcap}"], "MB",
                 preexec_fn=lambda: resource.setrlimit(resource.RLIMIT_AS, (1 << 30, 1 << 30)))


def same_bytes():
    with files(yaml=CONFIG, **{port: packets for port, packets in traffic().items()}) as \
            (folder, paths):
        results = []
        for turn in range(2):
            names = [os.path.join(folder, f"{name}.{turn}") for name in (*traffic(), "report")]
            arguments = ["--config", paths["yaml"], "--report", names[-1]]
            for port, name in zip(traffic(), names):
                arguments += ["--in", f"{port}={paths[port]}", "--out", f"{port}={name}"]
            done = run_program(arguments)
            contents = []
            for name in names:
                with open(name, "rb") as file:
                    contents.append(file.read())
            results.append((done.returncode, done.stdout, done.stderr, contents))
        tap.check("equal input gives equal captures and report, byte for byte",
                  results[0] == results[1] and results[0][0] == 0 and
                  all(len(content) > 100 for content in results[0][3]),
                  str([result[:3] for result in results]))


def formats():
    """The same packets in every form that libpcap reads."""
    inputs = traffic()
    ports = list(inputs)
    plain = run_replay(CONFIG, inputs, ports)
    tap.result("formats: every packet is accounted for", accounting_problems(plain))
    ways = {
        "pcapng": capture.write_pcapng,
        "big-endian pcap": lambda path, packets: capture.write_pcap(path, packets, order=">"),
        "microsecond pcap": lambda path, packets: capture.write_pcap(
            path, packets, magic=0xA1B2C3D4),
    }
    for name, write in ways.items():
        run = run_replay(CONFIG, inputs, ports, write=write)
        tap.check(f"{name} gives the same captures and report",
                  run.outputs == plain.outputs and run.raw_report == plain.raw_report, run.stderr)
    nano = {"red0": [(START_NS + 123456789, udp(A, B))]}
    for name, write in (("pcap", capture.write_pcap), ("pcapng", capture.write_pcapng)):
        run = run_replay(CONFIG, nano, ["red1"], write=write)
        tap.check(f"{name}: times are kept to the nanosecond",
                  [at for at, _ in run.outputs["red1"]] == [START_NS + 123456789],
                  str(run.outputs))


def order():
    """Captures are merged by time; between equal times the order of --in decides."""
    mine, other = udp(A, BROADCAST), udp(B, BROADCAST)
    for first, second in (("red0", "red1"), ("red1", "red0")):
        inputs = {first: [(START_NS, mine), (START_NS + 2 * MS, mine)],
                  second: [(START_NS, other), (START_NS + MS, other)]}
        run = run_replay(CONFIG, inputs, ["uplink"])
        got = [frame for _, frame in run.outputs["uplink"] if frame != announcement()]
        expected = [encapsulated(frame, 100, n) for frame in (mine, other, other, mine)
                    for n in (2, 3)]
        tap.result(f"packets of {first} and {second} leave in order of time, then of --in",
                   frame_problems(expected, got, True))
    back = {"red0": [(START_NS + 5 * SECOND, udp(A, B, size=1)), (START_NS, udp(A, B, size=2)),
                     (START_NS + 6 * SECOND, udp(A, B, size=3))]}
    run = run_replay(CONFIG, back, ["red1"])
    tap.check("where a capture's time goes backwards the file's order rules",
              run.outputs["red1"] == [(START_NS + 5 * SECOND, udp(A, B, size=1)),
                                      (START_NS + 5 * SECOND, udp(A, B, size=2)),
                                      (START_NS + 6 * SECOND, udp(A, B, size=3))],
              str(run.outputs))
    tap.check("and the report says so",
              [(note["port"], note["packet"]) for note in run.report["notes"]] == [("red0", 2)],
              str(run.report["notes"]))
    for start in (0, 1, 999_999_999, 4_000_000_000 * SECOND):
        run = run_replay(CONFIG, {"red0": [(start, udp(A, B)), (start + MS, udp(A, B))],
                                  "red1": [(start + 2 * MS, udp(B, A))]}, ["red0", "red1"])
        tap.result(f"time may begin at {start} ns", accounting_problems(run) + frame_problems(
            [udp(B, A)], [frame for _, frame in run.outputs["red0"]], True))
    run = run_replay(CONFIG, {"red0": []}, ["uplink"])
    tap.check("a capture without packets is one", run.exit_code == 0 and
              run.report["packets_in"] == 0, run.stderr)


def odd_captures():
    def with_length(path, packets):
        capture.write_pcap(path, [(at, frame[:60], len(frame)) for at, frame in packets])

    run = run_replay(CONFIG, {"red0": [(START_NS, udp(A, B, size=200))]}, ["red1"],
                     write=with_length)
    tap.result("a packet cut by the snap length is replayed as far as it goes, and noted",
               frame_problems([udp(A, B, size=200)[:60]], [f for _, f in run.outputs["red1"]], True)
               + ([] if [n["packet"] for n in run.report["notes"]] == [1] else
                  [str(run.report["notes"])]))

    long = [(START_NS, of_length(A, B, 9000)), (START_NS + MS, udp(A, B))]
    run = run_replay(CONFIG, {"red0": long}, ["red1"])
    tap.result("a packet longer than a buffer is left out, and noted",
               frame_problems([udp(A, B)], [f for _, f in run.outputs["red1"]], True)
               + ([] if [n["packet"] for n in run.report["notes"]] == [1] else
                  [str(run.report["notes"])]) + accounting_problems(run))

    def broken_off(path, packets):
        capture.write_pcap(path, packets)
        os.truncate(path, os.path.getsize(path) - 10)

    two = [(START_NS, udp(A, B)), (START_NS + MS, udp(A, B))]
    run = run_replay(CONFIG, {"red0": two}, ["red1"], write=broken_off)
    tap.result("a capture that breaks off is replayed as far as it goes, and noted",
               frame_problems([udp(A, B)], [f for _, f in run.outputs["red1"]], True)
               + ([] if len(run.report["notes"]) == 1 and "breaks off" in run.stderr else
                  [run.stderr]) + accounting_problems(run))


def report():
    """All counters of a small run, computed here by hand."""
    flood, back, known = udp(A, B, size=100), arriving(udp(C, A, size=50)), udp(A, C, size=10)
    inputs = {"red0": [(START_NS, flood), (START_NS + 2 * MS, known), (START_NS + 3 * MS, b"")],
              "uplink": [(START_NS + MS, back), (START_NS + 4 * MS, arriving(flood, 7))]}
    run = run_replay(CONFIG, inputs, ["red0", "red1", "uplink"])
    flood_len, known_len, back_len = len(flood), len(known), len(udp(C, A, size=50))
    hello = len(announcement())

    def counts(*values):
        return dict(zip(("rx_packets", "rx_bytes", "tx_packets", "tx_bytes"), values))

    expected = {
        "packets_in": 5,
        "packets_out": 6,
        "buffers_leaked": 0,
        "ports": [
            {"name": "uplink"} | counts(2, len(back) + len(arriving(flood, 7)), 4,
                                        hello + 2 * (flood_len + 50) + known_len + 50),
            {"name": "red0"} | counts(3, flood_len + known_len, 1, back_len),
            {"name": "red1"} | counts(0, 0, 1, flood_len),
        ],
        "networks": [{"name": "red", "vni": 100} | counts(
            3, flood_len + known_len + back_len, 5, 3 * flood_len + known_len + back_len)],
        "remotes": [
            {"network": "red", "kind": "vxlan", "address": "192.0.2.2"} | counts(
                1, back_len, 2, flood_len + known_len) | {"errors": {"tunnel_id_unknown": 1}},
            {"network": "red", "kind": "vxlan", "address": "192.0.2.3"} | counts(
                0, 0, 1, flood_len) | {"errors": {}},
        ],
        "drop_counts": {"runt_frame": 1, "tunnel_id_unknown": 1},
        "drops": [{"port": "red0", "packet": 3, "reason": "runt_frame"},
                  {"port": "uplink", "packet": 2, "reason": "tunnel_id_unknown"}],
        "notes": [],
    }
    for key, value in expected.items():
        tap.check(f"report: {key}", run.report.get(key) == value,
                  f"is {run.report.get(key)}\nnot {value}")
    worker = {key: run.report["worker"][key] for key in
              ("received", "sent", "dropped", "copied", "consumed", "originated", "flooded")}
    tap.check("report: worker", worker == {"received": 5, "sent": 6, "dropped": 2, "copied": 2,
                                           "consumed": 0, "originated": 1, "flooded": 1},
              str(worker))


def left_over():
    """What would wait for longer than a replay lasts is given up at its end, and its sender, who is
    behind a tunnel of a network, told."""
    config = UPLINK + NEIGHBOURS + f"""
networks:
  red: {{vni: 100, remotes: [{{address: 192.0.2.2}}]}}
vrfs:
  one:
    networks: {{red: {{addresses: [10.1.0.254/24], mac: "02:00:00:00:01:fe"}}}}
    neighbours: [{{address: 10.1.0.8, mac: "{A}"}}]
fragments: {{timeout_ms: 60000}}
"""
    datagrams = 40  # more than a pass gives up

    def first(ident):
        return Ether(src=A, dst="02:00:00:00:01:fe") / IP(
            src="10.1.0.8", dst="10.1.0.254", flags="MF", id=ident) / ICMP() / Raw(bytes(56))

    inputs = [(START_NS + ident * MS, arriving(bytes(first(ident)))) for ident in range(datagrams)]
    run = run_replay(config, {"uplink": inputs}, ["uplink"])
    tap.check("left over: accounts", not accounting_problems(run), str(accounting_problems(run)))
    tap.check("left over: all are given up",
              run.report["drop_counts"] == {"ip_reassembly": datagrams},
              str(run.report["drop_counts"]))
    told = [frame for _, frame in run.outputs["uplink"]
            if VXLAN in Ether(frame) and ICMP in Ether(frame) and Ether(frame)[ICMP].type == 11]
    tap.check("left over: and each sender is told", len(told) == datagrams, f"{len(told)} are told")


def unprivileged():
    """As user nobody, without hugepages, and several at once."""
    with files(yaml=CONFIG, pcap=[(START_NS, udp(A, B))]) as (folder, paths):
        os.chmod(folder, 0o755)
        command = [replay_program(), "--config", paths["yaml"], "--in", f"red0={paths['pcap']}"]
        scratch = os.path.join(folder, "scratch")
        os.mkdir(scratch)
        options = {"stdout": subprocess.PIPE, "stderr": subprocess.PIPE, "text": True}
        if os.geteuid() == 0:
            if not reachable_for_all(replay_program()):
                tap.check("as nobody # SKIP other users cannot reach the program", True)
            else:
                nobody = pwd.getpwnam("nobody")
                done = subprocess.run(command, user=nobody.pw_uid, group=nobody.pw_gid,
                                      extra_groups=[], env={"PATH": "/usr/bin:/bin"}, cwd="/",
                                      check=False, **options)
                tap.check("runs as user nobody, and has nothing to complain of",
                          done.returncode == 0 and done.stderr == "", done.stderr)
        options["env"] = os.environ | {"TMPDIR": scratch}
        together = [subprocess.Popen(command, **options) for _ in range(4)]
        ends = [(process.communicate(), process.returncode) for process in together]
        tap.check("four at the same time do not meet", all(code == 0 for _, code in ends),
                  str(ends))
        left = os.listdir(scratch)
        tap.check("no directories are left behind", not left, str(left))


def reachable_for_all(path):
    while path != "/":
        if not os.stat(path).st_mode & 0o001:
            return False
        path = os.path.dirname(os.path.abspath(path))
    return True


def has_sanitizer():
    with open(replay_program(), "rb") as file:
        return b"__asan_init" in file.read()


if __name__ == "__main__":
    main(command_line, same_bytes, formats, order, odd_captures, report, left_over, unprivileged)

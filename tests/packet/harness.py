# SPDX-License-Identifier: Apache-2.0
"""Packet tests as tables: cases of one configuration share one run of adit-replay, and are
told apart by the time of their packets. Results are printed as TAP, one line a case."""

import collections
import dataclasses
import difflib
import itertools
import json
import os
import subprocess
import sys
import tempfile
import traceback

import capture

START_NS = 1_700_000_000_000_000_000
MS = 1_000_000
SECOND = 1000 * MS


class Tap:
    """The results of one test file."""

    def __init__(self):
        self.count = 0
        self.failed = 0

    def result(self, name, problems):
        self.count += 1
        if problems:
            self.failed += 1
        print(f"{'not ok' if problems else 'ok'} {self.count} - {name.replace('#', '.')}")
        for problem in problems:
            for line in str(problem).splitlines():
                print(f"#   {line}")
        sys.stdout.flush()

    def check(self, name, good, problem=""):
        self.result(name, [] if good else [problem or "it does not hold"])

    def end(self):
        if Jobs.running:
            self.result("the process that made the runs ends well", Jobs.running.end())
        print(f"1..{self.count}")
        sys.exit(1 if self.failed else 0)


tap = Tap()


def main(*parts):
    """Runs the functions; an exception in one is its failure, not the end of the others."""
    for part in parts:
        try:
            part()
        except Exception:  # a harness reports everything
            tap.result(part.__name__, [traceback.format_exc()])
    tap.end()


def replay_program():
    if len(sys.argv) > 1:
        return os.path.abspath(sys.argv[1])
    if "ADIT_REPLAY" in os.environ:
        return os.path.abspath(os.environ["ADIT_REPLAY"])
    sys.exit("usage: " + sys.argv[0] + " ADIT_REPLAY_PROGRAM   (or set ADIT_REPLAY)")


class Jobs:
    """The program of the second argument, if there is one: adit-replay's runs in one process, which does not
    start anew for each (replay_jobs.cc)."""

    running = None

    def __init__(self):
        self.stderr = tempfile.TemporaryFile("w+")
        self.process = subprocess.Popen([os.path.abspath(sys.argv[2])], stdin=subprocess.PIPE,
                                        stdout=subprocess.PIPE, stderr=self.stderr, text=True)

    def run(self, arguments):
        try:
            self.process.stdin.write(json.dumps(arguments) + "\n")
            self.process.stdin.flush()
            answer = self.process.stdout.readline()
        except BrokenPipeError:
            answer = ""
        if not answer:
            Jobs.running = None
            raise RuntimeError("\n".join(self.end()) or "replay-jobs ended early")
        answer = json.loads(answer)
        return subprocess.CompletedProcess(arguments, answer["exit_code"], "", answer["stderr"])

    def end(self):
        """What sanitizers say at the end, as of leaks."""
        try:
            self.process.communicate()
        except BrokenPipeError:
            self.process.wait()
        self.stderr.seek(0)
        said = self.stderr.read()
        code = self.process.returncode
        return [f"replay-jobs ends with {code}:\n{said}"] if code != 0 or said else []


def run_job(arguments):
    if len(sys.argv) < 3:
        return run_program(arguments)
    Jobs.running = Jobs.running or Jobs()
    return Jobs.running.run(arguments)


@dataclasses.dataclass
class Run:
    """What a run of adit-replay gave."""

    exit_code: int
    stderr: str
    report: dict
    outputs: dict  # port -> [(time in ns, bytes)]
    raw_report: str
    lane_problems: list = dataclasses.field(default_factory=list)


def run_program(arguments, **options):
    return subprocess.run(
        [replay_program(), *arguments], capture_output=True, text=True, timeout=120, **options
    )


def run_replay(config, inputs, outputs, arguments=(), write=capture.write_pcap):
    """`inputs`: port -> [(time in ns, bytes)]; `outputs`: the ports to capture. Where packets may take
    an express lane, the whole pipeline has to give the same; floods, which are long, run once."""
    most_packets = 20000
    run = run_once(config, inputs, outputs, arguments, write)
    if any(key in config for key in ("services:", "networks:", "vrfs:")) and sum(map(len, inputs.values())) <= most_packets:
        slow = run_once(config, inputs, outputs, (*arguments, "--no-express"), write)
        run.lane_problems = lane_problems(run, slow)
    return run


def lane_problems(run, slow):
    """What differs between a run with the express lanes and one without. Packets of one time may leave
    in another order, unless they are of one flow."""
    reports = []
    for one in (run, slow):
        report = json.loads(one.raw_report)
        del report["worker"]["express"]
        reports.append(json.dumps(report, indent=1).splitlines())
    if reports[0] != reports[1]:
        return ["the report differs without express lanes:\n" +
                "\n".join(difflib.unified_diff(*reports, n=1, lineterm=""))]
    return [f"{port}: what is sent differs without express lanes, first {describe(one[1])} and {describe(other[1])}"
            for port in run.outputs if sorted(run.outputs[port]) != sorted(slow.outputs[port])
            for one, other in itertools.islice(
                ((a, b) for a, b in zip(run.outputs[port], slow.outputs[port]) if a != b), 1)]


def run_once(config, inputs, outputs, arguments, write):
    with tempfile.TemporaryDirectory(prefix="adit-packet-") as folder:
        config_path = os.path.join(folder, "adit.yaml")
        report_path = os.path.join(folder, "report.json")
        with open(config_path, "w", encoding="utf-8") as file:
            file.write(config)
        command = ["--config", config_path, "--report", report_path, *arguments]
        for port, packets in inputs.items():
            path = os.path.join(folder, f"in-{port}.pcap")
            write(path, packets)
            command += ["--in", f"{port}={path}"]
        out_paths = {port: os.path.join(folder, f"out-{port}.pcap") for port in outputs}
        for port, path in out_paths.items():
            command += ["--out", f"{port}={path}"]
        done = run_job(command)
        # 1 is also what an imbalance gives, with a report; else there is nothing to look at.
        if done.returncode not in (0, 1) or not os.path.exists(report_path):
            raise RuntimeError(f"adit-replay ends with {done.returncode}:\n{done.stderr}")
        with open(report_path, encoding="utf-8") as file:
            raw_report = file.read()
        captured = {port: capture.read_pcap(path) for port, path in out_paths.items()}
        return Run(done.returncode, done.stderr, json.loads(raw_report), captured, raw_report)


def accounting_problems(run):
    """Each packet that came in must be sent, consumed or dropped by a name, no buffer lost."""
    if run.exit_code != 0:
        return [f"adit-replay ends with {run.exit_code}: {run.stderr.strip()}"]
    problems = list(run.lane_problems)
    report, worker = run.report, run.report["worker"]
    if report["buffers_leaked"] != 0:
        problems.append(f"{report['buffers_leaked']} buffers leaked")
    came = worker["received"] + worker["copied"] + worker["originated"]
    went = worker["sent"] + worker["dropped"] + worker["consumed"]
    if came != went:
        problems.append(f"{came} packets came, {went} went: {worker}")
    counts = collections.Counter(drop["reason"] for drop in report["drops"])
    if dict(counts) != report["drop_counts"]:
        problems.append(f"drops are listed as {dict(counts)}, counted as {report['drop_counts']}")
    if "ERROR: AddressSanitizer" in run.stderr or "runtime error:" in run.stderr:
        problems.append(run.stderr)
    return problems


def announcement(mac="02:00:00:00:00:01", address="192.0.2.1"):
    """A gratuitous ARP request (RFC 5227 section 3)."""
    from scapy.layers.l2 import ARP, Ether

    return bytes(Ether(src=mac, dst="ff:ff:ff:ff:ff:ff") / ARP(
        op=1, hwsrc=mac, psrc=address, hwdst="00:00:00:00:00:00", pdst=address))


class AnySourcePort:
    """An encapsulated frame whose UDP source port (bytes 34 and 35) is adit's choice."""

    def __init__(self, frame):
        self.frame = bytes(frame)


class Free:
    """A frame with fields that are adit's choice: `build` makes the one that is right, given
    the one that came, whose choice it may take over. `frame` is an example, to describe it."""

    def __init__(self, build, frame):
        self.build = build
        self.frame = bytes(frame)


def without_source_port(frame):
    """For comparison, where the port is one that RFC 7348 section 5 permits."""
    if not 49152 <= int.from_bytes(frame[34:36], "big") <= 65535:
        return frame
    return frame[:34] + b"??" + frame[36:]


def comparable(expected, got):
    """The frame that came, as far as the expected one speaks of it."""
    return without_source_port(got) if isinstance(expected, AnySourcePort) else got


def equal(expected, got):
    if isinstance(expected, Free):
        return len(got) == len(expected.frame) and expected.build(got) == got
    return wanted(expected) == comparable(expected, got)


def wanted(expected):
    if isinstance(expected, AnySourcePort):
        return without_source_port(expected.frame)
    return bytes(expected)


def describe(frame):
    from scapy.layers.l2 import Ether  # only where something is wrong

    if isinstance(frame, AnySourcePort):
        return describe(frame.frame) + "  (any source port)"
    if isinstance(frame, Free):
        return describe(frame.frame) + "  (any entropy)"
    frame = bytes(frame)
    try:
        text = Ether(frame).summary()
    except Exception as error:
        text = f"not parseable: {error}"
    return f"{len(frame)} bytes {frame.hex()}  {text}"


def frame_problems(expected, got, ordered):
    """Compares two lists of frames, byte for byte."""
    if ordered:
        pairs = list(itertools.zip_longest(expected, got))
        problems = []
        for index, (want, have) in enumerate(pairs):
            if want is None:
                problems.append(f"unexpected: {describe(have)}")
            elif have is None:
                problems.append(f"missing:    {describe(want)}")
            elif not equal(want, have):
                problems.append(f"frame {index + 1} should be {describe(want)}")
                problems.append(f"     but it is {describe(have)}")
        return problems
    left = collections.Counter(got)
    by_form = {}  # what is left, by how an encapsulated frame is compared
    for frame in left:
        by_form.setdefault(without_source_port(frame), []).append(frame)
    problems = []
    for frame in expected:
        if isinstance(frame, AnySourcePort):
            candidates = by_form.get(wanted(frame), [])
        elif isinstance(frame, Free):
            candidates = (other for other in left if left[other] > 0 and equal(frame, other))
        else:
            candidates = [bytes(frame)]
        found = next((other for other in candidates if left[other] > 0), None)
        if found is None:
            problems.append(f"missing:    {describe(frame)}")
        else:
            left[found] -= 1
    return problems + [f"unexpected: {describe(frame)}" for frame in left.elements()]


@dataclasses.dataclass
class Case:
    name: str
    start_ns: int
    end_ns: int = 0
    sent: list = dataclasses.field(default_factory=list)  # (port, number)
    expected: dict = dataclasses.field(default_factory=dict)
    drops: list = dataclasses.field(default_factory=list)  # (port, number, reason)
    ordered: bool = False
    check: object = None


class Scenario:
    """Cases in the order of their times, all with one configuration."""

    def __init__(self, name, config, ports, arguments=(), start=None, stray=None):
        """`start`: port -> frames that adit sends of itself at the very start; by default the
        announcement of its one address. `stray`: whether a frame (port, bytes) is welcome
        at any time."""
        self.name = name
        self.config = config
        self.ports = ports
        self.arguments = arguments
        self.cases = []
        self.inputs = {}
        self.now_ns = START_NS
        self.result = None
        self.stray = stray or (lambda port, frame: False)
        start = {"uplink": [announcement()]} if start is None else start
        self.case("starts, and drops an empty frame", (ports[0], b""), start, "runt_frame")

    def case(self, name, send, out=None, drop=None, *, wait_ns=10 * MS, spacing_ns=1000,
             ordered=False, last_ns=MS, check=None):
        """`send`: (port, frame) or a list of them, each with an optional third: the ns since the
        packet before. `out`: port -> frames expected. `drop`: a reason for all packets; or
        a list with a reason for each, None where it passes, a list where copies are
        dropped. `wait_ns`: silence before. `last_ns`: how long results may take. `check`:
        function of (outputs by port, drops), gives a list of problems."""
        self.now_ns += wait_ns
        case = Case(name, self.now_ns, ordered=ordered, check=check)
        packets = [send] if isinstance(send, tuple) else list(send)
        for index, (port, frame, *gap) in enumerate(packets):
            if index > 0:
                self.now_ns += gap[0] if gap else spacing_ns
            queue = self.inputs.setdefault(port, [])
            queue.append((self.now_ns, bytes(frame)))
            case.sent.append((port, len(queue)))
        self.now_ns += last_ns
        case.end_ns = self.now_ns
        case.expected = {
            port: [frames] if not isinstance(frames, (list, tuple)) else list(frames)
            for port, frames in (out or {}).items()
        }
        reasons = drop if isinstance(drop, list) else [drop] * len(packets)
        for (port, number), reason in zip(case.sent, reasons, strict=True):
            for one in reason if isinstance(reason, list) else [reason]:
                if one is not None:
                    case.drops.append((port, number, one))
        self.cases.append(case)

    def run(self):
        self.result = run_replay(self.config, self.inputs, self.ports, self.arguments)
        tap.result(f"{self.name}: every packet is accounted for",
                   accounting_problems(self.result))
        drops = [(d["port"], d["packet"], d["reason"]) for d in self.result.report["drops"]]
        for case in self.cases:
            tap.result(f"{self.name}: {case.name}", self.problems_of(case, drops))
        stray = [
            f"{port} at {(time - START_NS) / MS} ms: {describe(frame)}"
            for port, packets in self.result.outputs.items()
            for time, frame in packets
            if not any(case.start_ns <= time <= case.end_ns for case in self.cases)
            and not self.stray(port, frame)
        ]
        tap.result(f"{self.name}: nothing is sent at other times", stray)
        return self.result

    def problems_of(self, case, drops):
        problems = []
        got = {}
        for port, packets in self.result.outputs.items():
            got[port] = [f for time, f in packets if case.start_ns <= time <= case.end_ns]
            for problem in frame_problems(case.expected.get(port, []), got[port], case.ordered):
                problems.append(f"{port}: {problem}")
        mine = [drop for drop in drops if (drop[0], drop[1]) in case.sent]
        if sorted(mine) != sorted(case.drops):
            problems.append(f"dropped: {sorted(mine)}, expected: {sorted(case.drops)}")
        if case.check:
            problems += case.check(got, mine)
        return problems

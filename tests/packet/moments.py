# SPDX-License-Identifier: Apache-2.0
"""What leaves after each of some frames, which come one at a time."""

from harness import MS, START_NS, accounting_problems, run_replay


def moments(config, outputs, sent, each_ms=20, arguments=()):
    """`sent`: (port, frame). Of each: what leaves within `each_ms`, (port, bytes). Then what was dropped of all,
    and what is wrong with the run."""
    # After an empty frame, adit announces its addresses for a while.
    first = START_NS + 10_000 * MS
    times = [first + each_ms * number * MS for number in range(len(sent))]
    inputs = {sent[0][0]: [(START_NS, b"")]}
    for when, (port, frame) in zip(times, sent):
        inputs.setdefault(port, []).append((when, bytes(frame)))
    run = run_replay(config, inputs, outputs, arguments)
    if run.exit_code:
        return [[] for _ in sent], {}, accounting_problems(run)
    drops = {reason: count for reason, count in run.report["drop_counts"].items() if reason != "runt_frame"}
    left = [[(out, bytes(frame)) for out in outputs for when, frame in run.outputs[out] if at <= when < at + each_ms * MS]
            for at in times]
    return left, drops, accounting_problems(run)

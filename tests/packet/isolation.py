# SPDX-License-Identifier: Apache-2.0
"""Two tenants on one gateway: one that minds its own business, and one that does whatever it can. What
the first sends, and what becomes of it, must be the same with and without the second."""

import ipaddress
import random

from harness import MS, START_NS, run_replay
from isolation_tenants import A, B, config
from isolation_traffic import Traffic


def merged(*traffics):
    """Inputs by port; and by (port, number) whose frame of its own that is, and which."""
    every = sorted(((time, index, i, port, frame) for index, traffic in enumerate(traffics)
                    for i, (time, port, frame) in enumerate(traffic.frames)), key=lambda one: one[:3])
    inputs, whose, last = {}, {}, 0
    for time, index, i, port, frame in every:
        # No two come at once, so that their order is that of their times.
        inputs.setdefault(port, []).append((time, frame))
        whose[port, len(inputs[port])] = (traffics[index].tenant, i)
    return inputs, whose


PORTS = ["up0", "trunk", *(port for tenant in (A, B) for port in (tenant.edge, tenant.back, tenant.net))]


def seen_by(tenant, traffics, workers):
    """What the tenant's links and remotes get, and what became of its frames."""
    inputs, whose = merged(*traffics)
    run = run_replay(config(A, B), inputs, PORTS, ("--workers", str(workers)))
    remotes = {bytes((192, 0, 2, number)) for number in tenant.remotes}
    remotes6 = {ipaddress.ip_address(tenant.remote6(6)).packed}
    tags = {(0x8100_0000 + vlan).to_bytes(4, "big") for vlan in (tenant.vlan, tenant.vlan + 10)}
    sent = {port: run.outputs[port] for port in (tenant.edge, tenant.back, tenant.net)}
    sent["up0"] = [(time, frame) for time, frame in run.outputs["up0"] if frame[30:34] in remotes or frame[38:54] in remotes6]
    sent["trunk"] = [(time, frame) for time, frame in run.outputs["trunk"] if frame[12:16] in tags]
    drops = [(whose[d["port"], d["packet"]][1], d["reason"]) for d in run.report["drops"]
             if (d["port"], d["packet"]) in whose and whose[d["port"], d["packet"]][0] is tenant]
    return sent, sorted(drops), run


# Control looks at its clock when packets come: what it does by itself may be this much earlier.
CLOCK_NS = 60 * MS


def differences(alone, beside, traffic):
    problems = []
    for port, frames in alone[0].items():
        others = beside[0][port]
        for i, (one, other) in enumerate(zip(frames, others)):
            if one[1] != other[1]:
                at = next((j for j, (x, y) in enumerate(zip(one[1], other[1])) if x != y), -1)
                problems.append(f"{port}: frame {i + 1} of {len(frames)} at {(one[0] - START_NS) / MS} ms differs at byte {at}: "
                                f"{one[1][:80].hex()} beside the other tenant: {other[1][:80].hex()}")
                break
            if abs(one[0] - other[0]) > CLOCK_NS:
                problems.append(f"{port}: frame {i + 1} is sent at {one[0]}, beside the other tenant at {other[0]}")
                break
        if len(frames) != len(others):
            problems.append(f"{port}: {len(frames)} frames, beside the other tenant {len(others)}")
    if alone[1] != beside[1]:
        only = [d for d in alone[1] if d not in beside[1]][:3], [d for d in beside[1] if d not in alone[1]][:3]
        which = [traffic.frames[d[0]] for side in only for d in side]
        problems.append(f"drops: alone only {only[0]}, beside the other tenant only {only[1]}: "
                        f"{[(port, frame[:60].hex()) for _, port, frame in which]}")
    return problems


def problems_of(seed, rounds=12, floods=3000, mutants=600, workers=1):
    rng = random.Random(seed)
    good = Traffic(A, rng).honest(rounds)
    bad = Traffic(B, rng).honest(rounds)
    bad.floods(floods)
    bad.mutants(mutants)
    alone = seen_by(A, [good], workers)
    beside = seen_by(A, [good, bad], workers)
    if not any(alone[0].values()):
        return ["nothing is sent at all"]
    return differences(alone, beside, good)

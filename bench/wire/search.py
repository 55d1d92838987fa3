# SPDX-License-Identifier: Apache-2.0
"""The search for the highest rate that loses no more than it may (RFC 2544 section 26.1). Pure: a trial
is a function."""

import dataclasses


@dataclasses.dataclass
class Trial:
    """What a trial found. Rates are per second, over all directions."""

    asked_pps: float
    offered_pps: float
    offered: int
    received: int

    @property
    def lost(self):
        return max(0, self.offered - self.received)

    @property
    def loss(self):
        return self.lost / self.offered if self.offered else 0.0

    def generator_fell_short(self):
        """Less was offered than was asked for: the generator's limit, not adit's."""
        return self.offered_pps < 0.95 * self.asked_pps


@dataclasses.dataclass
class Found:
    """The best trial that passed, and why the search ended above it."""

    best: Trial | None
    limit: str  # "loss", "generator", "most": what stood above
    trials: list


def search(run, may_lose, least_pps, most_pps, resolution, attempts=1, first_pps=None):
    """`run(pps)` gives a Trial. A rate passes if one of `attempts` trials loses at most `may_lose` of what
    was offered. Doubles from `first_pps` until a rate fails, then halves the interval until its width is
    at most `resolution` of its upper end. A trial with less than was asked for counts as what was offered, and
    nothing above that is tried if it passes."""
    trials = []

    def passes(pps):
        """The best trial at this rate, or None."""
        for _ in range(attempts):
            trial = run(pps)
            trials.append(trial)
            if trial.offered and trial.loss <= may_lose:
                return trial
        return None

    best, good, bad = None, 0.0, None
    pps = min(max(first_pps or least_pps, least_pps), most_pps)
    while bad is None:
        trial = passes(pps)
        if trial is None:
            bad = pps
            break
        best, good = better(best, trial), pps
        if trial.generator_fell_short():
            return Found(best, "generator", trials)
        if pps >= most_pps:
            return Found(best, "most", trials)
        pps = min(2 * pps, most_pps)
    while good == 0.0 and bad > least_pps:  # the first rate was too high already
        pps = max(bad / 4, least_pps)
        trial = passes(pps)
        if trial is None:
            bad = pps
        else:
            best, good = trial, pps
    if best is None:
        return Found(None, "loss", trials)
    while bad - good > resolution * bad:
        pps = (good + bad) / 2
        trial = passes(pps)
        if trial is None:
            bad = pps
            continue
        best, good = better(best, trial), pps
        if trial.generator_fell_short():
            return Found(best, "generator", trials)
    return Found(best, "loss", trials)


def better(one, other):
    return other if one is None or other.offered_pps > one.offered_pps else one

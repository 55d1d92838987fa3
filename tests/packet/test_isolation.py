# SPDX-License-Identifier: Apache-2.0
"""A tenant's output and drops are the same, byte for byte, whatever another one does; tests/fuzz/isolation
goes on with other seeds."""

from harness import main, tap
from isolation import problems_of


def seeds():
    for seed, workers in ((1, 1), (2, 1), (3, 2), (4, 2)):
        tap.result(f"seed {seed}, {workers} workers: a tenant is served as if it were alone",
                   problems_of(seed, workers=workers))


if __name__ == "__main__":
    main(seeds)

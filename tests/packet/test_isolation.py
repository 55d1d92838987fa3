# SPDX-License-Identifier: Apache-2.0
"""A tenant's output and drops are the same, byte for byte, whatever another one does; tests/fuzz/isolation
goes on with other seeds."""

from harness import main, tap
from isolation import problems_of


def seeds():
    for seed in range(1, 4):
        tap.result(f"seed {seed}: a tenant is served as if it were alone", problems_of(seed))


if __name__ == "__main__":
    main(seeds)

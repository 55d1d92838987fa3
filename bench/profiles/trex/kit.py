# SPDX-License-Identifier: Apache-2.0
"""What the profiles for TRex share: templates are the frames of bench/wire, so that they fit the YAML of
bench/wire-kit."""
import argparse
import os
import sys

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "..", "wire"))

import scenarios  # noqa: E402,F401


def parser(text):
    made = argparse.ArgumentParser(description=text, allow_abbrev=False)
    made.add_argument("--flows", type=number(1, scenarios.MOST_FLOWS), default=1000,
                      help=f"1 to {scenarios.MOST_FLOWS} (default: 1000)")
    return made


def number(least, most):
    def parse(text):
        try:
            value = int(text)
        except ValueError:
            value = least - 1
        if not least <= value <= most:
            raise argparse.ArgumentTypeError(f"'{text}': expected {least} to {most}")
        return value
    return parse

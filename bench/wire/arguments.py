# SPDX-License-Identifier: Apache-2.0
"""Types of arguments that say their range when they refuse one."""

import argparse


def number(least, most, kind=int):
    def parse(text):
        try:
            value = kind(text)
        except ValueError:
            value = None
        if value is None or not least <= value <= most:
            raise argparse.ArgumentTypeError(f"'{text}': expected {'a number' if kind is float else 'a whole number'} from "
                                             f"{least} to {most}")
        return value
    return parse


def list_of(parse):
    def parse_all(text):
        return [parse(word) for word in text.split(",")]
    return parse_all


def one_of(words):
    def parse(text):
        if text not in words:
            raise argparse.ArgumentTypeError(f"'{text}': expected {', '.join(words)}")
        return text
    return parse

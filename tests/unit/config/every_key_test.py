#!/usr/bin/python3
# SPDX-License-Identifier: Apache-2.0
"""Changes every key of the schema, one at a time, and looks at what a reload would say.

  every_key_test.py CONFIG_CHECK SOURCE_ROOT

A key that is new has to be in FULL (schema_test.py), and where no value near the one there will do,
in OTHER or ALSO below.
"""
import copy
import ipaddress
import json
import pathlib
import random
import re
import subprocess
import sys
import tempfile
import unittest

from schema_test import CHECK, FULL, KEYS, SCHEMA, schema_nodes, steps

# What a reload says where it has no words for a difference.
UNNAMED = "something changed that has no description"

# FULL, and more: what a changed key may name instead, second entries of lists, and services that are
# plain enough for their keys to change.
RUNNING = json.loads(json.dumps(FULL))  # parts of FULL are the same object
RUNNING["ports"] |= {"spare": {"device": "tap:spare0"},
                     "green0": {"device": "tap:green0", "addresses": ["10.9.0.254/24"]}}
RUNNING["routes"].append({"to": "198.51.101.0/24", "via": "192.0.2.253"})
RUNNING["neighbours"].append({"address": "192.0.2.8", "mac": "02:00:00:00:00:08"})
for kind in RUNNING["tunnels"].values():
    if isinstance(kind, dict):
        kind["ttl"] = 33
RUNNING["balancer"]["timeouts"]["none_s"] = 3
red = RUNNING["networks"]["red"]
red["members"] += [{"port": "red0", "vlan": 11}, {"port": "spare", "vlan": 10}]
red["remotes"].append({"address": "192.0.2.30", "kind": "vxlan"})
RUNNING["networks"]["green"] = {"vni": 200, "members": [{"port": "spare", "vlan": 21},
                                                        {"port": "spare", "vlan": 22}]}
blue = RUNNING["vrfs"]["blue"]
blue["networks"]["red"]["addresses"].append("fd08::fe/64")
blue["networks"]["green"] = {"addresses": ["fd10::fe/64"]}
blue["vlans"][0]["addresses"].append("fd09::fe/64")
blue["vlans"].append({"port": "up", "vlan": 8, "addresses": ["fd0a::fe/64"]})
blue["tunnels"]["site2"] = {"address": "192.0.2.31", "kind": "gre-ip"}
blue["neighbours"].append({"address": "10.1.0.8", "mac": "02:00:00:00:00:08"})
RUNNING["vrfs"]["green"] = {"ports": ["green0"]}
RUNNING["services"]["web"]["local_addresses"].append("192.0.2.91")
RUNNING["services"] |= {
    "plain": {"vrf": "blue", "address": "10.1.0.80", "protocol": "sctp", "port": 80,
              "scheduler": "rr", "forwarding": "nat",
              "backends": [{"address": "10.1.0.11", "weight": 2, "forwarding": "nat"},
                           {"address": "10.1.0.12"}]},
    "wrapped": {"address": "192.0.2.86", "port": 80, "forwarding": "tunnel", "wrap": "gre"},
    "checked-too": {"address": "192.0.2.86", "port": 82,
                    "health": {"kind": "https", "http": {"verify": True}}},
    "marked-too": {"mark": 9}}
RUNNING["classifier"] += [{"mark": 9, "destinations": ["203.0.113.9"]},
                          {"mark": 7, "destinations": ["203.0.113.7"]},
                          {"mark": 0, "vrf": "green", "destinations": ["203.0.113.0/24"]}]

# Values that the key's kind does not suggest.
OTHER = {
    "networks.*.members[].port": ["red0", "spare"],
    "networks.*.static_macs[].port": ["spare"],
    "networks.*.static_macs[].remote": ["192.0.2.30"],
    "ports.*.bond": [{"members": ["tap:m9"]}],  # a port without it has a device
    "ports.*.bond.primary": ["tap:m2"],
    "vrfs.*.vlans[].port": ["spare"],
    "vrfs.*.routes[].tunnel": ["site2"],
    "services.*.vrf": ["blue", "green"],
    "services.*.scheduler": ["rr", "lc"],
    "services.*.backends[].vrf": ["blue"],
    "services.*.sorry.vrf": ["blue"],
    "services.*.mark": [8],
    "classifier[].mark": [9],
    "classifier[].vrf": ["blue"],
}


def mark_eight(config):
    for rule in config["classifier"]:
        if rule["mark"] == 7:
            rule["mark"] = 8


def without_kernel_fdb(config):  # whose remotes are all VXLAN
    config["networks"]["red"].pop("kernel_fdb", None)


# What has to change with the key, or the walker does not take it.
ALSO = {"services.*.mark": mark_eight, "networks.*.learn_kind": without_kernel_fdb}


def near(key, value):
    """Values that the key may have instead of `value`."""
    if key["path"] in OTHER:
        return [other for other in OTHER[key["path"]] if other != value]
    kind, low, high = key["type"], key["min"], key["max"]
    if kind == "flag":
        return [not value]
    if kind == "word":
        return [word for word in key["words"] if word != value]
    if kind == "power-of-two":
        return [value * 2]
    if kind in ("number", "number-or-auto"):
        numbers = [value + 1, value - 1, value * 2] if value != "auto" else [low, high]
        return [n for n in numbers if low <= n <= high and n != value]
    if kind == "text":
        return [other_text(value)]
    return []


def other_text(text):
    """An address, prefix or MAC beside the one there; else a longer word."""
    address, slash, length = str(text).partition("/")
    try:
        moved = ipaddress.ip_address(address)
        whole = ipaddress.ip_network(text, strict=False) if slash else None
        if whole and whole.network_address == moved:
            moved += whole.num_addresses
        else:
            moved += 1
        return str(moved) + slash + length
    except ValueError:
        pass
    if re.fullmatch(r"(..:){5}..", str(text)):
        return text[:-2] + "3f"
    return str(text) + "x"


def places(config, where):
    """Every list of names and indices that leads to a place with that path."""
    if not where:
        yield []
        return
    if where[0] == "*":
        names = list(config)
    elif where[0] == "[]":
        names = range(len(config))
    else:
        names = [where[0]] if where[0] in config else []
    for name in names:
        for rest in places(config[name], where[1:]):
            yield [name, *rest]


def at(config, place):
    for name in place:
        config = config[name]
    return config


def beginning(place):
    """What a line about the place begins with: `services.web`, `classifier`."""
    named = isinstance(at(RUNNING, place[:1]), dict) and place[0] in (
        "ports", "networks", "vrfs", "services")
    return ".".join(place[:2] if named and len(place) > 1 else place[:1])


class Variant:
    """The running configuration with one key changed."""

    def __init__(self, key, place, what, value, config):
        self.key, self.place, self.what, self.value, self.config = key, place, what, value, config

    def __str__(self):
        return f"{'.'.join(map(str, self.place))}: {self.what}"


def changed(key):
    for place in places(RUNNING, steps(key["path"])):
        for value in near(key, at(RUNNING, place)):
            config = copy.deepcopy(RUNNING)
            at(config, place[:-1])[place[-1]] = value
            if key["path"] in ALSO:
                ALSO[key["path"]](config)
            yield Variant(key, place, f"{at(RUNNING, place)!r} -> {value!r}", value, config)


def left_out(key):
    for place in places(RUNNING, steps(key["path"])):
        config = copy.deepcopy(RUNNING)
        del at(config, place[:-1])[place[-1]]
        yield Variant(key, place, "left out", None, config)


def reordered(key):
    if key["type"] not in ("list", "map"):
        return
    for place in places(RUNNING, steps(key["path"])):
        entries = at(RUNNING, place)
        if len(entries) < 2:
            continue
        config = copy.deepcopy(RUNNING)
        at(config, place[:-1])[place[-1]] = (
            entries[::-1] if isinstance(entries, list) else dict(reversed(entries.items())))
        yield Variant(key, place, "the other way round", None, config)


def shortened(key):
    if key["type"] not in ("list", "map"):
        return
    for place in places(RUNNING, steps(key["path"])):
        entries = at(RUNNING, place)
        for last in range(len(entries)) if isinstance(entries, list) else entries:
            config = copy.deepcopy(RUNNING)
            del at(config, place)[last]
            yield Variant(key, place, f"without {last!r}", None, config)


def several_at_once(variants, count):
    """Files with five keys changed, of those that were taken one at a time; the same ones each run."""
    dice = random.Random(1)
    for number in range(count):
        config = copy.deepcopy(RUNNING)
        for variant in dice.sample(variants, 5):
            at(config, variant.place[:-1])[variant.place[-1]] = copy.deepcopy(variant.value)
        yield Variant(None, [number], "five keys", None, config)


def ask(variants):
    """What a reload would say to each."""
    with tempfile.TemporaryDirectory() as directory:
        files = []
        for number, config in enumerate([RUNNING] + [variant.config for variant in variants]):
            path = pathlib.Path(directory) / f"{number}.yaml"
            path.write_text(json.dumps(config))
            files.append(str(path))
        done = subprocess.run([CHECK, "--changes"] + files, text=True, check=False,
                              stdout=subprocess.PIPE, stderr=subprocess.PIPE)
    if done.returncode != 0:
        raise RuntimeError(done.stderr)
    return [json.loads(line) for line in done.stdout.splitlines()]


class EveryKey(unittest.TestCase):
    maxDiff = None

    @classmethod
    def setUpClass(cls):
        cls.variants = [variant for make in (changed, left_out, shortened, reordered) for key in KEYS
                        for variant in make(key)]
        cls.answers = ask(cls.variants)

    def accepted(self):
        for variant, answer in zip(self.variants, self.answers, strict=True):
            if not answer["mistakes"]:
                yield variant, answer

    def test_has_a_change_that_is_taken(self):
        by_path = {}
        for variant, answer in zip(self.variants, self.answers, strict=True):
            by_path.setdefault(variant.key["path"], []).append((variant, answer))
        for path, _, _ in schema_nodes(SCHEMA):
            with self.subTest(key=path):
                tried = by_path.get(path, [])
                differ = [v for v, answer in tried if not answer["mistakes"] and not answer["equal"]]
                why = [f"{v}: {a['mistakes'][0]['text'] if a['mistakes'] else 'equal'}"
                       for v, a in tried]
                self.assertTrue(differ, "\n".join(["no change of the key is taken"] + why))

    def test_another_value_is_another_configuration(self):
        for variant, answer in self.accepted():
            if variant.value is not None:
                with self.subTest(str(variant)):
                    self.assertFalse(answer["equal"])

    def test_a_difference_has_a_line_and_nothing_else_has(self):
        for variant, answer in self.accepted():
            with self.subTest(str(variant)):
                self.assertEqual(answer["equal"], not answer["changes"])
                self.assertNotIn(UNNAMED, answer["changes"])

    def test_lines_name_the_place(self):
        for variant, answer in self.accepted():
            if variant.key["path"] in ALSO:
                continue
            start = beginning(variant.place)
            with self.subTest(str(variant)):
                for line in answer["changes"]:
                    self.assertRegex(line, "^" + re.escape(start) + "[.:]")
                if variant.value is not None:
                    # An entry that is known by the key has gone, and another one has come.
                    leaf = [str(step) for step in variant.place if isinstance(step, str)][-1]
                    said = "\n".join(answer["changes"])
                    self.assertTrue(leaf in said or str(variant.value) in said, said)

    def test_takes_a_restart_where_the_reference_says_so(self):
        for variant, answer in self.accepted():
            if variant.value is not None:
                with self.subTest(str(variant)):
                    self.assertEqual(variant.key["restart"], bool(answer["needs_restart"]),
                                     answer["changes"])

    def test_is_the_same_when_it_was_written_and_read_again(self):
        for variant, answer in self.accepted():
            with self.subTest(str(variant)):
                self.assertTrue(answer["written"])

    def test_is_the_same_when_several_keys_changed(self):
        variants = list(several_at_once(
            [variant for variant, _ in self.accepted() if variant.value is not None], 300))
        taken = [(v, a) for v, a in zip(variants, ask(variants), strict=True) if not a["mistakes"]]
        self.assertGreater(len(taken), 50)
        for variant, answer in taken:
            with self.subTest(str(variant), config=variant.config):
                self.assertTrue(answer["written"])
                self.assertFalse(answer["equal"])
                self.assertTrue(answer["changes"])


if __name__ == "__main__":
    unittest.main(argv=sys.argv[:1] + sys.argv[3:])

#!/usr/bin/python3
# SPDX-License-Identifier: Apache-2.0
"""Holds the walker's table of keys, the JSON Schema and docs/configuration.md together.

  schema_test.py CONFIG_CHECK SOURCE_ROOT          run the tests
  schema_test.py CONFIG_CHECK SOURCE_ROOT --rows   print the tables of docs/configuration.md
"""
import copy
import json
import pathlib
import re
import subprocess
import sys
import tempfile
import unittest

import jsonschema
import yaml

CHECK = sys.argv[1]
ROOT = pathlib.Path(sys.argv[2])
SCHEMA = json.loads((ROOT / "config/adit.schema.json").read_text())
KEYS = json.loads(subprocess.check_output([CHECK, "--keys"]))


class Yaml12(yaml.SafeLoader):
    """PyYAML reads YAML 1.1, where `yes` is a boolean and 0000:01:00.0 a number to base 60."""


Yaml12.yaml_implicit_resolvers = {}
for tag, pattern, first in [
        ("bool", r"true|True|TRUE|false|False|FALSE", "tTfF"),
        ("null", r"~|null|Null|NULL|", ["~", "n", "N", ""]),
        ("int", r"[-+]?[0-9]+|0o[0-7]+|0x[0-9a-fA-F]+", "-+0123456789"),
        ("float", r"[-+]?(\.[0-9]+|[0-9]+(\.[0-9]*)?)([eE][-+]?[0-9]+)?", "-+.0123456789")]:
    Yaml12.add_implicit_resolver(
        "tag:yaml.org,2002:" + tag, re.compile("^(?:" + pattern + ")$"), list(first))


def schema_nodes(node, path=""):
    """Every key that the schema knows, by the walker's kind of path."""
    for name, child in node.get("properties", {}).items():
        here = path + "." + name if path else name
        yield here, child, name in node.get("required", [])
        yield from schema_nodes(child, here)
    if isinstance(node.get("additionalProperties"), dict):
        yield from schema_nodes(node["additionalProperties"], path + ".*")
    items = node.get("items")
    if items:
        if items["type"] != "object":
            yield path + "[]", items, False
        yield from schema_nodes(items, path + "[]")


def typed_default(text):
    if text == "":
        return None
    return yaml.load(text, Loader=Yaml12)


# Texts that may look like numbers, which need no quotes then.
TEXT_OR_NUMBER = {"services.*.health." + name: ["string", "integer"] for name in (
    "http.host", "http.sni", "http.body", "udp.payload", "udp.expect", "dns.name", "command[]")}
TEXT_OR_NUMBER["services.*.health.http.status[]"] = ["string", "integer"]


def expected(key):
    """What the schema must say of a key of the walker."""
    kind, low, high = key["type"], key["min"], key["max"]
    integer = {"type": "integer", "minimum": low, "maximum": high}
    if kind == "number":
        return integer
    if kind == "number-or-auto":
        return {"anyOf": [{"const": "auto"}, integer]}
    if kind == "power-of-two":
        return {"enum": [1 << n for n in range(64) if low <= 1 << n <= high]}
    if kind == "flag":
        return {"type": "boolean"}
    if kind == "word":
        # What a reader of YAML 1.1 makes of `yes` and `off` means the same here.
        return {"enum": key["words"] + ([True] if {"yes", "on"} & set(key["words"]) else [])
                        + ([False] if {"no", "off"} & set(key["words"]) else [])}
    if kind == "text":
        return {"type": TEXT_OR_NUMBER.get(key["path"], "string")}
    if kind == "section":
        return {"type": "object", "additionalProperties": False}
    if kind == "list":
        return {"type": "array", "maxItems": high}
    if kind == "map":
        return {"type": "object", "maxProperties": high} | (
            {"minProperties": low} if low else {})
    raise AssertionError(kind)


def walker_says(texts):
    """For each text, the mistakes that a schema might see, and all."""
    with tempfile.TemporaryDirectory() as directory:
        files = []
        for number, text in enumerate(texts):
            path = pathlib.Path(directory) / f"{number}.yaml"
            path.write_text(text)
            files.append(str(path))
        lines = subprocess.check_output([CHECK] + files, text=True).splitlines()
    answers = []
    for line in lines:
        mistakes = json.loads(line)["mistakes"]
        answers.append(([m for m in mistakes if m["kind"] != "reference"], mistakes))
    return answers


OPTIONS = {"ttl": 1, "dscp": 2, "ttl_mode": "uniform", "dscp_mode": "pipe", "df": "clear"}
ADVERTISEMENTS = {"interval_s": 30, "lifetime_s": 90, "autonomous": False, "mtu": False,
                  "rdnss": ["2001:db8::53"]}
# Has every key once; a test below makes sure.
FULL = {
    "system": {"workers": 1, "poll": "busy", "hugepages": "no", "memory_mb": 256, "mbufs": 4096,
               "fdb_capacity": 4096, "socket": "/run/adit/x.sock", "user": "adit",
               "log": {"target": "syslog", "level": "warn"}},
    "ports": {
        "up": {"device": "tap:up0", "mtu_bytes": 1500, "mac": "02:00:00:00:00:01",
               "promiscuous": True, "rx_queues": 1, "tx_queues": 2, "rx_ring": 512,
               "tx_ring": 512, "offload": "off", "steer": "all",
               "addresses": ["192.0.2.1/24"]},
        "red0": {"device": "tap:red0"},
        "pair": {"bond": {"mode": "802.3ad", "members": ["tap:m0", "af_packet:m1"],
                          "hash_policy": "layer2", "lacp_select": "count", "link_check_ms": 50,
                          "up_delay_ms": 100, "down_delay_ms": 200}},
        "spare-pair": {"bond": {"mode": "alb", "members": ["tap:m2", "tap:m3"],
                                "primary": "tap:m3"}},
        "blue0": {"device": "tap:blue0", "addresses": ["10.1.0.254/24", "fd01::fe/64"],
                  "router_advertisements": ADVERTISEMENTS}},
    "routes": [{"to": "198.51.100.0/24", "via": "192.0.2.254"}],
    "neighbours": [{"address": "192.0.2.7", "mac": "02:00:00:00:00:07"}],
    "kernel_neighbours": {"interfaces": ["eth0", "eth1"], "namespace": "fabric", "limit": 1000},
    "host": {"interface": "under-host", "namespace": "fabric"},
    "fragments": {"memory_mb": 16, "timeout_ms": 2000},
    "tunnels": {
        "reassemble": True,
        "vxlan": {"udp_port": 4789, "ttl": 64, "dscp": 0, "zero_checksum6": True},
        "nvgre": {"ttl": 64, "dscp": 0},
        "gre": {"ttl": 64, "dscp": 0},
        "geneve": {"udp_port": 6081, "ttl": 64, "dscp": 0, "zero_checksum6": True},
        "stt": {"tcp_port": 7471, "ttl": 64, "dscp": 0, "reassembly_mb": 8,
                "reassembly_peer_mb": 2, "reassembly_timeout_ms": 1000},
        "gre-ip": {"ttl": 64, "dscp": 0}, "ipip": {"ttl": 64, "dscp": 0}},
    "networks": {"red": {
        "vni": 100, "members": [{"port": "red0", "vlan": 10}],
        "remotes": [{"address": "192.0.2.2", "kind": "gre", "id": 7, "checksum": True,
                     "sequence": True, "split_horizon": 1, "tunnel": OPTIONS}],
        "tunnel": OPTIONS, "too_big": "fragment", "mss_clamp": True, "learn_remotes": True,
        "learn_kind": "vxlan", "learn_limit": 5, "learning": False, "carry_vlans": True,
        "mac_aging_s": 300, "mac_limit": 100,
        "static_macs": [{"mac": "02:00:00:00:aa:01", "port": "red0", "vlan": 10},
                        {"mac": "02:00:00:00:aa:02", "remote": "192.0.2.2"}],
        "kernel_fdb": {"interface": "vxlan100", "namespace": "fabric", "limit": 1000,
                       "announce": "adit100"},
        "flood_limits": {"broadcast_pps": 1, "multicast_pps": 1, "unknown_unicast_pps": 1}}},
    "vrfs": {"blue": {
        "ports": ["blue0"],
        "networks": {"red": {"addresses": ["fd05::fe/64"], "mac": "02:00:00:00:00:05",
                             "mtu_bytes": 1400, "router_advertisements": ADVERTISEMENTS}},
        "vlans": [{"port": "up", "vlan": 7, "addresses": ["fd06::fe/64"], "mtu_bytes": 1400,
                   "router_advertisements": ADVERTISEMENTS}],
        "tunnels": {"site1": {"address": "192.0.2.3", "kind": "gre-ip", "id": 7, "checksum": True,
                              "sequence": True, "addresses": ["10.255.0.1/30"],
                              "tunnel": OPTIONS}},
        "routes": [{"to": "10.2.0.0/16", "tunnel": "site1"},
                   {"to": "10.3.0.0/16", "via": "10.1.0.1"}],
        "kernel_routes": {"table": 100, "namespace": "fabric", "limit": 1000},
        "kernel_neighbours": {"interfaces": ["br100", "br200"], "namespace": "fabric",
                              "limit": 1000},
        "host": {"interface": "blue-host", "namespace": "blue"},
        "neighbours": [{"address": "10.1.0.7", "mac": "02:00:00:00:00:07"}],
        "mss_clamp": True, "connections": 1000}},
    "balancer": {
        "connections": 4096, "templates": 2048,
        "when_full": "replace_half_open", "expire_nodest": False,
        "timeouts": {"none_s": 2, "syn_sent_s": 120, "syn_recv_s": 60, "synack_s": 120,
                     "established_s": 900, "fin_wait_s": 120, "time_wait_s": 120, "close_s": 10,
                     "close_wait_s": 60, "last_ack_s": 30, "listen_s": 120, "udp_s": 300,
                     "udp_new_s": 30, "sctp_s": 900}},
    "services": {"web": {
        "vrf": "underlay", "address": "192.0.2.80", "protocol": "tcp", "port": 80, "last_port": 90,
        "scheduler": "mh",
        "scheduler_options": {"hash_port": True, "fallback": True, "table_size": 251},
        "forwarding": "tunnel", "wrap": "gue", "gue_port": 6080, "unmatched": "schedule",
        "local_addresses": ["192.0.2.90"],
        "backends": [{"address": "192.0.2.11", "weight": 1, "vrf": "underlay", "port": 0,
                      "forwarding": "fullnat", "upper_connections": 10,
                      "lower_connections": 5}]},
        "told": {"address": "192.0.2.84", "port": 80, "client_address": "proxy"},
        "dns": {"address": "192.0.2.81", "protocol": "udp", "port": 53, "forwarding": "direct",
                "one_packet": True,
                "drain_udp_s": 60,
                "limits": {"connections": 1000, "connections_per_s": 1000, "source_connections_per_s": 10},
                "timeouts": {"none_s": 3, "syn_sent_s": 4, "syn_recv_s": 5, "synack_s": 6,
                             "established_s": 7, "fin_wait_s": 8, "time_wait_s": 9, "close_s": 10,
                             "close_wait_s": 11, "last_ack_s": 12, "listen_s": 13, "udp_s": 14,
                             "sctp_s": 15, "udp_new_s": 16}},
        "checked": {
            "address": "192.0.2.82", "port": 80, "on_down": "keep", "slow_start_s": 5,
            "sorry": {"address": "192.0.2.12", "port": 80, "forwarding": "nat", "vrf": "underlay"},
            "health": {
                "kind": "https", "interval_ms": 500, "timeout_ms": 400, "rise": 1, "fall": 2,
                "initial": "down", "port": 443, "device": "check0", "source": "192.0.2.9",
                "damping": {"changes": 2, "window_s": 5, "hold_s": 6, "max_hold_s": 7},
                "http": {"path": "/up", "host": "a.example", "status": ["200-299"], "body": "up",
                         "sni": "b.example", "verify": True, "ca_file": "/etc/ca.pem"}}},
        "checked-udp": {"address": "192.0.2.82", "port": 81, "health": {
            "kind": "udp", "way": "host", "udp": {"payload": "a", "expect": "b", "silence": "down"}}},
        "checked-dns": {"address": "192.0.2.82", "port": 82, "health": {
            "kind": "dns", "dns": {"name": "a.example", "type": "A"}}},
        "checked-so": {"address": "192.0.2.82", "port": 83, "health": {
            "kind": "command", "user": "nobody", "command": ["/bin/true", "x"]}},
        "marked": {"mark": 7, "persistence": {
            "timeout_s": 60, "netmask_bits": 24, "ipv6_prefix_bits": 64,
            "expire_quiescent_template": True}}},
    "classifier": [{
        "mark": 7, "vrf": "underlay", "destinations": ["192.0.2.84", "198.51.100.0/24"],
        "source": "203.0.113.0/24", "protocol": "tcp", "port": 80, "last_port": 81,
        "source_port": 1024, "last_source_port": 65535, "in_port": "up"}],
}

# Values to put in the place of every key.
VALUES = [
    None, True, False, 0, 1, 2, 63, 64, 65, 100, 255, 256, 576, 65000, 65001, 4094, 4095, 65535,
    65536, 1 << 20, (1 << 24) - 1, 1 << 24, (1 << 24) + 1, 10**9, 10**9 + 1, 10**30, -1, 1.5,
    "", "auto", "true", "null", "100", "busy", "stderr", "debug", "yes", "Auto", "on", "x", "0x",
    [], [1], ["x"], [[]], {}, {"x": 1}, [{}], [None],
    "tap:a", "tap:", "tap:" + "a" * 15, "tap:" + "a" * 16, "tap:a b", "tap:-a", "tap:a/b", "TAP:a",
    "af_packet:eth0", "af_xdp:eth0.7", "af_xdp:e:0", "vdev:net_null0", "vdev:net_ring0,x=y,z",
    "vdev:", "vdev:0x", "vdev:a b", "vdev:a,b c", "vdev:" + "n" * 63, "vdev:" + "n" * 64, "eth0",
    "0000:01:00.0", "0000:01:00.8", "0000:01:20.0", "01:00.0", "0000:01:1F.7", "10000:01:00.0",
    "000000000:01:00.0",
    "02:00:00:00:00:01", "02:00:00:00:00:0", "0200.0000.0001", "03:00:00:00:00:01",
    "ff:ff:ff:ff:ff:ff", "00:00:00:00:00:00", "0A:bC:00:00:00:01", "02-00-00-00-00-01",
    "192.0.2.2", "192.0.2.2/24", "192.0.2.2/0", "192.0.2.2/1", "192.0.2.2/32", "192.0.2.2/33",
    "192.0.2.2/024", "192.0.2.2/", "192.0.2", "192.0.2.256", "192.0.02.2", " 192.0.2.2",
    "0.0.0.0", "0.0.0.0/0", "0.1.2.3", "0.1.2.3/8", "127.0.0.1", "127.0.0.1/8", "224.0.0.1",
    "239.255.255.255/32", "240.0.0.1", "254.1.2.3/24", "::192.0.2.1", "::c000:201", "::2/64", "255.255.255.255", "255.255.255.255/32",
    "255.255.255.254", "2001:db8::1", "2001:db8::1/64", "2001:db8::1/0", "2001:db8::1/128",
    "2001:db8::1/129", "2001:db8::1/064", "::/0", "::", "::1", "::1/128", "::2", "0:0:0:0:0:0:0:1",
    "::ffff:192.0.2.1", "::ffff:c000:201", "fe80::1", "FEBF::1/64", "fec0::1", "ff02::1",
    "ff02::/16", "1:2:3:4:5:6:7:8", "1:2:3:4:5:6:7", "1:2:3:4:5:6:7:8:9", "1::3:4:5:6:7:8",
    "1::2::3", "12345::", "::g", "2001:DB8::A",
    "/", "/a", "/a/", "a/b", "/run/a b.sock", "/" + "a" * 106, "/" + "a" * 107,
    "rr", "wlc", "wlcc", "nat", "underlay", "red0", "up", "A" * 32, "A" * 33, "0a", "a.b-c_d", "a b", "_a", "ä",
]


def steps(path):
    """networks.*.members[].vlan -> [networks, *, members, [], vlan]"""
    return re.findall(r"\[\]|[^.\[\]]+", path)


def locate(config, where):
    """The names and indices that lead to the first place with that path; None: there is none."""
    if not where:
        return []
    if where[0] == "*":
        names = list(config)
    elif where[0] == "[]":
        names = range(len(config))
    else:
        names = [where[0]] if where[0] in config else []
    for name in names:
        rest = locate(config[name], where[1:])
        if rest is not None:
            return [name, *rest]
    return None


def drop_others(config, place, is_valid):
    """Leaves out the lists and maps beside the way to the place, as far as that is valid."""
    at = config
    for name in place:
        for other in [k for k in at if k != name] if isinstance(at, dict) else []:
            if isinstance(at[other], (dict, list)):
                saved = at.pop(other)
                if not is_valid(config):
                    at[other] = saved
        at = at[name]


def put(config, place, value):
    for name in place[:-1]:
        config = config[name]
    config[place[-1]] = value


class Schema(unittest.TestCase):
    validator = jsonschema.Draft7Validator(SCHEMA)

    def test_is_a_valid_schema(self):
        jsonschema.Draft7Validator.check_schema(SCHEMA)

    def test_has_the_walkers_keys_and_no_others(self):
        walker = [key["path"] for key in KEYS]
        self.assertEqual(len(walker), len(set(walker)))
        self.assertEqual(sorted(walker), sorted(path for path, _, _ in schema_nodes(SCHEMA)))

    def test_agrees_on_every_key(self):
        schema = {path: (node, required) for path, node, required in schema_nodes(SCHEMA)}
        for key in KEYS:
            with self.subTest(key=key["path"]):
                node, required = schema[key["path"]]
                self.assertEqual(expected(key), {k: node.get(k) for k in expected(key)})
                self.assertEqual(typed_default(key["default"]), node.get("default"))
                self.assertEqual(key["required"], required)
                self.assertEqual(key["help"], node["description"])
                if key["type"] == "text":
                    self.assertIn("pattern", node)

    def test_agrees_with_the_walker_on_values(self):
        cases = []
        for key in KEYS:
            where = steps(key["path"])
            # The part that the key is in will do: what names another is not looked at.
            config = {"ports": {"up": {"device": "tap:up0"}}}
            config[where[0]] = copy.deepcopy(FULL[where[0]])
            place = locate(config, where)
            self.assertTrue(place, key["path"])
            drop_others(config, place, self.validator.is_valid)
            # Which text it is matters little where texts are not wanted.
            takes_text = key["type"] in ("text", "word", "number-or-auto")
            values = VALUES if takes_text else [value for number, value in enumerate(VALUES)
                                                if not isinstance(value, str) or number % 8 == 0]
            for value in values + [key["min"], key["max"], key["max"] + 1]:
                put(config, place, value)
                cases.append((key["path"], value, copy.deepcopy(config)))
        self.assert_agreement(cases)

    def test_agrees_with_the_walker_on_missing_and_unknown_keys(self):
        cases = [("(nothing changed)", None, FULL)]

        def variants(config, root, path):
            children = config.items() if isinstance(config, dict) else enumerate(config)
            for name, child in list(children):
                saved = config[name]
                if isinstance(config, dict):
                    del config[name]
                    cases.append((f"{path}/{name}", "(missing)", copy.deepcopy(root)))
                    config[name] = saved
                    config[name + "x"] = saved
                    cases.append((f"{path}/{name}x", "(added)", copy.deepcopy(root)))
                    del config[name + "x"]
                if isinstance(child, (dict, list)):
                    variants(child, root, f"{path}/{name}")

        root = copy.deepcopy(FULL)
        variants(root, root, "")
        self.assert_agreement(cases)

    def test_agrees_with_the_walker_on_names(self):
        cases = []
        for section in ("ports", "networks", "vrfs", "services"):
            for name in ["a", "A.b-c_9", "9a", "_a", "", "a b", "a" * 32, "a" * 33, "ä", "a:b"]:
                config = copy.deepcopy(FULL)
                config[section][name] = copy.deepcopy(next(iter(config[section].values())))
                cases.append((section, name, config))
        self.assert_agreement(cases)

    def assert_agreement(self, cases):
        answers = walker_says([json.dumps(config, ensure_ascii=False) for _, _, config in cases])
        self.assertEqual(len(answers), len(cases))
        for (path, value, config), (mistakes, _) in zip(cases, answers):
            error = next(self.validator.iter_errors(config), None)
            if (error is None) != (not mistakes):
                self.fail(f"{path} = {value!r}: the schema says {error and error.message!r}, "
                          f"the walker {mistakes}")

    def test_takes_every_example(self):
        examples = sorted((ROOT / "config/examples").glob("*.yaml"))
        self.assertTrue(examples)
        for example in examples:
            with self.subTest(example=example.name):
                config = yaml.load(example.read_text(), Loader=Yaml12)
                self.validator.validate(config)
                self.assertEqual([], walker_says([example.read_text()])[0][1])

    def test_full_configuration_is_accepted_by_the_walker(self):
        self.assertEqual([], walker_says([json.dumps(FULL)])[0][1])


def sections():
    """Tables of the reference: heading and rows."""
    tables = {}
    for key in KEYS:
        path = key["path"]
        if path.endswith("[]"):
            continue  # told with its list
        # A section without lists or names in it is told with the one above.
        parent = path.rpartition(".")[0]
        for nested in ("system.log", "networks.*.flood_limits",
                       "services.*.scheduler_options", "services.*.persistence"):
            if parent == nested:
                parent = nested.rpartition(".")[0]
        heading = parent or "(top level)"
        name = path[len(parent):].lstrip(".")
        kind, low, high = key["type"], key["min"], key["max"]
        span = f"{low} to {high}"
        form = key["form"]
        value = {"number": span, "number-or-auto": f"`auto` or {span}",
                 "power-of-two": f"{span}, power of two", "flag": "`true`, `false`",
                 "word": ", ".join(f"`{word}`" for word in key["words"]), "text": form,
                 "section": "map", "list": f"list, at most {high}",
                 "map": f"map of names, {span}"}[kind]
        default = f"`{key['default']}`" if key["default"] else (
            "**required**" if key["required"] else "-")
        tables.setdefault(heading, []).append(
            f"| `{name}` | {value} | {default} | {'yes' if key['restart'] else '-'} "
            f"| {key['help']} |")
    return tables


class Reference(unittest.TestCase):
    def test_has_every_key_as_the_walker_has_it(self):
        text = (ROOT / "docs/configuration.md").read_text()
        reference = text.partition("## Reference")[2]
        rows = [line for line in reference.splitlines() if line.startswith("| `")]
        wanted = [row for table in sections().values() for row in table]
        self.assertEqual(wanted, rows)

    def test_has_every_example(self):
        text = (ROOT / "docs/configuration.md").read_text()
        for example in (ROOT / "config/examples").glob("*.yaml"):
            self.assertIn(example.name, text)


if __name__ == "__main__":
    if sys.argv[3:] == ["--rows"]:
        for heading, rows in sections().items():
            print(f"\n### {heading}\n\n| key | value | default | restart | meaning |")
            print("|---|---|---|---|---|")
            print("\n".join(rows))
        sys.exit(0)
    unittest.main(argv=sys.argv[:1] + sys.argv[3:])

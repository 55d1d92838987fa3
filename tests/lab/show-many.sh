#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
# Long tables are shown a slice at a time: every row comes once, and other clients are answered
# meanwhile.
# shellcheck source=tests/lab/lib.sh
source "$(dirname "$0")/lib.sh"

python3 - "$LAB_TMP/adit.sock" >"$CONFIG" <<'EOF2'
import sys

print(f"system: {{socket: {sys.argv[1]}, fdb_capacity: 262144}}")
print("""\
ports:
  up0: {device: "tap:up0", addresses: [192.0.2.1/24]}
  red0: {device: "tap:red0"}
  blue0: {device: "tap:blue0", addresses: [10.64.0.1/10]}
routes: [{to: 10.0.0.0/10, via: 192.0.2.2}]
networks:
  red:
    vni: 100
    members: [{port: red0}]
    static_macs:""")
for i in range(100_000):
    print(f"      - {{mac: '02:01:{i >> 24:02x}:{i >> 16 & 255:02x}:{i >> 8 & 255:02x}:{i & 255:02x}', port: red0}}")
for n in range(1000):
    print(f"  n{n}: {{vni: {1000 + n}, remotes: [" +
          ", ".join(f"{{address: 10.{n // 256}.{n % 256}.{r + 1}}}" for r in range(10)) + "]}")
print("vrfs:\n  blue:\n    ports: [blue0]\n    vlans:")
for v in range(1000):
    print(f"      - {{port: red0, vlan: {v + 1}, addresses: [172.{16 + v // 256}.{v % 256}.1/24]}}")
print("    tunnels:")
for t in range(1000):
    print(f"      t{t}: {{kind: ipip, address: 10.1.{t // 250 + 8}.{t % 250 + 1}}}")
print("    routes:")
for r in range(20_000):
    print(f"      - {{to: 100.{r >> 8}.{r & 255}.0/24, via: 10.64.0.2}}")
print("    neighbours:")
for h in range(10_000):
    print(f"      - {{address: 10.65.{h // 250}.{h % 250 + 1}, mac: '02:02:00:00:{h >> 8:02x}:{h & 255:02x}'}}")
print("services:")
for s in range(10_000):
    print(f"  s{s}: {{vrf: blue, address: 10.200.{s // 250}.{s % 250 + 1}, port: 80, "
          f"backends: [{{address: 10.65.{s // 250}.{s % 250 + 1}}}]}}")
EOF2
underlay "$UNDERLAY_MTU"
ns gw
start_gateway "$CONFIG"

cat >"$LAB_TMP/show.py" <<'EOF'
import json, multiprocessing, socket, sys, time

def connect():
    client = socket.socket(socket.AF_UNIX)
    client.connect(sys.argv[1])
    return client.makefile("rw")

def call(connection, method, **params):
    connection.write(json.dumps({"jsonrpc": "2.0", "id": 1, "method": method, "params": params}) + "\n")
    connection.flush()
    return json.loads(connection.readline())["result"]

def show(name, answer):
    """Another process: reading the rows takes time of its own."""
    connection, params, rows = connect(), {}, []
    while True:
        result = call(connection, "show." + name, **params)
        rows += result["rows"]
        if not result["truncated"]:
            break
        params = {"offset": result["next_offset"]}
    counters = ("_s", "packets", "bytes")
    unique = {json.dumps({k: v for k, v in row.items() if not k.endswith(counters)}) for row in rows}
    answer.send((len(rows), len(unique)))

for name, wanted in (pair.split("=") for pair in sys.argv[2:]):
    other, longest = connect(), 0
    answer, end = multiprocessing.Pipe(duplex=False)
    call(other, "version")
    shown = multiprocessing.Process(target=show, args=(name, end))
    shown.start()
    while not answer.poll():
        began = time.monotonic()
        call(other, "version")
        longest = max(longest, time.monotonic() - began)
    print(name, *answer.recv(), wanted, round(longest * 1000))
    shown.join()
EOF
say "every row once; how long another client waited at most"
while read -r name rows unique wanted longest; do
  expect "rows of $name" "$rows" = "$wanted"
  expect "different ones" "$unique" = "$wanted"
  note "$name: another client waited $longest ms at most"
done < <(python3 "$LAB_TMP/show.py" "$LAB_TMP/adit.sock" fdb=100000 remotes=10000 networks=1001 ports=1003 \
  tunnels=1000 routes=21001 neighbours=10002 services=10000 backends=10000)

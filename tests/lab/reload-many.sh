#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
# Many services are read beside the control thread: the API answers, pings are answered, further
# requests take turns, and SIGTERM ends it all. Reloads again and again leave no memory behind.
# shellcheck source=tests/lab/lib.sh
source "$(dirname "$0")/lib.sh"

# services COUNT: so many, each with two backends.
services() {
  usual_config
  printf 'services:\n'
  local i
  for ((i = 0; i < $1; ++i)); do
    printf '  s%d: {address: 10.9.%d.%d, port: 80, backends: [{address: %s}, {address: %s}]}\n' \
      "$i" $((i / 250)) $((i % 250 + 1)) 192.0.2.81 192.0.2.82
  done
}
usual_config >"$CONFIG"
usual_world
usual_start
expect_ping red "$RED1" 5
pings_begin red pings 0.01 "$RED1"

say "a reload of 10,000 services, another one behind it, and a client that goes on asking"
services 10000 >"$LAB_TMP/many.yaml"
cp "$LAB_TMP/many.yaml" "$CONFIG"
cat >"$LAB_TMP/ask.py" <<'EOF'
import json, socket, sys, threading

def call(connection, method):
    connection.write(json.dumps({"jsonrpc": "2.0", "id": 1, "method": method}) + "\n")
    connection.flush()
    return json.loads(connection.readline())

def connect():
    client = socket.socket(socket.AF_UNIX)
    client.connect(sys.argv[1])
    return client.makefile("rw")

generations = []
def reload():
    generations.append(call(connect(), "reload")["result"]["generation"])

reloads = [threading.Thread(target=reload) for _ in range(2)]
other = connect()
call(other, "version")
for thread in reloads:
    thread.start()
served = 0
while any(thread.is_alive() for thread in reloads):
    call(other, "version")
    served += 1
print(served, *generations)
EOF
read -r served first second < <(python3 "$LAB_TMP/ask.py" "$LAB_TMP/adit.sock")
note "answers while they were under way: $served; generations: $first $second"
expect "answers to the other client" "$((served > 20))" = 1
expect "the first reload" "$first" = 2
expect "the second, which changes nothing" "$second" = 2
expect "services" "$(ctl -j show services | jq length)" = 10000
expect_pings "pings meanwhile" pings 300

say "SIGTERM while a reload is under way"
services 30000 >"$CONFIG"
kill -HUP "$GATEWAY_PID"
sleep 0.05
kill -TERM "$GATEWAY_PID"
gone() { ! kill -0 "$GATEWAY_PID" 2>/dev/null; }
wait_for 30 gone || fail "aditd is still there"
expect_match "log" "$(cat "$LAB_TMP/aditd.log")" "event=stopped"

say "reloads with one service more each: memory, pings, and what runs"
"$LAB_TESTS/../fuzz/reload-services" --services 2000 --reloads 4

#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
# Health checks by HTTP through a port of the backends' VRF that leads to adit's own host: a dead
# server gets no new connections, one that is back gets its share again, and when none is left
# the sorry server answers.
# shellcheck source=tests/lab/lib.sh
source "$(dirname "$0")/lib.sh"

readonly CLIENT=198.51.100.1 SERVICE=198.51.100.80
readonly INTERVAL_MS=200 RISE=2 FALL=2

{
  system_config
  cat <<YAML
ports:
  client0: {device: "tap:client0", addresses: [198.51.100.254/24]}
  server0: {device: "tap:server0", addresses: [10.1.0.254/24]}
  check0: {device: "tap:check0", addresses: [10.8.0.254/24]}
vrfs:
  shop: {ports: [client0, server0, check0]}
services:
  web:
    vrf: shop
    address: $SERVICE
    port: 80
    scheduler: rr
    health:
      kind: http
      interval_ms: $INTERVAL_MS
      timeout_ms: 150
      rise: $RISE
      fall: $FALL
      device: check0
      source: 10.8.0.1
      damping: {changes: 0}
      http: {path: /index.html, status: [200]}
    backends: [{address: 10.1.0.1}, {address: 10.1.0.2}]
    sorry: {address: 10.1.0.3}
YAML
} >"$CONFIG"

ns gw lan
start_gateway "$CONFIG"
plug_host client0 client 02:00:00:00:51:01 "$CLIENT"
N client ip route add default via 198.51.100.254
bridge lan sw
N gw ip link set server0 netns "$LAB-lan"
N lan ip link set server0 address 02:00:00:00:ff:02
N lan ip link set server0 master sw up
# The host's own way into the VRF.
N gw ip link set check0 address 02:00:00:00:08:01
N gw ip addr add 10.8.0.1/24 dev check0
N gw ip link set check0 up
N gw ip route add 10.1.0.0/24 via 10.8.0.254 dev check0

declare -A SERVER_PID=()
serve() { # HOST
  serve_web "$1"
  SERVER_PID[$1]=$BG_PID
  echo "$1" >"$LAB_TMP/www-$1/index.html"
}
number=0
for host in s1 s2 sorry; do
  number=$((number + 1))
  ns "$host"
  cable "$host" eth0 lan "to-$host" 1500
  N lan ip link set "to-$host" master sw
  N "$host" ip addr add "10.1.0.$number/24" dev eth0
  N "$host" ip route add default via 10.1.0.254
  serve "$host"
done

# answers COUNT: who answered, each with how often.
answers() {
  local i
  for ((i = 0; i < $1; i++)); do N client curl -sS -m 5 "http://$SERVICE/" || echo failed; done |
    sort | uniq -c | awk '{printf "%s%s %s", sep, $2, $1; sep = ", "}'
}
# field ADDRESS FIELD of a backend.
field() {
  ctl -j show backends | jq -r --arg a "$1" ".[] | select(.address == \$a) | .$2"
}
is() { [[ $(field "$1" state) == "$2" ]]; }
passed() { [[ $(field "$1" check) == "status 200"* ]]; }
# Half as long again as the checks take, and time for a busy machine.
seconds() { echo $(($1 * INTERVAL_MS * 3 / 2000 + 4)); }
await() { # ADDRESS STATE CHECKS
  wait_for "$(seconds "$3")" is "$1" "$2" || fail "$1 is $(field "$1" state), should be $2"
}
kill_server() { # HOST
  kill "${SERVER_PID[$1]}"
  wait "${SERVER_PID[$1]}" 2>/dev/null || true
}

say "both servers work"
for address in 10.1.0.1 10.1.0.2; do
  wait_for 10 passed "$address" || fail "$address: $(field "$address" check)"
  await "$address" up "$RISE"
done
expect "8 requests" "$(answers 8)" = "s1 4, s2 4"
ctl show backends

say "one dies"
kill_server s1
await 10.1.0.1 down "$FALL"
expect "8 requests" "$(answers 8)" = "s2 8"
expect_match "the last check" "$(field 10.1.0.1 check)" "refused"
grep -q 'event=backend_down service=web backend=10.1.0.1 .*why=' "$LAB_TMP/aditd.log" ||
  fail "the log does not tell"

say "it comes back"
serve s1
await 10.1.0.1 up "$RISE"
expect "8 requests" "$(answers 8)" = "s1 4, s2 4"
grep -q 'event=backend_up service=web backend=10.1.0.1 ' "$LAB_TMP/aditd.log" ||
  fail "the log does not tell"

say "none is left but the sorry server"
kill_server s1
kill_server s2
await 10.1.0.1 down "$FALL"
await 10.1.0.2 down "$FALL"
expect "8 requests" "$(answers 8)" = "sorry 8"
ctl show backends
serve s2
await 10.1.0.2 up "$RISE"
expect "8 requests" "$(answers 8)" = "s2 8"

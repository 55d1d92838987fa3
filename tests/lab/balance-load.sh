#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
# A service under wrk's load: a backend is drained and removed without a failed request, a thousand
# services come, change and go beside it, and a backend whose cable is cut costs its own
# connections and no others, and a worker that stands still costs none.
# shellcheck source=tests/lab/lib.sh
source "$(dirname "$0")/lib.sh"

# shellcheck source=tests/lab/health-lib.sh
source "$(dirname "$0")/health-lib.sh"

readonly CONNECTIONS=24

# config WEIGHT_OF_S1 MORE_SERVICES THEIR_WEIGHT; a weight of "none": without s1.
config() {
  health_config
  cat <<YAML
services:
  web:
    vrf: shop
    address: $SERVICE
    port: 80
    scheduler: wrr
    unmatched: reset
    health:
      kind: tcp
      interval_ms: $INTERVAL_MS
      timeout_ms: $TIMEOUT_MS
      rise: $RISE
      fall: $FALL
      device: check0
      source: 10.8.0.1
      damping: {changes: 0}
    backends:
      - {address: 10.1.0.2}
      - {address: 10.1.0.3}
$([[ $1 == none ]] || echo "      - {address: 10.1.0.1, weight: $1}")
YAML
  local i
  for ((i = 0; i < $2; i++)); do
    echo "  other$i: {vrf: shop, address: 10.77.$((i / 250)).$((i % 250 + 1)), port: 80, scheduler: wrr," \
      "backends: [{address: 10.1.0.2, weight: $3}, {address: 10.1.0.3}]}"
  done
}

config 1 0 1 >"$CONFIG"
# Each server answers so many requests a second, and closes a connection after some: the load is one that
# leaves the machine to others too.
LAB_NGINX="limit_req_zone \$server_port zone=all:64k rate=200r/s; limit_req zone=all burst=$((2 * CONNECTIONS));
  keepalive_requests 50;"
health_world s1 s2 s3

field() { # ADDRESS FIELD of the backend of `web`
  ctl -j show backends --service web | jq -r --arg a "$1" ".[] | select(.address == \$a) | .$2"
}
is() { [[ $(field "$1" "$2") == "$3" ]]; }
is_above() { (($(field "$1" "$2") > $3)); }

# load SECONDS: wrk in the background, its words in load.log. wrk closes and opens connections as
# nginx tells it to.
load() {
  bg client load wrk -t 1 -c "$CONNECTIONS" -d "$1" --timeout 30 "http://$SERVICE/"
  LOAD_PID=$BG_PID
}
loaded() { # waits for its end
  wait "$LOAD_PID" || fail "wrk ended with an error: $(cat "$LAB_TMP/load.log")"
  cat "$LAB_TMP/load.log"
}
requests() { sed -n 's/^ *\([0-9]*\) requests in .*/\1/p' "$LAB_TMP/load.log"; }
# Requests that failed, as wrk counts them: connecting, reading, writing, waiting, and wrong answers.
failures() {
  awk '/Socket errors:/ { gsub(",", ""); n += $4 + $6 + $8 + $10 } /Non-2xx/ { n += $NF } END { print n + 0 }' \
    "$LAB_TMP/load.log"
}

for number in 1 2 3; do
  wait_for 10 is "10.1.0.$number" state up || fail "s$number is not up"
done

say "drain and removal under load: no request fails"
load 7
wait_for 5 is_above 10.1.0.1 connections 0 || fail "s1 gets no connections"
config 0 0 1 >"$CONFIG"
ctl reload
drained=$(field 10.1.0.1 connections)
wait_for 10 is 10.1.0.1 active 0 || fail "s1 still has $(field 10.1.0.1 active) connections"
expect "connections that s1 got since it was drained" "$(field 10.1.0.1 connections)" = "$drained"
config none 0 1 >"$CONFIG"
ctl reload
loaded
expect "requests that failed" "$(failures)" = 0
expect "requests" "$(requests)" '>=' 100

say "a thousand services come, change and go: no request fails"
load 9
for step in "1 1000 1" "1 1000 5" "1 1000 0" "1 500 3" "1 0 1"; do
  # shellcheck disable=SC2086  # words
  config $step >"$CONFIG"
  began=${EPOCHREALTIME/./}
  ctl reload >/dev/null
  note "reload to 'config $step': $(((${EPOCHREALTIME/./} - began) / 1000)) ms"
  expect "services" "$(ctl -j show services | jq length)" = $(($(cut -d' ' -f2 <<<"$step") + 1))
  [[ $step != "1 1000 5" ]] ||
    expect "one of them" "$(N client curl -sS -m 60 http://10.77.3.250/ | grep -c '^s[23]$')" = 1
done
loaded
expect "requests that failed" "$(failures)" = 0
expect "requests" "$(requests)" '>=' 100
expect "connections of web for which there was no place" "$(drops connections_full)" = 0

say "a cable is cut under load: the others' requests go on"
wait_for 10 is 10.1.0.1 state up || fail "s1 is not up"
load 8
wait_for 5 is_above 10.1.0.1 active 0 || fail "s1 gets no connections"
N lan ip link set to-s1 down
had=$(field 10.1.0.1 active)
wait_for 10 is 10.1.0.1 state down || fail "s1 is $(field 10.1.0.1 state)"
expect_match "the last check" "$(field 10.1.0.1 check)" "no answer"
count=$(field 10.1.0.1 connections)
loaded
expect "connections that s1 got when it was down" "$(field 10.1.0.1 connections)" = "$count"
expect "requests that failed; s1 had $had connections" "$(failures)" '<=' "$CONNECTIONS"
load 2
loaded
expect "requests that failed afterwards" "$(failures)" = 0

say "a worker stands still for longer than checks wait: no backend is taken for dead"
downs() { grep -c event=backend_down "$LAB_TMP/aditd.log" || true; }
before=$(downs)
load 6
/usr/bin/python3 - "$(ctl -j show workers | jq '.[0].core')" 1.9 <<'PY' || fail "no processor was taken"
import os
import sys
import time

os.sched_setaffinity(0, {int(sys.argv[1])})
os.sched_setscheduler(0, os.SCHED_FIFO, os.sched_param(1))
end = time.monotonic() + float(sys.argv[2])
while time.monotonic() < end:
    pass
PY
loaded
expect "requests that failed" "$(failures)" = 0
expect "times that a backend went down" "$(($(downs) - before))" = 0
ctl show backends
ctl show drops

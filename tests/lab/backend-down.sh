#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
# What becomes of the connections of a backend that goes down: with on_down: expire they end, with
# keep they go on. Of one that is removed they wait for it to come back. And slow start: a backend
# that comes back gets few new ones at first.
# shellcheck source=tests/lab/lib.sh
source "$(dirname "$0")/lib.sh"
# shellcheck source=tests/lab/health-lib.sh
source "$(dirname "$0")/health-lib.sh"

SLOW_START_S=6 # longer where the machine needs it

{
  health_config
  echo "balancer: {expire_nodest: false}"
  echo "services:"
  web_service slow 80 /alive
  cat <<YAML
    scheduler: wrr
    slow_start_s: $SLOW_START_S
    backends: [{address: 10.1.0.1, weight: 100}, {address: 10.1.0.2, weight: 100}]
YAML
  # The first backend has all connections while it is up.
  for on_down in expire keep; do
    web_service "$on_down" "$([[ $on_down == expire ]] && echo 81 || echo 82)" /alive
    cat <<YAML
    scheduler: fo
    on_down: $on_down
    unmatched: reset
    backends: [{address: 10.1.0.1, port: 80, weight: 2}, {address: 10.1.0.2, port: 80}]
YAML
  done
} >"$CONFIG"
health_world s1 s2

# What the checks ask for; the server works without it.
alive() { touch "$LAB_TMP/www-$1/alive"; }
dead() { rm "$LAB_TMP/www-$1/alive"; }
# state SERVICE ADDRESS: each service checks its backends by itself.
state() {
  ctl -j show backends --service "$1" | jq -r --arg a "$2" '.[] | select(.address == $a) | .state'
}
is_state() { [[ $(state "$1" "$2") =~ ^($3)$ ]]; }
await_state() { # SERVICE ADDRESS STATE CHECKS
  wait_for "$(seconds "$4")" is_state "$1" "$2" "$3" ||
    fail "$2 of service $1 is $(state "$1" "$2"), should be $3"
}
await_all() { # ADDRESS STATE CHECKS
  local service
  for service in slow expire keep; do await_state "$service" "$@"; done
}
# share COUNT: how many of so many new connections came to the first server.
share() {
  N client curl -sS -m 60 -H 'Connection: close' "http://$SERVICE/?[1-$1]" | grep -c s1 || true
}
# ask_twice NAME PORT: a connection that asks twice, the second time when $LAB_TMP/go-NAME is there;
# what it sees is in NAME.log.
declare -A ASKED=()
ask_twice() {
  bg client "$1" "$LAB_TESTS/ask-twice" "$SERVICE" "$2" "$LAB_TMP/go-$1"
  ASKED[$1]=$BG_PID
  wait_for 5 grep -q 'first from s1' "$LAB_TMP/$1.log" ||
    fail "$1: should be answered by s1; it saw: $(<"$LAB_TMP/$1.log")"
}
expect_asked() { # NAME WHAT_IT_SEES
  touch "$LAB_TMP/go-$1"
  wait "${ASKED[$1]}" || fail "$1 failed: $(<"$LAB_TMP/$1.log")"
  expect "$1: the second time" "$(tail -n 1 "$LAB_TMP/$1.log")" = "$2"
}

# Checks may have come before the servers: all have seen them now.
ready() {
  ctl -j show backends | jq -e 'all(.[]; (.check | startswith("status 200")) and
    (.state | IN("up", "starting")))'
}
for host in s1 s2; do alive "$host"; done
wait_for 10 ready || fail "not all backends are up: $(ctl show backends)"

say "a backend goes down that still works"
ask_twice expired 81
ask_twice kept 82
dead s1
await_all 10.1.0.1 down "$FALL"
expect_asked expired reset
expect_asked kept "second from s1"
for port in 81 82; do
  expect "a new connection to port $port" "$(N client curl -sS -m 60 "http://$SERVICE:$port/")" = s2
done
began=${EPOCHREALTIME/./}
expect "20 connections: to the first server" "$(share 20)" = 0
took_s=$(((${EPOCHREALTIME/./} - began) / 1000000))

say "it comes back"
# 20 connections have to fit well into the first part of its slow start.
if ((took_s * 8 > SLOW_START_S)); then
  sed -i "s/slow_start_s: $SLOW_START_S\$/slow_start_s: $((took_s * 8))/" "$CONFIG"
  SLOW_START_S=$((took_s * 8))
  ctl reload
fi
note "20 connections took $took_s s; slow start: $SLOW_START_S s"
wait_for "$SLOW_START_S" is_state slow 10.1.0.2 up || fail "10.1.0.2 is $(state slow 10.1.0.2)"
alive s1
await_state slow 10.1.0.1 starting "$RISE"
early=$(share 20)
wait_for $((SLOW_START_S + 4)) is_state slow 10.1.0.1 up || fail "10.1.0.1 is $(state slow 10.1.0.1)"
late=$(share 20)
expect "20 connections behind its slow start: to the first server" "$late" '>=' 8
# A tenth of the weight at the beginning, and less than the whole even on a busy machine.
expect "20 connections at its beginning" "$early" '<=' "$((late - 3))"

say "it is removed, and comes back"
await_state keep 10.1.0.1 up "$RISE"
ask_twice silenced 82
cp "$CONFIG" "$LAB_TMP/with.yaml"
sed 's/{address: 10.1.0.1, port: 80, weight: 2}, //' "$LAB_TMP/with.yaml" >"$CONFIG"
before=$(drops no_backend)
ctl reload
touch "$LAB_TMP/go-silenced"
is_silenced() { (($(drops no_backend) > before)); }
wait_for 5 is_silenced || fail "what the client sent was not dropped as no_backend: $(ctl show drops)"
expect "a new connection meanwhile" "$(N client curl -sS -m 60 "http://$SERVICE:82/")" = s2
cp "$LAB_TMP/with.yaml" "$CONFIG"
ctl reload
expect_asked silenced "second from s1"

#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
# What becomes of the connections of a backend that goes down: with on_down: expire they end, with
# keep they go on. Of one that is removed they wait for it to come back. And slow start: a backend
# that comes back gets few new ones at first.
# shellcheck source=tests/lab/lib.sh
source "$(dirname "$0")/lib.sh"
# shellcheck source=tests/lab/health-lib.sh
source "$(dirname "$0")/health-lib.sh"

readonly SLOW_START_S=6

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
# states ADDRESS: of the backend in all services.
states() {
  ctl -j show backends | jq -r --arg a "$1" '[.[] | select(.address == $a) | .state] | unique | join(" ")'
}
all_are() { [[ $(states "$1") =~ ^($2)$ ]]; }
await_all() { # ADDRESS STATE CHECKS
  wait_for "$(seconds "$3")" all_are "$1" "$2" || fail "$1 is $(states "$1"), should be $2"
}
# share COUNT: how many of so many new connections came to the first server.
share() {
  N client curl -sS -m 20 -H 'Connection: close' "http://$SERVICE/?[1-$1]" | grep -c s1 || true
}
# A connection to PORT that asks twice, the second time when it is told to; what came is in
# asked-PORT.log.
ask_twice() { # PORT
  # shellcheck disable=SC2016  # for the shell that runs it
  bg client "asked-$1" timeout -s KILL 30 bash -c '
    exec 3<>"/dev/tcp/$1/$2"
    printf "GET / HTTP/1.1\r\nHost: x\r\n\r\n" >&3
    while read -r line <&3 && [[ $line != s[12] ]]; do :; done
    echo "first from $line"
    until [[ -e $3 ]]; do sleep 0.1; done
    printf "GET / HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n" >&3
    cat <&3' ask "$SERVICE" "$1" "$LAB_TMP/go"
  ASKED[$1]=$BG_PID
}
declare -A ASKED=()

# Checks may have come before the servers: all have seen them now.
ready() {
  ctl -j show backends | jq -e 'all(.[]; (.check | startswith("status 200")) and
    (.state | IN("up", "starting")))'
}
for host in s1 s2; do alive "$host"; done
wait_for 10 ready || fail "not all backends are up"

say "a backend goes down that still works"
for port in 81 82; do ask_twice "$port"; done
for port in 81 82; do
  wait_for 5 grep -q 'first from s1' "$LAB_TMP/asked-$port.log" || fail "no answer from port $port"
done
dead s1
await_all 10.1.0.1 down "$FALL"
touch "$LAB_TMP/go"
for port in 81 82; do wait "${ASKED[$port]}" || true; done
expect_match "on_down: expire" "$(<"$LAB_TMP/asked-81.log")" "Connection reset by peer"
expect "on_down: keep" "$(tail -n 1 "$LAB_TMP/asked-82.log")" = s1
for port in 81 82; do
  expect "a new connection to port $port" "$(N client curl -sS -m 5 "http://$SERVICE:$port/")" = s2
done
expect "20 connections: to the first server" "$(share 20)" = 0

say "it comes back"
wait_for "$SLOW_START_S" is 10.1.0.2 up || fail "10.1.0.2 is $(field 10.1.0.2 state)"
alive s1
wait_for "$(seconds "$RISE")" is 10.1.0.1 starting || fail "10.1.0.1 is $(field 10.1.0.1 state)"
early=$(share 40)
wait_for $((SLOW_START_S + 4)) is 10.1.0.1 up || fail "10.1.0.1 is $(field 10.1.0.1 state)"
late=$(share 40)
expect "40 connections behind its slow start: to the first server" "$late" '>=' 16
# A tenth of the weight at the beginning, and less than the whole even on a busy machine.
expect "40 connections at its beginning" "$early" '<=' "$((late - 5))"

say "it is removed, and comes back"
rm "$LAB_TMP/go"
ask_twice 82
wait_for 5 grep -q 'first from s1' "$LAB_TMP/asked-82.log" || fail "no answer from port 82"
cp "$CONFIG" "$LAB_TMP/with.yaml"
sed 's/{address: 10.1.0.1, port: 80, weight: 2}, //' "$LAB_TMP/with.yaml" >"$CONFIG"
ctl reload
touch "$LAB_TMP/go"
is_silenced() { (($(drops no_backend) > 0)); }
wait_for 5 is_silenced || fail "what the client sent was not dropped"
expect "a new connection meanwhile" "$(N client curl -sS -m 5 "http://$SERVICE:82/")" = s2
cp "$LAB_TMP/with.yaml" "$CONFIG"
ctl reload
wait "${ASKED[82]}" || true
expect "the connection goes on" "$(tail -n 1 "$LAB_TMP/asked-82.log")" = s1

#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
# What becomes of the connections of a backend that goes down: with on_down: expire they end, with
# keep they go on. Of one that is removed they wait for it to come back. And slow start: a backend
# that comes back gets few new ones at first. UDP flows leave a drained backend when its time is over,
# or when they are told to.
# shellcheck source=tests/lab/lib.sh
source "$(dirname "$0")/lib.sh"
# shellcheck source=tests/lab/health-lib.sh
source "$(dirname "$0")/health-lib.sh"

SLOW_START_S=6 # longer where the machine needs it
readonly SOON=9001 LATE=9002 TOLD=9003 # ports of UDP services; their flows leave the first backend

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

say "UDP flows, two of each service: one at each server"
# They leave a drained server after a second, after a day, and never.
for drain in "soon $SOON 1" "late $LATE 86400" "told $TOLD 0"; do
  read -r name port drain_s <<<"$drain"
  echo "  $name: {vrf: shop, address: $SERVICE, protocol: udp, port: $port, scheduler: rr," \
    "drain_udp_s: $drain_s, backends: [{address: 10.1.0.1, weight: 1}, {address: 10.1.0.2}]}"
done >>"$CONFIG"
ctl reload
for host in s1 s2; do
  bg "$host" "udp-$host" "$LAB_TESTS/udp-flows" serve "$host" "$SOON" "$LATE" "$TOLD"
  wait_for 5 grep -q ready "$LAB_TMP/udp-$host.log" || fail "udp-flows does not serve in $host"
done
kernel_drops() { N client cat /sys/class/net/client0/statistics/tx_dropped; }
kernel_dropped=$(kernel_drops)
bg client flows "$LAB_TESTS/udp-flows" send "$SERVICE" 20 "$SOON" "$LATE" "$TOLD"
FLOWS_PID=$BG_PID

# flows SERVER PORT: the clients' ports of the flows that came there.
flows() { awk -v p="$2" '$1 == p { print $2 }' "$LAB_TMP/udp-$1.log" | sort -u; }
# datagrams SERVER PORT CLIENT_PORT: how many came there of a flow.
datagrams() { awk -v p="$2" -v c="$3" '$1 == p && $2 == c' "$LAB_TMP/udp-$1.log" | wc -l; }
# of NAME ADDRESS FIELD: what adit says of a service's backend.
of() { ctl -j show backends --service "$1" | jq -r --arg a "$2" ".[] | select(.address == \$a) | .$3"; }
all_established() { [[ $(ctl -j show connections --state udp --limit 1000 | jq length) == 6 ]]; }
wait_for 10 all_established || fail "not all flows are established: $(ctl show connections)"
declare -A FLOW=() # by port: that which came to s1
for port in "$SOON" "$LATE" "$TOLD"; do
  for host in s1 s2; do expect "flows to port $port at $host" "$(flows "$host" "$port" | wc -l)" = 1; done
  FLOW[$port]=$(flows s1 "$port")
done

# has_more SERVER PORT COUNT: of the flow that was at s1 so many came to that server, or more.
has_more() { (($(datagrams "$1" "$2" "${FLOW[$2]}") >= $3)); }
# expect_stays NAME PORT: it goes on where it was.
expect_stays() {
  local had
  had=$(datagrams s1 "$2" "${FLOW[$2]}")
  wait_for 10 has_more s1 "$2" $((had + 10)) || fail "the flow of $1 does not go on at s1"
  expect "$1: datagrams of it at s2" "$(datagrams s2 "$2" "${FLOW[$2]}")" = 0
  expect "$1: connections that s2 got" "$(of "$1" 10.1.0.2 connections)" = 1
}
# expect_moves NAME PORT: it leaves s1, once and for good, and adit counts it so.
expect_moves() {
  wait_for 20 has_more s2 "$2" 10 || fail "the flow of $1 does not go to s2: $(ctl show backends --service "$1")"
  expect "$1: number of the last datagram of it at s1" "$(number s1 "$2" tail)" '<' "$(number s2 "$2" head)"
  wait_for 5 has_left "$1" "$2" || fail "$1: adit does not say so: $(ctl show backends --service "$1")"
  expect "$1: connections that s2 got" "$(of "$1" 10.1.0.2 connections)" = 2
  wait_for 5 all_came "$1" "$2" || true
  expect "$1: packets to s1, and datagrams that came there" "$(of "$1" 10.1.0.1 rx_packets)" = \
    "$(datagrams s1 "$2" "${FLOW[$2]}")"
}
# number SERVER PORT head|tail: the lowest, or the highest, of the flow that was at s1.
number() {
  awk -v p="$2" -v c="${FLOW[$2]}" '$1 == p && $2 == c { print $3 }' "$LAB_TMP/udp-$1.log" | sort -n | "$3" -n 1
}
has_left() {
  [[ $(of "$1" 10.1.0.1 inactive) == 0 && $(ctl -j show connections --service "$1" --limit 1000 |
    jq -r --argjson c "${FLOW[$2]}" '.[] | select(.client_port == $c) | .backend') == 10.1.0.2 ]]
}
all_came() { [[ $(of "$1" 10.1.0.1 rx_packets) == "$(datagrams s1 "$2" "${FLOW[$2]}")" ]]; }
# expect_no_drain ARGUMENT...: nothing is to be drained there.
expect_no_drain() {
  local rc=0
  ctl drain "$@" 2>"$LAB_TMP/no-drain" || rc=$?
  expect "what 'drain $*' gives" "$rc $(grep -c "no such backend of weight 0" "$LAB_TMP/no-drain")" = "1 1"
}

say "s1 is drained: flows go on there until the time of their service is over"
expect_no_drain
sed -i 's/{address: 10.1.0.1, weight: 1}/{address: 10.1.0.1, weight: 0}/' "$CONFIG"
ctl reload
for name in soon late told; do expect "10.1.0.1 of $name" "$(of "$name" 10.1.0.1 state)" = drained; done
expect_moves soon "$SOON"
expect_stays late "$LATE"
expect_stays told "$TOLD"

say "drain by command, of a service and of a backend: flows leave at once, those of others stay"
expect_no_drain --service told --backend 10.1.0.2
expect_no_drain --service slow
expect "what 'drain --service told' says" "$(ctl drain --service told)" = "UDP flows leave 1 backend"
expect_moves told "$TOLD"
expect_stays late "$LATE"

say "the time of a service is set while its flows go on at s1: it is over"
sed -i 's/drain_udp_s: 86400/drain_udp_s: 1/' "$CONFIG"
ctl reload
expect_moves late "$LATE"

say "every datagram came to one server"
kill -TERM "$FLOWS_PID"
wait "$FLOWS_PID" || fail "udp-flows could not send: $(tail -n 3 "$LAB_TMP/flows.log")"
sent=$(awk '$4 == "sent" { n += $3 } END { print n + 0 }' "$LAB_TMP/flows.log")
came() { cat "$LAB_TMP"/udp-s[12].log | grep -v ready | "$@"; }
none_waits() { (($(came wc -l) + $(kernel_drops) - kernel_dropped >= sent)); }
wait_for 5 none_waits || true
lost=$(($(kernel_drops) - kernel_dropped))
expect "datagrams lost of $sent, beside $lost that the kernel had no place for" \
  $((sent - lost - $(came sort -u | wc -l))) '<=' 0
expect "datagrams that came twice" "$(came sort | uniq -d | wc -l)" = 0
expect "flows that s2 answered in the end, and those that s1 had answered" "$(awk '$4 != "sent" { print $2, $4 }' \
  "$LAB_TMP/flows.log" | sort -u | awk '{ n[$2]++ } END { print n["s2"], n["s1"] }')" = "6 3"

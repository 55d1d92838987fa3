#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
# A worker that stands still, as under a debugger: it is told, a reload is refused with everything as
# it was, the API and control's own work go on, SIGTERM ends aditd; and when the worker goes on, so
# does everything.
# shellcheck source=tests/lab/lib.sh
source "$(dirname "$0")/lib.sh"

ns gw
config() { # VNI
  system_config | sed 's/poll: adaptive/&\n  workers: 2/'
  cat <<YAML
ports:
  t0: {device: "tap:t0", rx_queues: 1, addresses: [10.4.0.254/24]}
  red0: {device: "tap:red0", rx_queues: 1}
networks:
  red: {vni: $1, members: [{port: red0}], remotes: [{address: 10.4.0.2}]}
YAML
}
(($(nproc) >= 2)) || skip "two workers need two cores"
config 100 >"$CONFIG"
start_gateway "$CONFIG"

state() { ctl -j show workers | jq -r ".[$1].state"; }
is_state() { [[ $(state "$1") == "$2" ]]; }
vni() { ctl -j show networks | jq '.[0].vni'; }
# EAL names its threads rte-worker-N or lcore-worker-N, N from 1 on for our worker 0.
thread_of() {
  local id=$(($1 + 1)) comm
  for comm in "/proc/$GATEWAY_PID/task/"*/comm; do
    if grep -qE "worker-$id\$" "$comm"; then
      comm=${comm%/comm}
      echo "${comm##*/}"
    fi
  done
}
# stall WORKER; go_on
stall() {
  local thread
  thread=$(thread_of "$1")
  [[ -n $thread ]] || fail "no thread of worker $1: $(cat "/proc/$GATEWAY_PID/task/"*/comm)"
  mkfifo "$LAB_TMP/hold-$1"
  "$LAB_TESTS/stall-thread" "$thread" <"$LAB_TMP/hold-$1" >"$LAB_TMP/stall-$1.log" 2>&1 &
  STALL_PID=$!
  exec 8>"$LAB_TMP/hold-$1"
  stalled_or_not() { [[ -s $LAB_TMP/stall-$1.log ]]; }
  wait_for 20 stalled_or_not "$1" || fail "the thread could not be stopped"
  grep -q stalled "$LAB_TMP/stall-$1.log" || skip "threads cannot be stopped here: $(cat "$LAB_TMP/stall-$1.log")"
}
go_on() {
  exec 8>&-
  wait "$STALL_PID" || fail "the thread could not be let go"
  rm "$LAB_TMP"/hold-*
}

say "all run"
expect "workers" "$(state 0)/$(state 1)" = running/running
stall 1

say "a reload at once waits in vain, and is refused"
config 101 >"$CONFIG"
rc=0
out=$(timeout 60 "$ADITCTL" --socket "$LAB_TMP/adit.sock" reload 2>&1) || rc=$?
expect "exit code" "$rc" = 1
expect_match "message" "$out" 'has made no pass for [0-9]+ s; nothing was changed'
expect "VNI that runs on" "$(vni)" = 100

say "it is told"
wait_for 30 is_state 1 stalled || fail "worker 1 is $(state 1)"
expect "the other" "$(state 0)" = running
expect "lines with worker_stalled" "$(grep -c 'event=worker_stalled worker=1' "$LAB_TMP/aditd.log")" = 1
expect "stalled, by show status" "$(ctl -j show status | jq '.[0].workers_stalled')" = 1
rc=0
out=$(timeout 60 "$ADITCTL" --socket "$LAB_TMP/adit.sock" reload 2>&1) || rc=$?
expect "exit code of a reload" "$rc" = 1
expect_match "message" "$out" 'worker 1 has made no pass'
kill -HUP "$GATEWAY_PID"
wait_for 20 grep -q 'event=reload result=failed who=SIGHUP' "$LAB_TMP/aditd.log" ||
  fail "SIGHUP was not answered"
expect "VNI that runs on" "$(vni)" = 100
expect "generation" "$(ctl -j show status | jq '.[0].generation')" = 1

say "it goes on"
go_on
wait_for 30 is_state 1 running || fail "worker 1 is $(state 1)"
expect "lines with worker_resumed" "$(grep -c 'event=worker_resumed worker=1' "$LAB_TMP/aditd.log")" = 1
expect_match "reload" "$(ctl reload)" 'generation 2'
expect "VNI" "$(vni)" = 101

say "SIGTERM while one stands still"
stall 0
rc=0
kill -TERM "$GATEWAY_PID"
# Dead, but for the thread's debugger, which has not seen it yet.
ended() { grep -qE '^State:.(Z|X)' "/proc/$GATEWAY_PID/status"; }
wait_for 30 ended || fail "aditd is still there: $(grep State "/proc/$GATEWAY_PID/status")"
exec 8>&-
wait "$GATEWAY_PID" || rc=$?
GATEWAY_PID=
expect "exit code" "$rc" = 1
expect_match "last words" "$(tail -n 1 "$LAB_TMP/aditd.log")" 'event=failed error="a worker is stalled'
expect "its socket" "$([[ -e $LAB_TMP/adit.sock ]] && echo left || echo gone)" = gone

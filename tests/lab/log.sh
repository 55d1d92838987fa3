#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
# Nobody who reads aditd's log, or does not, stops it: a reader that has gone, one that does not
# read, a full disk, descriptors that are closed. What is lost is counted, and said when lines go
# out again.
# shellcheck source=tests/lab/lib.sh
source "$(dirname "$0")/lib.sh"

ns gw host
good() {
  system_config
  cat <<YAML
ports: {t0: {device: "tap:t0", addresses: [10.4.0.254/24]}}
vrfs: {t: {ports: [t0]}}
YAML
}
good >"$CONFIG"

answers() { timeout 20 "$ADITCTL" --socket "$LAB_TMP/adit.sock" show ports >/dev/null 2>&1; }
status() { ctl -j show status | jq -r ".[0].$1"; }
# is WHAT VALUE: of the status.
is() { [[ $(status "$1") == "$2" ]]; }
more_than() { (($(status "$1") > $2)); }

# start REDIRECTION: aditd with that for its stderr; pid in GATEWAY_PID.
start() {
  local redirection=$1
  # The redirection is what is tried.
  eval "ip netns exec '$LAB-gw' '$ADITD' --config '$CONFIG' $redirection </dev/null &"
  GATEWAY_PID=$!
  wait_for 30 answers || fail "aditd does not answer"
}
ends_well() {
  local rc=0
  stop_gateway || rc=$?
  expect "exit code" "$rc" = 0
}
# wrong_file: a reload of it makes 101 lines of log.
wrong_file() {
  local i
  echo ports:
  for i in {1..400}; do echo "  p$i: {devize: 1}"; done
}

say "the reader of the log ends"
mkfifo "$LAB_TMP/pipe"
cat "$LAB_TMP/pipe" >"$LAB_TMP/reader.log" &
reader=$!
start "2>'$LAB_TMP/pipe'"
kill "$reader"
wait "$reader" 2>/dev/null || true
kill -HUP "$GATEWAY_PID"
wait_for 20 more_than log_lost 0 || fail "no line was lost: $(ctl -j show status)"
expect "answers" "$(answers && echo yes)" = yes
ends_well

say "the reader does not read"
sleep 1000 <>"$LAB_TMP/pipe" &
reader=$!
exec 9<>"$LAB_TMP/pipe" # to read later
start "2>'$LAB_TMP/pipe' 9<&-"
N gw ip link set t0 netns "$LAB-host"
N host ip link set t0 up
N host ip addr add 10.4.0.1/24 dev t0
wrong_file >"$CONFIG"
# Each is refused by the time that it is answered; the pipe holds 64 KiB, the queue 8192 lines.
for _ in {1..120}; do ctl reload >/dev/null 2>&1 || true; done
wait_for 20 more_than log_lost 0 || fail "no line was lost: $(ctl -j show status)"
expect "the log is stuck" "$(status log_stuck)" = true
expect "answers" "$(answers && echo yes)" = yes
expect_ping host 10.4.0.254 3
good >"$CONFIG"
expect "reload" "$(ctl reload | tail -1)" = "nothing changed; generation 1, revision 1"

say "it reads again"
timeout 60 cat <&9 >"$LAB_TMP/late.log" 9<&- &
late=$!
wait_for 30 is log_waiting 0 || fail "lines still wait: $(ctl -j show status)"
lost=$(status log_lost)
wait_for 20 grep -q 'event=log_lost' "$LAB_TMP/late.log" || fail "nothing says that lines were lost"
expect "lines that are said to be lost" \
  "$(sed -n 's/.*event=log_lost lines=//p' "$LAB_TMP/late.log" | awk '{ n += $1 } END { print n }')" \
  = "$lost"
kill "$late"
wait "$late" 2>/dev/null || true

say "SIGTERM while nobody reads"
wrong_file >"$CONFIG"
for _ in {1..20}; do ctl reload >/dev/null 2>&1 || true; done
good >"$CONFIG"
wait_for 20 is log_stuck true || fail "the log goes out: $(ctl -j show status)"
ends_well
exec 9<&-
kill "$reader"
wait "$reader" 2>/dev/null || true

say "the log's disk is full"
start "2>/dev/full"
wait_for 20 more_than log_lost 0 || fail "no line was lost"
ends_well

say "the log's file may not grow"
start "2>'$LAB_TMP/limited'"
prlimit --pid "$GATEWAY_PID" --fsize=10 # bytes
for _ in {1..20}; do ctl reload >/dev/null; done
wait_for 20 more_than log_lost 0 || fail "no line was lost"
ends_well

say "nobody reads the journal or syslog's socket"
# In a mount namespace of aditd's own there is neither.
alone() { # COMMAND..., in place of the shell
  # shellcheck disable=SC2016  # the other shell's words
  exec unshare --mount bash -c '[[ ! -d /run/systemd/journal ]] || mount -t tmpfs none /run/systemd/journal
    exec "$@"' alone "$@"
}
for target in journald syslog; do
  [[ $target == journald || ! -S /dev/log || $(readlink /dev/log) == /run/systemd/* ]] || continue
  good | sed "s/target: stderr/target: $target/" >"$CONFIG"
  alone ip netns exec "$LAB-gw" "$ADITD" --config "$CONFIG" 2>"$LAB_TMP/$target.log" </dev/null &
  GATEWAY_PID=$!
  wait_for 30 answers || fail "aditd does not answer"
  ends_well
  expect "lines that say where the others go" "$(grep -c "event=log_target_missing target=$target .*instead=stderr" "$LAB_TMP/$target.log")" = 1
  for event in ready stopped; do expect "lines of event=$event" "$(grep -c "event=$event" "$LAB_TMP/$target.log")" = 1; done
done
good >"$CONFIG"

say "descriptors 0, 1 and 2 are closed"
for closed in "2>&-" ">&- 2>&-" "<&- >&- 2>&-"; do
  # Behind start's own </dev/null, so that it is the last word.
  eval "ip netns exec '$LAB-gw' '$ADITD' --config '$CONFIG' </dev/null $closed &"
  GATEWAY_PID=$!
  wait_for 30 answers || fail "aditd does not answer"
  expect "what descriptor 2 is, with $closed" "$(readlink "/proc/$GATEWAY_PID/fd/2")" = /dev/null
  ends_well
done

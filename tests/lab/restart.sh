#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
# SIGTERM drains and exits 0, also under traffic; aditd starts again and traffic resumes; a second
# SIGTERM exits at once; SIGKILL leaves nothing that hinders the next start.
# shellcheck source=tests/lab/lib.sh
source "$(dirname "$0")/lib.sh"

usual_config >"$CONFIG"
usual_world
ns red

milliseconds() { echo $((${EPOCHREALTIME/./} / 1000)); }

say "first life, ended by SIGTERM while it carries TCP"
usual_start
expect_ping red "$RED1" 5
serve_iperf red1
bg red iperf iperf3 -c "$RED1" -t 20
iperf=$BG_PID
sleep 1
began=$(milliseconds)
rc=0
stop_gateway || rc=$?
expect "exit code on SIGTERM" "$rc" = 0
note "milliseconds to the end: $(($(milliseconds) - began))"
expect "its socket" "$([[ -e $LAB_TMP/adit.sock ]] && echo left || echo gone)" = gone
expect "TAPs left in the host" "$(N red ip -br link | grep -c red0 || true)" = 0
rc=0
ctl show ports >/dev/null 2>&1 || rc=$?
expect "exit code of aditctl with no daemon" "$rc" = 5

# Else its retransmissions would compete with the pings of the lives to come.
kill "$iperf"
wait "$iperf" 2>/dev/null || true

say "second life"
usual_start
expect_ping red "$RED1" 20
expect_ping red2 "$RED" 20

say "two SIGTERMs, one after the other"
pid=$GATEWAY_PID
began=$(milliseconds)
kill -TERM "$pid"
kill -TERM "$pid" 2>/dev/null || true
rc=0
wait "$pid" || rc=$?
note "exit code $rc, milliseconds to the end: $(($(milliseconds) - began))"

say "third life, ended by SIGKILL"
usual_start
expect_ping red "$RED1" 5
kill -KILL "$GATEWAY_PID"
wait "$GATEWAY_PID" 2>/dev/null || true

say "fourth life"
usual_start
expect_ping red "$RED1" 20
rc=0
stop_gateway || rc=$?
expect "exit code on SIGTERM" "$rc" = 0

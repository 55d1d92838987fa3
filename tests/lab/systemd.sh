#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
# The unit under Debian's own systemd, as PID 1 of namespaces of its own: a file of comments starts
# nothing; start is told when aditd is ready, which is not root's; reload fails where the file is
# refused, stop ends with success; journald has the log with the unit's name, also what goes to syslog.
# shellcheck source=tests/lab/lib.sh
source "$(dirname "$0")/lib.sh"
readonly SYSTEMD=/lib/systemd/systemd
for needed in "$SYSTEMD" /lib/systemd/systemd-journald; do
  [[ -x $needed ]] || skip "$needed is not installed"
done
[[ -d /sys/fs/cgroup/systemd || -e /sys/fs/cgroup/cgroup.controllers ]] ||
  skip "no cgroup hierarchy that systemd could use"

config() { # LOG TARGET, VNI
  cat <<YAML
system: {hugepages: no, log: {target: $1}}
ports:
  up: {device: "tap:up0", addresses: [192.0.2.1/24]}
networks:
  red: {vni: $2, remotes: [{address: 192.0.2.2}]}
YAML
}

# PrivateTmp hides /tmp from the unit: its files are under /run, which is new there as well.
sed "s#@s\?bindir@#/run/adit-bin#; s#@docdir@#/run#; s#/etc/adit/adit.yaml#/run/adit.yaml#; s#^WatchdogSec=.*#WatchdogSec=10#" \
  "$LAB_ROOT/config/adit.service.in" >"$LAB_TMP/adit.service"
# The account, which this machine need not have.
for file in passwd group; do grep -v '^adit:' "/etc/$file" >"$LAB_TMP/$file"; done
echo "adit:x:64123:64123::/nonexistent:/usr/sbin/nologin" >>"$LAB_TMP/passwd"
echo "adit:x:64123:" >>"$LAB_TMP/group"
cat >"$LAB_TMP/lab.target" <<'UNIT'
[Unit]
Wants=systemd-journald.service systemd-journald-dev-log.socket
UNIT
cat >"$LAB_TMP/boot" <<BOOT
set -e
mount --make-rprivate /
mount -t proc proc /proc
mount -t tmpfs tmpfs /run
mount -t tmpfs tmpfs /var/log
mount -t tmpfs tmpfs /var/lib
for file in passwd group; do chmod 644 "$LAB_TMP/\$file"; mount --bind "$LAB_TMP/\$file" "/etc/\$file"; done
mkdir -p /run/units /run/lock /run/adit-bin
cd /lib/systemd/system
cp systemd-journald.service systemd-journald.socket systemd-journald-dev-log.socket \
  sysinit.target basic.target sockets.target shutdown.target /run/units
cp "$LAB_TMP/adit.service" "$LAB_TMP/lab.target" /run/units
cp "$ADITD" "$ADITCTL" /run/adit-bin
cp "$LAB_ROOT/config/adit.yaml" /run/adit.yaml
exec env -i PATH="$PATH" container=lab SYSTEMD_UNIT_PATH=/run/units "$SYSTEMD" --system \
  --unit=lab.target --show-status=no --log-target=console
BOOT
ns gw
ip netns exec "$LAB-gw" unshare --pid --fork --mount --uts --ipc --kill-child=KILL \
  bash "$LAB_TMP/boot" >"$LAB_TMP/systemd.log" 2>&1 </dev/null &
unshare_pid=$!
first_child() { INIT=$(pgrep -P "$unshare_pid" | sed -n 1p) && [[ -n $INIT ]]; }
wait_for 5 first_child || fail "there is no PID 1"
# inside COMMAND...: in the namespaces of that systemd.
inside() { timeout 60 nsenter -t "$INIT" -p -m -u -i -n "$@"; }
wait_for 20 inside systemctl is-active systemd-journald.service || fail "systemd did not come up"
put() { config "$@" | inside tee /run/adit.yaml >/dev/null; }
of_unit() { inside systemctl show adit.service -P "$1"; }
# logged TEXT: lines of the unit's in the journal that have it.
logged() { inside journalctl -u adit.service --no-pager -o cat | grep -c "$1" || true; }

say "the file that packages bring starts nothing"
inside systemctl start adit.service || fail "systemctl start ended with $?"
expect "state" "$(of_unit ActiveState)" = inactive

say "start: systemd is told when aditd answers"
put journald 100
inside systemctl start adit.service || fail "systemctl start ended with $?"
expect "state" "$(of_unit ActiveState)/$(of_unit SubState)" = active/running
expect "ports, by aditctl at once" "$(inside /run/adit-bin/aditctl -j show ports | jq length)" = 1
expect "account of aditd" "$(inside ps -o user= -p "$(of_unit MainPID)")" = adit
# What health checks may do takes rights, and a file of /proc, that the unit has to leave.
checks=$(inside sh -c "grep -lx adit-checks /proc/$(of_unit MainPID)/task/*/comm")
expect "long packets of health checks are fragmented by their way" \
  "$(inside nsenter --net="${checks%comm}ns/net" cat /proc/sys/net/ipv4/ip_no_pmtu_disc)" = 1

say "reload: accepted, and refused with what is wrong"
put journald 101
inside systemctl reload adit.service || fail "systemctl reload ended with $?"
rc=0
put journald none
inside systemctl reload adit.service >/dev/null 2>&1 || rc=$?
expect "exit code of the reload of a wrong file" "$rc" '!=' 0
expect "state" "$(of_unit ActiveState)" = active
expect "VNI that runs on" "$(inside /run/adit-bin/aditctl -j show networks | jq '.[0].vni')" = 101

say "the journal has it"
for text in "event=ready" 'vni: 100 -> 101' "event=reload result=refused"; do
  expect "lines with $text" "$(logged "$text")" '>=' 1
done

expect "lines of checks that go by the host, for lack of a namespace" "$(logged event=checks_by_host)" = 0

say "a worker that stands still is nothing that the watchdog lets pass"
expect "restarts" "$(of_unit NRestarts)" = 0
put journald 101
main=$(of_unit MainPID)
# The worker's thread, by its number here outside. Processes may end while awk reads of them, and a
# process of another PID namespace may have the same number.
outside=$(awk -v inside="$main" 'FNR == 1 { name = $2 }
  $1 == "NSpid:" && NF > 2 && $NF == inside && name == "aditd" {
    sub("/status.*", "", FILENAME); sub("/proc/", "", FILENAME); print FILENAME; exit }' /proc/[0-9]*/status 2>/dev/null) || true
[[ -d /proc/$outside/task ]] || fail "no process here is aditd's $main"
# A thread may end while grep reads of it.
worker=$(grep -lsE 'worker-1$' "/proc/$outside/task/"*/comm | sed 's#.*/task/##; s#/comm##') || true
[[ -n $worker ]] || fail "aditd has no thread of the name worker-1"
mkfifo "$LAB_TMP/hold"
"$LAB_TESTS/stall-thread" "$worker" <"$LAB_TMP/hold" >"$LAB_TMP/stall.log" 2>&1 &
stall_pid=$!
exec 8>"$LAB_TMP/hold"
said() { [[ -s $LAB_TMP/stall.log ]]; }
wait_for 20 said || fail "the worker's thread could not be stopped"
if grep -q stalled "$LAB_TMP/stall.log"; then
  stalled_is_logged() { (($(logged event=worker_stalled) > 0)); }
  wait_for 20 stalled_is_logged || fail "nothing was logged of the worker that stands still"
  # It ends it by SIGABRT, which the thread takes when its debugger lets go.
  watchdog_bit() { [[ $(of_unit Result) == watchdog || $(of_unit SubState) == *watchdog ]]; }
  wait_for 60 watchdog_bit ||
    fail "the watchdog did not notice: $(inside systemctl show adit.service -p SubState,Result,WatchdogUSec,NRestarts)"
  exec 8>&-
  wait "$stall_pid" || true
  started_again() { [[ $(of_unit NRestarts) == 1 && $(of_unit SubState) == running ]]; }
  wait_for 60 started_again ||
    fail "aditd was not started again: $(inside systemctl show adit.service -p ActiveState,SubState,Result,NRestarts)"
  expect "ports, by aditctl" "$(inside /run/adit-bin/aditctl -j show ports | jq length)" = 1
else
  note "threads cannot be stopped here: $(cat "$LAB_TMP/stall.log")"
  exec 8>&-
fi

say "stop ends with success, and the log may go to syslog"
inside systemctl stop adit.service || fail "systemctl stop ended with $?"
expect "result" "$(of_unit ActiveState)/$(of_unit Result)/$(of_unit ExecMainStatus)" = inactive/success/0
put syslog 102
inside systemctl start adit.service || fail "systemctl start ended with $?"
inside systemctl stop adit.service
expect "lines with event=ready that came by syslog" "$(inside journalctl _TRANSPORT=syslog --no-pager -o cat |
  grep -c "event=ready")" = 1

say "with a wrong file the last good configuration starts"
put journald none
inside systemctl start adit.service || fail "systemctl start ended with $?"
expect "lines that say so" "$(logged event=started_with_revision)" '>=' 1
expect "the status that systemd shows" "$(of_unit StatusText | grep -c "the file is refused")" = 1
expect "owner of what it keeps" "$(inside stat -c %U /var/lib/adit/revisions/1.yaml)" = adit
inside systemctl stop adit.service

say "where there is none, it is no reason to try again"
inside rm -r /var/lib/adit/revisions
rc=0
inside systemctl start adit.service >/dev/null 2>&1 || rc=$?
expect "exit code of the start" "$rc" '!=' 0
expect "state and aditd's exit code" "$(of_unit ActiveState)/$(of_unit ExecMainStatus)" = failed/3
expect "restarts" "$(of_unit NRestarts)" = 0

say "nor is one that the account may not read"
inside chmod 600 /run/adit.yaml
rc=0
inside systemctl start adit.service >/dev/null 2>&1 || rc=$?
expect "exit code of the start" "$rc" '!=' 0
expect "state" "$(of_unit ActiveState)" = failed
expect "lines that say why" "$(logged 'adit.yaml.*Permission denied')" '>=' 1

say "with the drop-in as-root.conf aditd starts as root, and becomes the account itself"
inside rm -rf /var/lib/adit
inside mkdir -p /run/units/adit.service.d
inside tee /run/units/adit.service.d/as-root.conf <"$LAB_ROOT/config/systemd/as-root.conf" >/dev/null
inside systemctl daemon-reload
put journald 103
inside systemctl start adit.service || fail "systemctl start ended with $?"
expect "account of aditd" "$(inside ps -o user= -p "$(of_unit MainPID)")" = adit
expect "lines of what it kept" "$(logged 'event=privileges user=adit')" = 1
expect "owner of its revisions" "$(inside stat -c %U /var/lib/adit/revisions/1.yaml)" = adit
inside systemctl stop adit.service
expect "result" "$(of_unit ActiveState)/$(of_unit Result)" = inactive/success

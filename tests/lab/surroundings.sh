#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
# What is around aditd: a configuration that is no file, signals before it is ready, a full /run,
# what killed processes left there, a socket that somebody removes.
# shellcheck source=tests/lab/lib.sh
source "$(dirname "$0")/lib.sh"

ns gw
system_config >"$CONFIG"
cat >>"$CONFIG" <<YAML
ports: {t0: {device: "tap:t0", addresses: [10.4.0.254/24]}}
vrfs: {t: {ports: [t0]}}
YAML
mkdir "$LAB_TMP/run" "$LAB_TMP/full"
export RUNTIME_DIRECTORY=$LAB_TMP/run

# ends WHAT CODE TEXT COMMAND...: COMMAND in gw ends by itself with CODE and says TEXT.
ends() {
  local what=$1 code=$2 text=$3 rc=0 out
  shift 3
  out=$(N gw timeout -k 1 30 "$@" 2>&1) || rc=$?
  [[ $rc == "$code" ]] || echo "$out" >&2
  expect "$what: exit code" "$rc" = "$code"
  expect_match "$what: message" "$out" "[^"$'\n'"]*${text}[^"$'\n'"]*"
}

say "a configuration that is no file"
mkfifo "$LAB_TMP/fifo"
: >"$LAB_TMP/none.pcap"
for kind in "$LAB_TMP/fifo:a pipe" "/dev/zero:a device" "$LAB_TMP:a directory"; do
  path=${kind%%:*} what=${kind#*:}
  ends "aditd, $what" 3 "$path: cannot read the configuration: it is $what" "$ADITD" --config "$path"
  ends "aditctl check, $what" 3 "it is $what" "$ADITCTL" check "$path"
  ends "adit-replay, $what" 3 "it is $what" "$ADIT_REPLAY" --config "$path" --in "t0=$LAB_TMP/none.pcap"
done
truncate -s 1T "$LAB_TMP/huge"
ends "a huge file" 3 "larger than 64 MiB" "$ADITCTL" check "$LAB_TMP/huge"

say "a reload of such"
start_gateway "$CONFIG"
mv "$CONFIG" "$CONFIG.good"
mkfifo "$CONFIG"
rc=0
out=$(ctl reload 2>&1) || rc=$?
expect "exit code" "$rc" = 3
expect_match "message" "$out" "it is a pipe"
rm "$CONFIG"
mv "$CONFIG.good" "$CONFIG"
expect "the next reload" "$(ctl reload | tail -1)" = "nothing changed; generation 1, revision 1"

say "its socket is removed"
rm "$LAB_TMP/adit.sock"
made_again() { ctl show ports; }
wait_for 20 made_again || fail "the socket was not made again"
expect "lines that say so" "$(grep -c event=api_socket_made_again "$LAB_TMP/aditd.log")" = 1
rm -r "$LAB_TMP/run/dpdk/adit-$GATEWAY_PID" # as tmpfiles or a mistaken rm would
expect "answers still" "$(ctl -j show ports | jq length)" = 1

say "clients that say nothing have all its descriptors"
fds=$(find "/proc/$GATEWAY_PID/fd" -mindepth 1 | wc -l)
prlimit --pid "$GATEWAY_PID" --nofile=$((fds + 4)):
bg gw silent /usr/bin/python3 -c "
import socket, time
held = [socket.socket(socket.AF_UNIX) for _ in range(20)]
for one in held: one.connect('$LAB_TMP/adit.sock')
time.sleep(60)"
silent=$BG_PID
wait_for 20 grep -q event=api_accept_failed "$LAB_TMP/aditd.log" || fail "descriptors are not short"
wait_for 20 made_again || fail "who asks is not answered beside 20 silent clients: they have all descriptors"
kill "$silent"
stop_gateway || fail "aditd ended with $?"

say "what killed processes left"
folders() { find "$LAB_TMP/run/dpdk" -mindepth 1 -maxdepth 1 -printf '%f '; }
start_gateway "$CONFIG"
first=$GATEWAY_PID
kill -KILL "$first"
wait "$first" 2>/dev/null || true
expect "folders after SIGKILL" "$(folders)" = "adit-$first "
start_gateway "$CONFIG"
expect "folders after the next start" "$(folders)" = "adit-$GATEWAY_PID "
sed "s#tap:t0#tap:t1#; s#adit.sock#other.sock#" "$CONFIG" >"$LAB_TMP/other.yaml"
bg gw other "$ADITD" --config "$LAB_TMP/other.yaml"
other=$BG_PID
other_answers() { "$ADITCTL" --socket "$LAB_TMP/other.sock" show ports; }
wait_for 30 other_answers || fail "the second aditd does not answer"
expect "folders of two that run" "$(folders | wc -w)" = 2
kill -KILL "$other"
wait "$other" 2>/dev/null || true
stop_gateway || fail "aditd ended with $?"
expect "folders when the last has stopped" "$(folders)" = ""

say "signals before it is ready"
# hold: the start waits, in gw, for a fifo's other end: ld.so has the program, main() has not begun.
early() { # SIGNAL... sent as soon as EAL is about to start
  : >"$LAB_TMP/early.log"
  bg gw early "$ADITD" --config "$CONFIG"
  wait_for 30 grep -q event=eal_start "$LAB_TMP/early.log" || fail "no start"
  for signal; do kill -"$signal" "$BG_PID"; done
}
early HUP
wait_for 30 grep -q 'event=reload result=accepted who=SIGHUP' "$LAB_TMP/early.log" ||
  fail "the file was not read again after a SIGHUP during the start"
for signal in USR1 USR2 PIPE; do kill -"$signal" "$BG_PID"; done  # ignored
kill -TERM "$BG_PID"
rc=0
wait "$BG_PID" || rc=$?
expect "exit code after SIGHUP, signals that are ignored, then SIGTERM" "$rc" = 0
for signal in TERM INT; do
  early "$signal"
  rc=0
  wait "$BG_PID" || rc=$?
  expect "exit code of SIG$signal during the start" "$rc" = 0
  expect "folders it left" "$(folders)" = ""
  expect "its socket" "$([[ -e $LAB_TMP/adit.sock ]] && echo left || echo gone)" = gone
done

say "places without room"
mount -t tmpfs -o size=64k tmpfs "$LAB_TMP/full"
trap 'umount "$LAB_TMP/full"; lab_cleanup' EXIT
head -c 1M /dev/zero >"$LAB_TMP/full/x" 2>/dev/null || true
ends "a full /run" 4 "not enough room in $LAB_TMP/full for DPDK: 2 MB are needed" \
  env RUNTIME_DIRECTORY="$LAB_TMP/full" "$ADITD" --config "$CONFIG"
mount -o remount,ro "$LAB_TMP/full"
ends "a read-only /run" 4 "$LAB_TMP/full, where DPDK keeps its files, is not writable" \
  env RUNTIME_DIRECTORY="$LAB_TMP/full" "$ADITD" --config "$CONFIG"

say "outputs that cannot be written"
# full WHAT COMMAND...: with a full disk as its standard output COMMAND fails, and says why.
full() {
  local what=$1 rc=0 out
  shift
  out=$(N gw timeout -k 1 60 "$@" 2>&1 >/dev/full) || rc=$?
  expect "$what to a full disk: exit code" "$rc" = 1
  expect_match "$what to a full disk: message" "$out" 'cannot (be )?writ[^'$'\n'']*'
}
# gone WHAT COMMAND...: where the reader of its output has gone COMMAND fails, and says nothing.
gone() {
  local what=$1 rc=0 out
  shift
  out=$(/usr/bin/python3 - "$@" <<'PY'
import os, subprocess, sys
reader, writer = os.pipe()
os.close(reader)
done = subprocess.run(sys.argv[1:], stdout=writer, stderr=subprocess.PIPE, timeout=60, text=True)
print(done.returncode, done.stderr.strip(), end="")
PY
  ) || rc=$?
  expect "$what, its reader gone: exit code and words" "$out" = "1 "
}
replay=("$ADIT_REPLAY" --config "$CONFIG" --in "t0=$LAB_TMP/in.pcap")
/usr/bin/python3 - "$LAB_TMP/in.pcap" <<'PY'
import struct, sys
frame = bytes.fromhex("ffffffffffff0200000000010806000108000604000102000000000" "10a0400010000000000000a0400fe")
with open(sys.argv[1], "wb") as file:
    file.write(struct.pack("<IHHiIII", 0xA1B2C3D4, 2, 4, 0, 0, 65535, 1))
    for second in range(2000):
        file.write(struct.pack("<IIII", second, 0, len(frame), len(frame)) + frame)
PY
full "adit-replay's summary" "${replay[@]}"
full "adit-replay --report -" "${replay[@]}" --report -
rc=0
out=$("${replay[@]}" --report /dev/full 2>&1) || rc=$?
expect "adit-replay --report /dev/full: exit code" "$rc" = 1
expect_match "message" "$out" '/dev/full: cannot be written'
rc=0
out=$("${replay[@]}" --out t0=/dev/full 2>&1) || rc=$?
expect "adit-replay --out t0=/dev/full: exit code" "$rc" = 1
expect_match "message" "$out" '/dev/full: writing failed: No space left on device'
for options in "--help" "--version"; do
  full "adit-replay $options" "$ADIT_REPLAY" "$options"
  full "aditd $options" "$ADITD" "$options"
done
full "aditctl check" "$ADITCTL" check "$CONFIG"
full "aditctl help" "$ADITCTL" help
full "aditctl completion" "$ADITCTL" completion bash
start_gateway "$CONFIG"
full "aditctl show ports" "$ADITCTL" --socket "$LAB_TMP/adit.sock" show ports
full "aditctl -j show drops" "$ADITCTL" --socket "$LAB_TMP/adit.sock" -j show drops --all
full "aditctl --watch" "$ADITCTL" --socket "$LAB_TMP/adit.sock" --watch 1 show ports
full "aditctl reload" "$ADITCTL" --socket "$LAB_TMP/adit.sock" reload
gone "aditctl show ports" "$ADITCTL" --socket "$LAB_TMP/adit.sock" show ports
gone "aditctl --watch" "$ADITCTL" --socket "$LAB_TMP/adit.sock" --watch 1 show ports
gone "adit-replay --report -" "${replay[@]}" --report -
stop_gateway || fail "aditd ended with $?"

#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
# What aditd may still do once its ports are open: each of its threads has few capabilities and can
# gain none; with an account to become, no thread is root's; what it needs later still works.
# shellcheck source=tests/lab/lib.sh
source "$(dirname "$0")/lib.sh"

ns gw host
config() { # [USER]
  system_config
  echo "  user: ${1:-root}"
  cat <<YAML
ports: {t0: {device: "tap:t0", addresses: [10.4.0.254/24]}}
vrfs: {t: {ports: [t0]}}
services:
  web:
    vrf: t
    address: 10.9.0.1
    port: 80
    health:
      kind: command
      interval_ms: 500
      command: [/bin/sh, -c, 'id -un >$LAB_TMP/open/\$ADIT_BACKEND_PORT']
    backends: [{address: 10.4.0.1, port: 8080}]
YAML
}
mkdir "$LAB_TMP/open"
chmod 711 "$LAB_TMP"
chmod 777 "$LAB_TMP/open"

# all_threads FIELD: its values in the status of all threads, each once.
all_threads() {
  sed -n "s/^$1:[[:space:]]*//p" "/proc/$GATEWAY_PID/task/"*/status | sort -u | tr '\n' ' '
}
# CAP_KILL 5, SETGID 6, SETUID 7, NET_ADMIN 12, NET_RAW 13.
readonly FEW=00000000000030e0

say "root's account"
config root >"$CONFIG"
start_gateway "$CONFIG"
for set in CapPrm CapEff CapBnd; do
  expect "$set of all threads" "$(all_threads $set)" = "$FEW "
done
expect "NoNewPrivs" "$(all_threads NoNewPrivs)" = "1 "
expect "Uid" "$(all_threads Uid | tr '\t' ' ')" = "0 0 0 0 "
checked() { [[ -s $LAB_TMP/open/8080 ]]; }
wait_for 20 checked || fail "the check's program did not run"
expect "account of the check's program" "$(<"$LAB_TMP/open/8080")" = nobody
config root | sed 's/10.9.0.1/10.9.0.2/' >"$CONFIG"
expect_match "reload" "$(ctl reload)" 'generation 2'
pid=$GATEWAY_PID
stop_gateway || fail "aditd ended with $?"
expect "DPDK's folder" "$([[ -e /run/dpdk/adit-$pid ]] && echo left || echo gone)" = gone

say "another account"
export RUNTIME_DIRECTORY=$LAB_TMP/run
mkdir "$RUNTIME_DIRECTORY"
config daemon | sed "s#socket:.*#socket: $LAB_TMP/adit/adit.sock#" >"$CONFIG"
chmod 600 "$CONFIG"
ctl() { "$ADITCTL" --socket "$LAB_TMP/adit/adit.sock" "$@"; }
rm "$LAB_TMP/open/8080"
start_gateway "$CONFIG"
uid=$(id -u daemon)
expect "Uid" "$(all_threads Uid | tr '\t' ' ')" = "$uid $uid $uid $uid "
# And CAP_DAC_READ_SEARCH, 2, for a file that only root may read.
expect "CapEff of all threads" "$(all_threads CapEff)" = "00000000000030e4 "
expect "CapBnd of all threads" "$(all_threads CapBnd)" = "00000000000030e4 "
expect "NoNewPrivs" "$(all_threads NoNewPrivs)" = "1 "
wait_for 20 checked || fail "the check's program did not run"
expect "account of the check's program" "$(<"$LAB_TMP/open/8080")" = nobody
sed -i 's/10.9.0.1/10.9.0.2/' "$CONFIG"
expect_match "reload of a file that only root may read" "$(ctl reload)" 'generation 2'
N gw ip link set t0 netns "$LAB-host"
N host ip link set t0 up
N host ip addr add 10.4.0.1/24 dev t0
expect_ping host 10.4.0.254 3
rm "$LAB_TMP/adit/adit.sock"
made_again() { ctl show ports; }
wait_for 20 made_again || fail "the socket was not made again"
pid=$GATEWAY_PID
stop_gateway || fail "aditd ended with $?"
expect "DPDK's folder" "$([[ -e $LAB_TMP/run/dpdk/adit-$pid ]] && echo left || echo gone)" = gone
expect "its socket" "$([[ -e $LAB_TMP/adit/adit.sock ]] && echo left || echo gone)" = gone

say "a file that others can write"
chmod 666 "$CONFIG"
out=$(N gw timeout 60 "$ADITD" --config "$CONFIG" --check 2>&1) || true
expect_match "warning" "$out" 'is writable by everybody: others can change the configuration'

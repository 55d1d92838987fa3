#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
# What is wrong before the start is said in a sentence that helps, with the right exit code, and
# nothing is left running.
# shellcheck source=tests/lab/lib.sh
source "$(dirname "$0")/lib.sh"

ns gw
usual_config >"$CONFIG"
chmod 755 "$LAB_TMP"

# ends WHAT CODE TEXT COMMAND...: COMMAND in gw ends within ten seconds with CODE and says TEXT.
ends() {
  local what=$1 code=$2 text=$3 rc=0 out
  shift 3
  out=$(N gw timeout -k 1 10 "$@" 2>&1) || rc=$?
  [[ $rc == "$code" ]] || echo "$out" >&2
  expect "$what: exit code" "$rc" = "$code"
  expect_match "$what: message" "$out" "[^"$'\n'"]*${text}[^"$'\n'"]*"
}

say "usage"
ends "--version" 0 '[0-9]+\.[0-9]+\.[0-9]+' "$ADITD" --version
ends "--help" 0 '--config' "$ADITD" --help
ends "an option that is not there" 2 'frobnicate' "$ADITD" --frobnicate
ends "aditctl without a command" 2 '.' "$ADITCTL"
ends "aditctl with a command that is not there" 2 'frobnicate' "$ADITCTL" frobnicate
ends "aditctl show of what is not there" 2 'shoes' "$ADITCTL" show shoes
ends "aditctl without a daemon" 5 "$LAB_TMP/none.sock" "$ADITCTL" --socket "$LAB_TMP/none.sock" show ports
ends "adit-replay without anything" 2 '--config' "$ADIT_REPLAY"

say "configuration"
ends "--check of a good file" 0 '' "$ADITD" --config "$CONFIG" --check
ends "aditctl check of a good file" 0 '' "$ADITCTL" check "$CONFIG"
ends "a file that is not there" 3 "$LAB_TMP/none.yaml" "$ADITD" --config "$LAB_TMP/none.yaml"
ends "\$ADIT_CONFIG is taken" 3 "$LAB_TMP/env.yaml" env ADIT_CONFIG="$LAB_TMP/env.yaml" "$ADITD"
ends "--config beats \$ADIT_CONFIG" 3 "$LAB_TMP/none.yaml" \
  env ADIT_CONFIG="$CONFIG" "$ADITD" --config "$LAB_TMP/none.yaml"
ends "a folder" 3 "$LAB_TMP" "$ADITD" --config "$LAB_TMP"
sed 's/vni: 100/vni: 0/; s/port: red0/port: red1/' "$CONFIG" >"$LAB_TMP/wrong.yaml"
vni_line=$(grep -n 'vni:' "$CONFIG" | cut -d: -f1)
members_line=$(grep -n 'members:' "$CONFIG" | cut -d: -f1)
ends "first of two mistakes" 3 "wrong.yaml:$vni_line:[0-9]+:" "$ADITD" --config "$LAB_TMP/wrong.yaml"
ends "second of two mistakes, with --check" 3 "wrong.yaml:$members_line:[0-9]+:" \
  "$ADITD" --config "$LAB_TMP/wrong.yaml" --check
: >"$LAB_TMP/empty.yaml"
ends "an empty file" 3 'empty.yaml' "$ADITD" --config "$LAB_TMP/empty.yaml"

say "preflight"
ends "not root" 4 '(root|CAP_NET_ADMIN|privilege)' \
  setpriv --reuid=65534 --regid=65534 --clear-groups "$ADITD" --config "$CONFIG"
N gw ip link add red0 type bridge
ends "an interface with the TAP's name" 4 'red0' "$ADITD" --config "$CONFIG"
N gw ip link del red0
sed 's/tap:red0/af_packet:veth9/' "$CONFIG" >"$LAB_TMP/absent.yaml"
ends "an interface that is not there" 4 'veth9' "$ADITD" --config "$LAB_TMP/absent.yaml"
sed 's/"tap:red0"/"0000:ff:1f.7"/' "$CONFIG" >"$LAB_TMP/pci.yaml"
ends "a PCI device that is not there" 4 '0000:ff:1f\.7' "$ADITD" --config "$LAB_TMP/pci.yaml"
sed 's/poll: adaptive/workers: 64/' "$CONFIG" >"$LAB_TMP/cores.yaml"
(($(nproc) > 64)) || ends "more workers than cores" 4 '64' "$ADITD" --config "$LAB_TMP/cores.yaml"
if (($(awk '/^HugePages_Total/ { print $2 }' /proc/meminfo) == 0)); then
  sed 's/poll: adaptive/hugepages: yes/' "$CONFIG" >"$LAB_TMP/huge.yaml"
  ends "hugepages that are not there" 4 'hugepages' "$ADITD" --config "$LAB_TMP/huge.yaml"
fi

say "a second aditd on the same socket"
start_gateway "$CONFIG"
sed 's/tap:up0/tap:up1/; s/tap:red0/tap:red1/' "$CONFIG" >"$LAB_TMP/second.yaml"
ends "a socket in use" 4 'another daemon answers' "$ADITD" --config "$LAB_TMP/second.yaml"
expect "the first still answers" "$(ctl -j show ports | jq length)" = 2
stop_gateway || fail "aditd ended with $?"

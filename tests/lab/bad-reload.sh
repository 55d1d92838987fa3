#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
# Wrong YAML is refused, with file, line and column, while traffic goes on by the old configuration.
# shellcheck source=tests/lab/lib.sh
source "$(dirname "$0")/lib.sh"

usual_config >"$CONFIG"
cp "$CONFIG" "$LAB_TMP/good.yaml"
usual_world
usual_start
expect_ping red "$RED1" 5

# running: the parts of the state that come from the configuration.
running() {
  ctl -j show networks | jq -cS '[.[] | {name, vni, members, remotes}]'
  ctl -j show remotes | jq -cS '[.[] | {network, kind, address}]'
  ctl -j show ports | jq -cS '[.[] | {name, device, mac, mtu_bytes}]'
}
before=$(running)

pings_begin red pings 0.01 "$RED1"

# refused WHAT LINE TEXT SED: the good file, changed by a sed command, is refused at that line.
refused() {
  local what=$1 line=$2 text=$3 change=$4 rc=0 out
  sed "$change" "$LAB_TMP/good.yaml" >"$CONFIG"
  ! cmp -s "$CONFIG" "$LAB_TMP/good.yaml" || fail "the test itself: '$change' changes nothing"
  out=$(ctl reload 2>&1) || rc=$?
  expect "$what: exit code of aditctl reload" "$rc" = 3
  expect_match "$what: message" "$out" "adit\.yaml:$line:[0-9]+:[^"$'\n'"]*"
  expect_match "$what: it names the culprit" "$out" "$text"
  rc=0
  "$ADITCTL" check "$CONFIG" >/dev/null 2>&1 || rc=$?
  expect "$what: exit code of aditctl check" "$rc" = 3
}
vni_line=$(grep -n 'vni:' "$CONFIG" | cut -d: -f1)
members_line=$(grep -n 'members:' "$CONFIG" | cut -d: -f1)
refused "unknown key" "$vni_line" learnin "s/    vni: 100/    learnin: true\n&/"
refused "value out of range" "$vni_line" 16777216 's/vni: 100/vni: 16777216/'
refused "wrong type" "$vni_line" hundred 's/vni: 100/vni: hundred/'
refused "port that is not there" "$members_line" red9 's/port: red0/port: red9/'
refused "duplicate key" "$((vni_line + 1))" vni 's/    vni: 100/&\n    vni: 101/'
refused "no YAML at all" "$members_line" 'is not closed' 's/members: \[{port: red0}\]/members: [{port: red0}/'

say "by SIGHUP"
sed 's/vni: 100/vni: 0/' "$LAB_TMP/good.yaml" >"$CONFIG"
lines=$(wc -l <"$LAB_TMP/aditd.log")
kill -HUP "$GATEWAY_PID"
refusal() { tail -n "+$((lines + 1))" "$LAB_TMP/aditd.log" | grep "adit\.yaml:$vni_line:"; }
wait_for 3 refusal || fail "the log has no word of the refusal"
note "log: $(refusal | sed -n 1p)"
kill -0 "$GATEWAY_PID" || fail "aditd is gone"

expect_pings "pings meanwhile" pings 500
expect "the running configuration" "$([[ $(running) == "$before" ]] && echo unchanged)" = unchanged

say "a file that is gone, and a good one again"
rm "$CONFIG"
rc=0
ctl reload >/dev/null 2>&1 || rc=$?
expect "exit code with no file" "$rc" = 3
cp "$LAB_TMP/good.yaml" "$CONFIG"
rc=0
ctl reload || rc=$?
expect "exit code with the good file" "$rc" = 0
expect_ping red "$RED1" 20

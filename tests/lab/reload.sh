#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
# A remote is added and a network removed by reload, while TCP runs through another network: that
# one loses nothing and keeps its MACs.
# shellcheck source=tests/lab/lib.sh
source "$(dirname "$0")/lib.sh"

# config_with BLUE REMOTES...: red with these remotes, and network blue or not.
config_with() {
  local blue=$1 address
  shift
  usual_config | sed '/remotes:/,$d; s|^networks:|  blue0: {device: "tap:blue0", mtu_bytes: '"$ACCESS_MTU"'}\n&|'
  echo "    remotes:"
  for address; do echo "      - {address: $address}"; done
  [[ $blue == yes ]] || return 0
  printf '  blue:\n    vni: 200\n    members: [{port: blue0}]\n    remotes: [{address: 192.0.2.2}]\n'
}

config_with yes 192.0.2.2 >"$CONFIG"
usual_world
vtep_host v1 blue1 200 02:00:00:00:20:11 10.2.0.11
usual_start 192.0.2.2
plug_host blue0 blue 02:00:00:00:20:01 10.2.0.1
expect_ping red "$RED1" 5
expect_ping blue 10.2.0.11 5
expect_no_ping red "$RED2" 3
expect "networks" "$(ctl -j show networks | jq -r '[.[].name] | sort | join(" ")')" = "blue red"

say "TCP at a steady 40 Mbit/s for eight seconds, and a ping every 10 ms"
serve_iperf red1
bg red iperf iperf3 -J -c "$RED1" -t 8 -i 1 -b 40M
iperf=$BG_PID
pings_begin red pings 700 0.01 "$RED1"
sleep 2

age_of() { ctl -j show fdb | jq --arg m "$1" '[.[] | select(.mac == $m)] | length'; }
say "reload: remote 192.0.2.3 is added to red"
config_with yes 192.0.2.2 192.0.2.3 >"$CONFIG"
ctl reload || fail "aditctl reload ended with $?"
expect "entries of red1's MAC after the reload" "$(age_of "$RED1_MAC")" = 1
expect "entries of blue1's MAC after the reload" "$(age_of 02:00:00:00:20:11)" = 1
wait_neighbours 192.0.2.3
expect_ping red "$RED2" 5

sleep 1
say "reload by SIGHUP: network blue is removed"
config_with no 192.0.2.2 192.0.2.3 >"$CONFIG"
kill -HUP "$GATEWAY_PID"
one_network() { [[ $(ctl -j show networks | jq length) == 1 ]]; }
wait_for 3 one_network || fail "SIGHUP did not remove network blue within 3 seconds"
expect "networks" "$(ctl -j show networks | jq -r '[.[].name] | join(" ")')" = red
expect "entries of red1's MAC after the reload" "$(age_of "$RED1_MAC")" = 1
expect "entries of blue1's MAC after the reload" "$(age_of 02:00:00:00:20:11)" = 0
expect_no_ping blue 10.2.0.11 3

wait "$iperf" || fail "iperf3 failed: $(jq -r '.error // "failed"' "$LAB_TMP/iperf.log")"
retransmits=$(jq -c '[.intervals[].sum.retransmits]' "$LAB_TMP/iperf.log")
note "retransmits, second by second: $retransmits"
expect "retransmits in all" "$(jq .end.sum_sent.retransmits "$LAB_TMP/iperf.log")" '<=' 10
expect "bit/s" "$(jq '.end.sum_received.bits_per_second | floor' "$LAB_TMP/iperf.log")" '>=' 36000000
expect_pings "pings across both reloads" pings 700

say "and blue comes back with another reload"
config_with yes 192.0.2.2 192.0.2.3 >"$CONFIG"
ctl reload || fail "aditctl reload ended with $?"
expect_ping blue 10.2.0.11 5

#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
# A remote is added and a network removed by reload, while traffic runs through another network: that
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

say "500 datagrams a second, and a ping every 10 ms"
numbered_begin red red1 "$RED1" 500 1400
pings_begin red pings 0.01 "$RED1"
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
wait_for 3 one_network || fail "SIGHUP did not remove network blue "
expect "networks" "$(ctl -j show networks | jq -r '[.[].name] | join(" ")')" = red
expect "entries of red1's MAC after the reload" "$(age_of "$RED1_MAC")" = 1
expect "entries of blue1's MAC after the reload" "$(age_of 02:00:00:00:20:11)" = 0
expect_no_ping blue 10.2.0.11 3

expect_numbered "datagrams across both reloads" red0
expect_pings "pings across both reloads" pings 700 "$NUMBERED_OTHERS"

say "and blue comes back with another reload"
config_with yes 192.0.2.2 192.0.2.3 >"$CONFIG"
ctl reload || fail "aditctl reload ended with $?"
expect_ping blue 10.2.0.11 5

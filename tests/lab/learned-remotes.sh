#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
# The kernel's VTEPs become remotes by what they send: without a new configuration, across a reload,
# and until they are silent.
# shellcheck source=tests/lab/lib.sh
source "$(dirname "$0")/lib.sh"

# config_with AGING_S [LINE]: red learns its remotes; LINE goes behind it.
config_with() {
  red_config 100 192.0.2.1/24 | sed '/remotes:/,$d'
  printf '    learn_remotes: true\n    mac_aging_s: %s\n%s\n' "$1" "${2:-}"
}

remotes() { ctl -j show remotes | jq -r "[.[] | select(.network == \"red\")] | $1"; }
generation() { ctl -j version | jq .generation; }

config_with 600 >"$CONFIG"
usual_world
start_gateway "$CONFIG"
plug_uplink up0
plug_host red0 red "$RED_MAC" "$RED"
expect "remotes before anybody speaks" "$(remotes length)" = 0

say "who sends becomes a remote"
learned() { [[ $(remotes 'map(.address) | sort | join(" ")') == "$1" ]]; }
# The first frame of a sender is not let in.
N red1 ping -q -c 1 -W 1 "$RED" >/dev/null || true
wait_for 10 learned 192.0.2.2 || fail "192.0.2.2 is not learned: $(remotes .)"
wait_neighbours 192.0.2.2
expect_ping red1 "$RED" 20 "${FULL[@]}"
N red2 ping -q -c 1 -W 1 "$RED" >/dev/null || true
wait_for 10 learned "192.0.2.2 192.0.2.3" || fail "192.0.2.3 is not learned: $(remotes .)"
wait_neighbours 192.0.2.3
expect_ping red "$RED2" 20 "${FULL[@]}"
expect_ping red "$RED1" 20 "${FULL[@]}"
expect "where the remotes come from" "$(remotes 'map(.origin) | unique | join(" ")')" = learned
expect_place "place of the host behind v2" red "$RED2_MAC" "remote 192.0.2.3"
expect "generation" "$(generation)" = 1
ctl show remotes

say "a reload keeps them, and loses nothing"
pings_begin red pings 0.01 "$RED1"
config_with 600 '    mac_limit: 1000' >"$CONFIG"
ctl reload || fail "aditctl reload ended with $?"
expect_pings "pings across the reload" pings 300
expect "generation" "$(generation)" = 2
expect "remotes" "$(remotes 'map(.address) | sort | join(" ")')" = "192.0.2.2 192.0.2.3"
expect_place "place of the host behind v2" red "$RED2_MAC" "remote 192.0.2.3"
expect_ping red "$RED2" 20

say "one that the file names is the file's"
config_with 600 '    remotes: [{address: 192.0.2.3}]' >"$CONFIG"
ctl reload || fail "aditctl reload ended with $?"
expect "where the remotes come from" \
  "$(remotes 'map(.address + " " + .origin) | sort | join(", ")')" = \
  "192.0.2.2 learned, 192.0.2.3 file"
expect_ping red "$RED2" 20
expect_ping red "$RED1" 20

say "who is silent is forgotten"
N red1 ip link set eth0 down
N red2 ip link set eth0 down
config_with 10 '    remotes: [{address: 192.0.2.3}]' >"$CONFIG"
ctl reload || fail "aditctl reload ended with $?"
at=$(generation)
wait_for 60 learned 192.0.2.3 || fail "192.0.2.2 is not forgotten: $(remotes .)"
expect "generation" "$(generation)" = "$at"
expect_place "place of the host behind v1" red "$RED1_MAC" nowhere

say "and comes back"
N red1 ip link set eth0 up
N red1 ping -q -c 1 -W 1 "$RED" >/dev/null || true
wait_for 10 learned "192.0.2.2 192.0.2.3" || fail "192.0.2.2 is not learned again: $(remotes .)"
wait_neighbours 192.0.2.2
expect_ping red1 "$RED" 20
ctl show drops

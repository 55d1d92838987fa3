#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
# A host moves from one VTEP to the other with its MAC and address, and back: as soon as it speaks
# there, traffic follows.
# shellcheck source=tests/lab/lib.sh
source "$(dirname "$0")/lib.sh"

readonly MOVER=10.1.0.50 MOVER_MAC=02:00:00:00:10:50
usual_config >"$CONFIG"
usual_world
# The same host twice, behind v1 and behind v2; only one of the two is ever up.
vtep_host v1 here 101 "$MOVER_MAC" "$MOVER"
vtep_host v2 there 101 "$MOVER_MAC" "$MOVER"
sed -i 's/vni: 100/vni: 101/' "$CONFIG"
N there ip link set eth0 down
usual_start

expect_ping red "$MOVER" 5
expect_place "place of the host" red "$MOVER_MAC" "remote 192.0.2.2"

# move FROM TO REMOTE: while red pings ten times a second.
move() {
  local from=$1 to=$2 remote=$3 began silence
  N "$from" ip link set eth0 down
  N "$to" ip link set eth0 up
  began=${EPOCHREALTIME/./}
  # The host speaks once at its new place, to somebody else: only its ARP is broadcast.
  N "$to" ping -q -c 1 -W 1 10.1.0.99 >/dev/null || true &
  wait_for 5 N red ping -q -c 1 -W 0.2 "$MOVER" || fail "traffic did not follow to $to"
  silence=$(((${EPOCHREALTIME/./} - began) / 1000))
  note "milliseconds from link up in $to to the first answer: $silence"
  expect_place "place of the host" red "$MOVER_MAC" "remote $remote"
  expect_ping red "$MOVER" 20
  wait $!
}
say "from v1 to v2"
move here there 192.0.2.3
say "and back"
move there here 192.0.2.2
say "and there again"
move here there 192.0.2.3

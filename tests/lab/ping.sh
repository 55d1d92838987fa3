#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
# An access host and hosts behind two kernel VTEPs ping each other, up to full-size frames.
# shellcheck source=tests/lab/lib.sh
source "$(dirname "$0")/lib.sh"

usual_config >"$CONFIG"
usual_world
usual_start

say "the very first packets: next hops are known, MACs are not"
expect_ping red "$RED1" 20
expect_ping red "$RED2" 20
expect_ping red1 "$RED" 20
expect_ping red2 "$RED" 20

say "full-size frames, not to be fragmented"
expect "MTU of the TAP as aditd made it" "$(N red cat /sys/class/net/red0/mtu)" = "$ACCESS_MTU"
expect_ping red "$RED1" 20 "${FULL[@]}"
expect_ping red "$RED2" 20 "${FULL[@]}"
expect_ping red1 "$RED" 20 "${FULL[@]}"
expect_ping red2 "$RED" 20 "${FULL[@]}"

say "every size around the tunnel's and Ethernet's edges"
for size in 0 1 17 18 19 63 64 65 1371 1372 1421 1422; do
  expect_ping red "$RED1" 3 -M "do" -s "$size"
done

say "what adit learned and counted"
expect_place "place of the access host" red "$RED_MAC" "port red0"
expect_place "place of the host behind v1" red "$RED1_MAC" "remote 192.0.2.2"
expect_place "place of the host behind v2" red "$RED2_MAC" "remote 192.0.2.3"
ctl -j show remotes >"$LAB_TMP/remotes.json"
for address in 192.0.2.2 192.0.2.3; do
  for counter in rx_packets tx_packets; do
    expect "$counter of remote $address" "$(jq --arg a "$address" --arg c "$counter" \
      '[.[] | select(.address == $a) | .[$c]] | add' "$LAB_TMP/remotes.json")" '>=' 60
  done
done

say "the underlay's address answers too"
expect_ping v1 192.0.2.1 5
expect_ping v2 192.0.2.1 5 -M "do" -s $((UNDERLAY_MTU - 28))

#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
# Two workers on multi-queue TAPs: many flows at once, both receive, and nothing is lost.
# shellcheck source=tests/lab/lib.sh
source "$(dirname "$0")/lib.sh"

usual_config | sed 's/^system:/&\n  workers: 2/' >"$CONFIG"
usual_world
start_gateway "$CONFIG"
plug_uplink up0
plug_host red0 red "$RED_MAC" "$RED"
wait_neighbours 192.0.2.2 192.0.2.3
expect "workers" "$(ctl -j show workers | jq length)" = 2
ctl show workers

say "learning and flooding"
for pair in "red $RED1" "red $RED2" "red1 $RED" "red2 $RED"; do
  read -r from to <<<"$pair"
  expect_ping "$from" "$to" 20 "${FULL[@]}"
done
expect_place "place of the access host" red "$RED_MAC" "port red0"
expect_place "place of the host behind v1" red "$RED1_MAC" "remote 192.0.2.2"
expect_place "place of the host behind v2" red "$RED2_MAC" "remote 192.0.2.3"

say "eight flows at once, both ways"
serve_iperf red1
serve_iperf red2
for address in "$RED1" "$RED2"; do
  for way in "" -R; do
    result=$(iperf red -P 8 -n 32M -c "$address" ${way:+"$way"}) ||
      fail "iperf3 $way with $address: $(jq -r '.error // "failed"' <<<"$result")"
    expect "TCP with $address${way:+ $way}, bytes received" \
      "$(jq '.end.sum_received.bytes' <<<"$result")" '>=' $((1024 * 1024))
  done
done

say "both workers had their share"
ctl -j show workers >"$LAB_TMP/workers.json"
for worker in 0 1; do
  expect "packets that worker $worker received" \
    "$(jq ".[$worker].received" "$LAB_TMP/workers.json")" '>' 50
done
ctl show workers
ctl show drops

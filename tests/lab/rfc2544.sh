#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
# bench/rfc2544 from end to end, with each generator: a rate is found, and what was lost is accounted for.
# bench/port-cost with each kind of port. Which rates and costs is nothing to be judged here.
# shellcheck source=tests/lab/lib.sh
source "$(dirname "$0")/lib.sh"

# search NAME GENERATOR OPTION...: JSON, table and picture are there and agree.
search() {
  local name=$1 generator=$2
  shift 2
  "$LAB_ROOT/bench/rfc2544" --build "$lab_build" --generator "$generator" --poll adaptive --seconds 0.3 --size 64 --flows 20 \
    --backends 3 --least-rate 100 --most-rate 200 --resolution 50 --attempts 5 --latency-at 50 --json "$LAB_TMP/$name.json" \
    --markdown "$LAB_TMP/$name.md" --svg "$LAB_TMP/$name.svg" "$@" 2>"$LAB_TMP/$name.log" || fail "rfc2544 ends with $?"
  expect "$name: rows" "$(jq '.rows | length' "$LAB_TMP/$name.json")" = 1
  expect "$name: loss of the NDR" "$(jq '.rows[0].ndr.loss' "$LAB_TMP/$name.json")" = 0
  expect "$name: received" "$(jq '.rows[0].ndr.received' "$LAB_TMP/$name.json")" '>' 0
  expect "$name: probes of latency that arrived" "$(jq '.rows[0].latency | .probes - .lost' "$LAB_TMP/$name.json")" '>' 0
  expect "$name: workers" "$(jq '.rows[0].ndr.workers | length' "$LAB_TMP/$name.json")" = 1
  expect_match "$name: table" "$(cat "$LAB_TMP/$name.md")" 'not a NIC'
  expect_match "$name: picture" "$(cat "$LAB_TMP/$name.svg")" '</svg>'
}

PATH=$PATH:/usr/sbin:/sbin
tried=0
if command -v trafgen >/dev/null; then
  search bridged trafgen --scenario vxlan
  search again trafgen --scenario vxlan --baseline "$LAB_TMP/bridged.json"
  expect_match "compared" "$(cat "$LAB_TMP/again.md")" '[+-][0-9]+%'
  search balanced trafgen --scenario fullnat
  kinds=af_packet,tap
  ! python3 -c 'import socket; socket.socket(44, socket.SOCK_RAW)' 2>/dev/null || kinds+=,af_xdp
  "$LAB_ROOT/bench/port-cost" --build "$lab_build" --ports "$kinds" --turns 1 --seconds 0.5 --rate 400 --flows 5 \
    --json "$LAB_TMP/cost.json" || fail "port-cost ends with $?"
  expect "kinds of ports with a cost" \
    "$(jq -r '[.rows[] | select(.cycles > 0 and .worker_us > 0 and .machine_us > 0) | .ports] | sort | join(",")' "$LAB_TMP/cost.json")" \
    = "$(tr , '\n' <<<"$kinds" | sort | paste -sd ,)"
  tried=1
fi
if command -v dpdk-testpmd >/dev/null; then
  search testpmd testpmd --scenario vxlan --way decap
  tried=1
fi
((tried)) || skip "neither trafgen (netsniff-ng) nor dpdk-testpmd (dpdk-dev) is installed"

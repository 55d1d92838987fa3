#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
# Jumbo frames up to the port's MTU pass; what does not fit its way out is dropped and counted.
export UNDERLAY_MTU=9050
# shellcheck source=tests/lab/lib.sh
source "$(dirname "$0")/lib.sh"

usual_config >"$CONFIG"
sed -i 's|^networks:|  small0: {device: "tap:small0", mtu_bytes: 1500}\n&|
  s|members: .*|members: [{port: red0}, {port: small0}]|' "$CONFIG"
usual_world
usual_start
plug_host small0 small 02:00:00:00:10:02 10.1.0.2

say "9000-byte packets through the tunnel, both ways"
expect "MTU of the TAP as aditd made it" "$(N red cat /sys/class/net/red0/mtu)" = 9000
expect "MTU of the host behind v1" "$(N red1 cat /sys/class/net/eth0/mtu)" = 9000
for size in 1472 1473 2000 2048 4096 8972; do
  expect_ping red "$RED1" 10 -M "do" -s "$size"
  expect_ping red2 "$RED" 10 -M "do" -s "$size"
done

say "TCP with jumbo frames, both ways"
serve_iperf red1
for way in "" -R; do
  # shellcheck disable=SC2086  # nothing or -R
  got=$(iperf red -c "$RED1" -n 32M $way) || fail "iperf3 $way: $(jq -r '.error // "failed"' <<<"$got")"
  got=$(jq .end.sum_received.bytes <<<"$got")
  expect "bytes received $way" "$got" '>=' $((16 << 20))
done

say "a port with a smaller MTU in the same network"
expect_ping small "$RED1" 10 -M "do" -s 1472
expect_ping red1 10.1.0.2 10 -M "do" -s 1472
before=$(drops mtu_exceeded)
# Not all at once: ping would wait for an answer that the others could still get.
expect "red1 sends frames that do not fit: answers" \
  "$({ N red1 ping -q -c 10 -i 0.1 -W 1 -M "do" -s 2000 10.1.0.2 2>&1 || true; } | received)" = 0
expect_drops mtu_exceeded '>=' $((before + 1))
expect "red1 was told the MTU" "$(N red1 ip route get 10.1.0.2 | grep -o "mtu [0-9]*")" = "mtu 1500"
expect_ping red1 10.1.0.2 10 -M "do" -s 1472

#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
# adit-replay on captures that tcpdump took from the kernel's own VXLAN gives back exactly the inner
# frames, byte for byte, and the live gateway gave the same; so does the way into the tunnel.
# shellcheck source=tests/lab/lib.sh
source "$(dirname "$0")/lib.sh"

# Next hops are named, so that none of adit's own ARP stands between the frames to compare.
# A capture has no place for what the kernel leaves to adit: finished frames only.
usual_config | sed '/tap:red0/s/}/, offload: off}/; /device: tap:up0/s/.*/&\n    offload: off/' >"$CONFIG"
cat >>"$CONFIG" <<'YAML'
neighbours:
  - {address: 192.0.2.2, mac: 02:00:00:00:00:02}
  - {address: 192.0.2.3, mac: 02:00:00:00:00:03}
YAML
usual_world
usual_start

N red ip neigh add "$RED1" lladdr "$RED1_MAC" nud permanent dev red0 # no probes at odd times
N red ip neigh add "$RED2" lladdr "$RED2_MAC" nud permanent dev red0

say "capturing what arrives at both ports, and what leaves by the access port"
capture under up0 "$LAB_TMP/uplink-in.pcap" -Q out
pid1=$CAPTURE_PID
capture red red0 "$LAB_TMP/red-in.pcap" -Q out
pid2=$CAPTURE_PID
capture red red0 "$LAB_TMP/red-live.pcap" -Q in
pid3=$CAPTURE_PID
capture under up0 "$LAB_TMP/uplink-live.pcap" -Q in
pid4=$CAPTURE_PID
expect_ping red "$RED1" 10 -s 1000
expect_ping red2 "$RED" 10 "${FULL[@]}"
for size in 0 1 2 3 17 18 19; do expect_ping red1 "$RED" 2 -s "$size"; done
serve_web red1
head -c 300K /dev/urandom >"$LAB_TMP/www-red1/file"
N red curl -sS -m 60 -o "$LAB_TMP/got" "http://$RED1/file" || fail "curl failed"
N red2 ping -q -c 2 -i 0.2 -W 1 10.1.0.77 >/dev/null || true # broadcast: ARP for nobody
# Silence, so that all four captures end with the same frame.
N red1 ip link set eth0 down
N red2 ip link set eth0 down
end_capture "$pid1" "$pid2" "$pid3" "$pid4"

inner="$LAB_TESTS/inner-frames"
# same WHAT FILE1 FILE2 AT_LEAST: the lists of frames are equal, and not empty.
same() {
  if ! cmp -s "$2" "$3"; then
    diff "$2" "$3" | cut -c 1-150 | sed -n 1,6p >&2 || true
    fail "$1: $(wc -l <"$2") and $(wc -l <"$3") frames, and they differ (above: < $2, > $3)"
  fi
  expect "$1: equal frames" "$(wc -l <"$2")" '>=' "$4"
}

say "decapsulation: the kernel's capture through adit-replay"
"$ADIT_REPLAY" --config "$CONFIG" --in "uplink=$LAB_TMP/uplink-in.pcap" \
  --out "red0=$LAB_TMP/red-out.pcap" --report "$LAB_TMP/report.json" >"$LAB_TMP/replay.log" 2>&1 ||
  fail "adit-replay ended with $?"
"$inner" "$LAB_TMP/uplink-in.pcap" 100 192.0.2.1 >"$LAB_TMP/want"
"$inner" "$LAB_TMP/red-out.pcap" all >"$LAB_TMP/got"
"$inner" "$LAB_TMP/red-live.pcap" all >"$LAB_TMP/live"
same "inner frames by scapy, and what adit-replay put out" "$LAB_TMP/want" "$LAB_TMP/got" 200
same "inner frames by scapy, and what the live gateway put out" "$LAB_TMP/want" "$LAB_TMP/live" 200
expect "drops in the report" "$(jq -c .drop_counts "$LAB_TMP/report.json")" = '{}'
expect "buffers leaked" "$(jq .buffers_leaked "$LAB_TMP/report.json")" = 0

say "encapsulation: both captures through adit-replay"
"$ADIT_REPLAY" --config "$CONFIG" --in "uplink=$LAB_TMP/uplink-in.pcap" --in "red0=$LAB_TMP/red-in.pcap" \
  --out "uplink=$LAB_TMP/uplink-out.pcap" --report "$LAB_TMP/report.json" >"$LAB_TMP/replay.log" 2>&1 ||
  fail "adit-replay ended with $?"
# Which frames are flooded to both depends on how soon a MAC is learned, and that on the clock. So:
# each frame of the access host goes to v1 or v2 or both, nothing else does, and in its order.
"$inner" "$LAB_TMP/red-in.pcap" all >"$LAB_TMP/sent"
sort -u "$LAB_TMP/sent" >"$LAB_TMP/want"
for out in uplink-live uplink-out; do
  : >"$LAB_TMP/both"
  for address in 192.0.2.2 192.0.2.3; do
    "$inner" "$LAB_TMP/$out.pcap" 100 "$address" >"$LAB_TMP/got"
    expect "$out, frames to $address that are out of order" \
      "$(diff "$LAB_TMP/sent" "$LAB_TMP/got" | grep -c '^>' || true)" = 0
    cat "$LAB_TMP/got" >>"$LAB_TMP/both"
  done
  sort -u "$LAB_TMP/both" >"$LAB_TMP/got"
  same "$out, frames of the access host and inner frames by scapy" "$LAB_TMP/want" "$LAB_TMP/got" 50
done

say "the same input gives the same output"
"$ADIT_REPLAY" --config "$CONFIG" --in "uplink=$LAB_TMP/uplink-in.pcap" --in "red0=$LAB_TMP/red-in.pcap" \
  --out "uplink=$LAB_TMP/again.pcap" >"$LAB_TMP/replay.log" 2>&1 || fail "adit-replay ended with $?"
expect "two runs" "$(cmp "$LAB_TMP/again.pcap" "$LAB_TMP/uplink-out.pcap" && echo equal)" = equal

say "tshark finds nothing wrong in what adit-replay sends"
tshark -r "$LAB_TMP/uplink-out.pcap" -o ip.check_checksum:TRUE -o udp.check_checksum:TRUE \
  -Y '_ws.malformed || ip.checksum.status == 0 || udp.checksum.status == 0' \
  >"$LAB_TMP/wrong" 2>"$LAB_TMP/tshark.log" || fail "tshark failed"
expect "malformed packets" "$(wc -l <"$LAB_TMP/wrong")" = 0
expect "VXLAN flags" "$(tshark -r "$LAB_TMP/uplink-out.pcap" -Y vxlan -T fields -e vxlan.flags 2>/dev/null |
  sort -u)" = 0x0800

# shellcheck shell=bash
# SPDX-License-Identifier: Apache-2.0
# Ports on veth pairs instead of TAPs, for the tests of af_packet and af_xdp. Source it after lib.sh.

# veth_config KIND: usual_config with devices KIND:up0 and KIND:red0.
veth_config() { usual_config | sed "s/tap:/$1:/"; }

# veth_world: what the peer's cards leave to the hardware, checksums and segmentation, would reach
# adit undone: there is no hardware. It is off on the adjacent end of each pair.
veth_world() {
  local end
  usual_world
  ns red
  cable gw up0 under adit "$UNDERLAY_MTU"
  N under ip link set adit master sw
  cable gw red0 red eth0 "$ACCESS_MTU"
  N red ip link set eth0 address "$RED_MAC"
  N red ip addr add "$RED/24" dev eth0
  for end in "under adit" "red eth0"; do
    # shellcheck disable=SC2086  # namespace and interface
    set -- $end
    N "$1" ethtool -K "$2" tx off tso off gso off >/dev/null
  done
}

# veth_traffic: ping, TCP, and a file, both ways.
veth_traffic() {
  local way got want
  expect_ping red "$RED1" 20
  expect_ping red2 "$RED" 20
  expect_ping red "$RED2" 10 "${FULL[@]}"
  expect_ping red1 "$RED" 10 "${FULL[@]}"
  serve_iperf red1
  for way in "" -R; do
    # shellcheck disable=SC2086  # nothing or -R
    got=$(iperf red -c "$RED1" -n 16M $way) || fail "iperf3 $way: $(jq -r '.error // "failed"' <<<"$got")"
    got=$(jq .end.sum_received.bytes <<<"$got")
    expect "TCP, bytes received $way" "$got" '>=' $((8 << 20))
  done
  serve_web red2
  head -c 8M /dev/urandom >"$LAB_TMP/www-red2/file"
  want=$(sha256sum <"$LAB_TMP/www-red2/file")
  N red curl -sS -m 60 -o "$LAB_TMP/got" "http://$RED2/file" || fail "curl failed"
  expect "SHA-256 of 8 MiB" "$(sha256sum <"$LAB_TMP/got")" = "$want"
  stop_gateway || fail "aditd ended with $?"
}

#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
# Debian's kernel as the peer: its gretap and ip6gretap, plain, with key, checksum and numbers, and
# as NVGRE. It shares a network with an access host and with a host behind this kernel's VXLAN.
# shellcheck source=tests/lab/lib.sh
source "$(dirname "$0")/lib.sh"
# shellcheck source=tests/lab/guest-lib.sh
source "$LAB_TESTS/guest-lib.sh"
lab_why=$(guest_needs) || skip "$lab_why"

# The largest encapsulation here takes 78 bytes: IPv6 with an option (8), GRE with all it can have
# (16), Ethernet (14).
ACCESS_MTU=$((UNDERLAY_MTU - 78))
readonly FULL_GUEST=(-M "do" -s $((ACCESS_MTU - 28)))
readonly GUEST=10.1.0.13 GUEST4=192.0.2.4 GUEST6=2001:db8::4
readonly TENANT_MAC=02:00:00:00:10:13
readonly FILE_BYTES=$((1 << 20))

config() { # REMOTE
  red_config 5000 '192.0.2.1/24, "2001:db8::1/64"' "address: 192.0.2.2" "$1"
}

config "address: $GUEST4, kind: gre" >"$CONFIG"
underlay "$UNDERLAY_MTU"
ns gw
vtep v1 192.0.2.2 02:00:00:00:00:02
vtep_host v1 red1 5000 "$RED1_MAC" "$RED1" noudpcsum
N red1 ip link set eth0 mtu "$ACCESS_MTU"
guest_boot
guest "ip addr add $GUEST4/24 dev eth0; ip addr add $GUEST6/64 dev eth0"
guest_serve_file "$FILE_BYTES"
usual_start 192.0.2.2 "$GUEST4"
serve_file "$FILE_BYTES" red red1

# join DEVICE: the guest's end becomes the tenant's interface there.
join() {
  guest "ip link set $1 address $TENANT_MAC mtu $ACCESS_MTU up && ip addr add $GUEST/24 dev $1" ||
    fail "the guest can not use $1"
}
traffic() {
  local host
  for host in red red1; do
    expect_ping "$host" "$GUEST" 5
    expect_ping "$host" "$GUEST" 5 "${FULL_GUEST[@]}"
  done
  for host in "$RED" "$RED1"; do
    expect_guest_ping "$host" 5
    expect_guest_ping "$host" 5 "${FULL_GUEST[@]}"
  done
  expect_from_guest red "$GUEST"
  expect_from_guest red1 "$GUEST"
  expect_to_guest "$RED" red
  expect_to_guest "$RED1" red1
}

# peer WHAT ADDRESS REMOTE TYPE [OPTION...]: the guest's device and adit's remote, then traffic.
peer() {
  local what=$1 address=$2 remote=$3 type=$4 us=192.0.2.1
  shift 4
  [[ $address != *:* ]] || us=2001:db8::1
  say "$what"
  guest "ip link del tun 2>/dev/null
    ip link add tun type $type local $address remote $us $*" || fail "the guest's kernel refused it"
  config "address: \"$address\", $remote" >"$CONFIG"
  ctl reload >/dev/null || fail "adit refused $remote"
  wait_neighbours "$address"
  join tun
  traffic
  expect_place "place of the guest" red "$TENANT_MAC" "remote $address"
}

# The kernel wants every packet to have a checksum, a number, the key, if its device has.
peer "gretap" "$GUEST4" "kind: gre" gretap
peer "gretap with key and checksum" "$GUEST4" "kind: gre, id: 4711, checksum: true" \
  gretap key 4711 csum
peer "gretap with key, checksum and numbers" "$GUEST4" \
  "kind: gre, id: 4294967295, checksum: true, sequence: true" gretap key 4294967295 csum seq
peer "ip6gretap" "$GUEST6" "kind: gre" ip6gretap encaplimit none
peer "ip6gretap with key, checksum and numbers" "$GUEST6" \
  "kind: gre, id: 4711, checksum: true, sequence: true" ip6gretap key 4711 csum seq encaplimit none
guest ip link del tun

say "NVGRE"
# The kernel's key is VSID and FlowID in one: its device sends FlowID 0 and takes nothing else. adit
# varies the FlowID by flow (RFC 7637 section 3.2), so a second device takes any key, and a bridge
# makes them one: to adit by the first, from adit mostly by the second.
readonly VSID=5000
config "address: $GUEST4, kind: nvgre" >"$CONFIG"
ctl reload >/dev/null || fail "adit refused nvgre"
wait_neighbours "$GUEST4"
guest "set -e
  ip link add br0 type bridge
  ip link add tun type gretap local $GUEST4 remote 192.0.2.1 key $((VSID << 8))
  ip link add any type gretap external
  ip link set tun mtu $ACCESS_MTU master br0 up
  ip link set any mtu $ACCESS_MTU master br0 up
  ip link set any type bridge_slave learning off flood off mcast_flood off bcast_flood off" ||
  fail "the guest's kernel refused it"
join br0
capture under to-guest "$LAB_TMP/nvgre.pcap" "ip proto 47"
traffic
end_capture
expect_place "place of the guest" red "$TENANT_MAC" "remote $GUEST4"
# The key follows IPv4's 20 bytes and 4 of GRE.
readonly FROM_US="src host 192.0.2.1" FROM_GUEST="src host $GUEST4"
other_vsid=$(captured "$LAB_TMP/nvgre.pcap" "ip[24:4] & 0xffffff00 != $((VSID << 8))")
expect "packets to the guest" "$(captured "$LAB_TMP/nvgre.pcap" "$FROM_US")" '>=' 1000
expect "packets from the guest" "$(captured "$LAB_TMP/nvgre.pcap" "$FROM_GUEST")" '>=' 1000
expect "packets of another VSID" "$other_vsid" = 0
expect "packets to the guest that have a FlowID" \
  "$(captured "$LAB_TMP/nvgre.pcap" "$FROM_US and ip[27] != 0")" '>' 0
expect "packets from the guest that have one" \
  "$(captured "$LAB_TMP/nvgre.pcap" "$FROM_GUEST and ip[27] != 0")" = 0

say "what adit dropped"
ctl show drops
# The underlay's IPv6 talks to groups and to all nodes: what is not for a gateway is counted. While
# only one end has the next tunnel, the guest refuses what comes by the other's last one.
expect_drops_only "packets dropped, beside the guest's IPv6 chatter" \
  ip_not_local nd_not_for_us icmp_ignored tunnel_undelivered
expect "errors of the guest about our packets" "$(drops tunnel_undelivered)" '<=' 30

# Unless told otherwise, the kernel puts a Destination Options header with the Tunnel Encapsulation
# Limit before GRE (RFC 2473 section 5.1).
say "ip6gretap with an encapsulation limit"
guest "ip link del tun; ip link del any; ip link del br0
  ip link add tun type ip6gretap local $GUEST6 remote 2001:db8::1
  ip link set tun mtu $((ACCESS_MTU - 8))"
config "address: \"$GUEST6\", kind: gre" >"$CONFIG"
ctl reload >/dev/null || fail "adit refused the remote"
wait_neighbours "$GUEST6"
join tun
expect_ping red "$GUEST" 10
expect "packets dropped as ip_protocol_unknown" "$(drops ip_protocol_unknown)" = 0

#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
# Debian's kernel as the backend that unwraps: services of the underlay whose packets it gets in
# IPIP, 6-in-4, 4-in-6 and 6-in-6; it has the virtual addresses itself and answers the client.
# shellcheck source=tests/lab/lib.sh
source "$(dirname "$0")/lib.sh"
# shellcheck source=tests/lab/guest-lib.sh
source "$LAB_TESTS/guest-lib.sh"
lab_why=$(guest_needs) || skip "$lab_why"

readonly GUEST4=192.0.2.2 GUEST6=2001:db8::2 FILE_BYTES=$((1 << 20))
readonly IN4=192.0.2.80 IN6=192.0.2.81 SIX_IN4=2001:db8::80 SIX_IN6=2001:db8::81

{
  system_config
  cat <<YAML
ports:
  uplink:
    device: tap:up0
    mtu_bytes: $UNDERLAY_MTU
    mac: 02:00:00:00:00:01
    addresses: [192.0.2.1/24, "2001:db8::1/64"]
services:
YAML
  while read -r name address backend; do
    echo "  $name: {address: \"$address\", port: 80, forwarding: tunnel, backends: [{address: \"$backend\"}]}"
  done <<LIST
in4 $IN4 $GUEST4
in6 $IN6 $GUEST6
six-in4 $SIX_IN4 $GUEST4
six-in6 $SIX_IN6 $GUEST6
LIST
} >"$CONFIG"
underlay "$UNDERLAY_MTU"
ns gw
guest_boot
# The clients' packets leave room for the header: their MTU is 1500, the underlay's more.
guest "set -e
  echo 1 >/proc/sys/net/ipv4/conf/all/arp_ignore
  echo 2 >/proc/sys/net/ipv4/conf/all/arp_announce
  ip addr add $GUEST4/24 dev eth0
  ip addr add $GUEST6/64 dev eth0
  ip link add in4 type ipip local $GUEST4 remote 192.0.2.1 ttl 64
  ip link add six-in4 type sit local $GUEST4 remote 192.0.2.1 ttl 64
  ip link add in6 type ip6tnl mode any local $GUEST6 remote 2001:db8::1 encaplimit none
  ip link set dummy0 up
  for address in $IN4/32 $IN6/32 $SIX_IN4/128 $SIX_IN6/128; do ip addr add \$address dev dummy0; done
  for tunnel in in4 six-in4 in6; do ip link set \$tunnel up; done" || fail "the guest refused its tunnels"
guest_serve_file "$FILE_BYTES"
start_gateway "$CONFIG"
plug_uplink up0
vtep client 192.0.2.9 02:00:00:00:00:09
N client ip link set eth0 mtu 1500
N client sysctl -qw net.ipv6.conf.all.disable_ipv6=0 net.ipv6.conf.eth0.disable_ipv6=0
N client ip addr add 2001:db8::9/64 dev eth0 nodad

say "a file by each of them, and one that comes back by another way than it went"
for address in "$IN4" "$IN6" "$SIX_IN4" "$SIX_IN6"; do
  url=$address
  [[ $address != *:* ]] || url="[$address]"
  expect_from_guest client "$url"
  expect_ping client "$address" 3
done
ctl show backends
for service in in4 in6 six-in4 six-in6; do
  expect "packets to the backend of $service" \
    "$(ctl -j show backends --service "$service" | jq '.[0].rx_packets')" '>=' 100
done
expect "packets back by adit" "$(ctl -j show backends | jq '[.[].tx_packets] | add')" = 0
ctl show drops
# Hosts talk to groups, and ask for each other.
expect_drops_only "packets dropped, beside such" ip_not_local ip_protocol_unknown not_our_mac \
  nd_not_for_us arp_not_for_us icmp_ignored

#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
# Debian's kernel as the routed sites of a VRF: its ipip and sit, its gre with key and checksum, its
# ip6tnl in mode any. A tenant's host has adit as its default gateway; IPv4 and IPv6 over each.
# shellcheck source=tests/lab/lib.sh
source "$(dirname "$0")/lib.sh"
# shellcheck source=tests/lab/guest-lib.sh
source "$LAB_TESTS/guest-lib.sh"
lab_why=$(guest_needs) || skip "$lab_why"

readonly GUEST4=192.0.2.2 GUEST6=2001:db8::2
readonly BLUE=10.1.0.1 BLUE6=fd01::1 GATEWAY=10.1.0.254 GATEWAY6=fd01::fe
readonly FILE_BYTES=$((1 << 20))

# The host's side has the MTU of the underlay, so that a tunnel can be too narrow.
system_config >"$CONFIG"
cat >>"$CONFIG" <<YAML
ports:
  uplink:
    device: tap:up0
    mtu_bytes: $UNDERLAY_MTU
    mac: 02:00:00:00:00:01
    addresses: [192.0.2.1/24, "2001:db8::1/64"]
  blue0:
    device: tap:blue0
    mtu_bytes: $UNDERLAY_MTU
    addresses: [$GATEWAY/24, "$GATEWAY6/64"]
vrfs:
  blue:
    ports: [blue0]
    tunnels:
      site4: {kind: ipip, address: $GUEST4, addresses: [10.255.0.1/30]}
      site6: {kind: gre-ip, address: $GUEST4, id: 7, checksum: true}
      far: {kind: ipip, address: "$GUEST6"}
    routes:
      - {to: 10.2.0.0/16, tunnel: site4}
      - {to: "fd02::/64", tunnel: site4}
      - {to: 10.3.0.0/16, tunnel: site6}
      - {to: "fd03::/64", tunnel: site6}
      - {to: 10.4.0.0/16, tunnel: far}
      - {to: "fd04::/64", tunnel: far}
YAML

underlay "$UNDERLAY_MTU"
ns gw
guest_boot
# Without the encapsulation limit, an option of 8 bytes, so that both ends have the same MTU;
# guest-gretap.sh has one with it.
guest "set -e
  ip addr add $GUEST4/24 dev eth0
  ip addr add $GUEST6/64 dev eth0
  ip link add in4 type ipip local $GUEST4 remote 192.0.2.1 ttl 64
  ip link add in4for6 type sit local $GUEST4 remote 192.0.2.1 ttl 64
  ip link add gre7 type gre local $GUEST4 remote 192.0.2.1 key 7 csum ttl 64
  ip link add in6 type ip6tnl mode any local $GUEST6 remote 2001:db8::1 encaplimit none
  ip link set dummy0 up
  for site in 2 3 4; do
    ip addr add 10.\$site.0.1/16 dev dummy0
    ip addr add fd0\$site::1/64 dev dummy0
  done
  for tunnel in in4 in4for6 gre7 in6; do ip link set \$tunnel up; done
  ip addr add 10.255.0.2/30 dev in4" || fail "the guest's kernel refused its tunnels"
guest_serve_file "$FILE_BYTES"

start_gateway "$CONFIG"
plug_uplink up0
plug_host blue0 blue 02:00:00:00:11:01 "$BLUE"
N blue sysctl -qw net.ipv6.conf.all.disable_ipv6=0 net.ipv6.conf.default.disable_ipv6=0 \
  net.ipv6.conf.blue0.disable_ipv6=0
N blue ip addr add "$BLUE6/64" dev blue0 nodad
N blue ip route add default via "$GATEWAY"
N blue ip -6 route add default via "$GATEWAY6"
wait_neighbours "$GUEST4" "$GUEST6"
serve_file "$FILE_BYTES" blue

# expect_says HOST REGEX PING-ARGUMENT...: what ping tells of an error.
expect_says() {
  local host=$1 regex=$2 said
  shift 2
  said=$(N "$host" ping -n -c 1 -W 20 "$@" 2>&1) || true
  expect_match "$host: ping ${*}" "${said//$'\n'/ }" "$regex"
}
say "adit answers for its own addresses"
guest "ip route add 10.1.0.0/24 dev in4 src 10.255.0.2"
for address in "$GATEWAY" 10.255.0.1 "$GATEWAY6"; do expect_ping blue "$address" 3; done
expect_guest_ping 10.255.0.1 3
expect_guest_ping "$GATEWAY" 3

say "what has no route is answered with that"
expect_says blue "From $GATEWAY .*Destination Net Unreachable" 10.9.9.9
expect_says blue "From $GATEWAY6 .*(Destination unreachable: No route|No route)" fd09::9

# site WHAT NUMBER DEVICE4 DEVICE6 MTU: the site behind one tunnel.
site() {
  local what=$1 number=$2 device4=$3 device6=$4 mtu=$5 at at6
  at=10.$number.0.1 at6=fd0$number::1
  say "$what"
  guest "ip route replace 10.1.0.0/24 dev $device4 src $at
    ip -6 route replace fd01::/64 dev $device6 src $at6"
  expect_ping blue "$at" 5
  expect_ping blue "$at6" 5
  expect_guest_ping "$BLUE" 5
  expect_guest_ping "$BLUE6" 5

  # Two TTL pass adit once, and the answer with 64 as well.
  expect_says blue "from $at: icmp_seq=1 ttl=63 " -t 2 "$at"
  expect_says blue "from $at6: icmp_seq=1 ttl=63 " -t 2 "$at6"
  expect_says blue "From $GATEWAY icmp_seq=1 Time to live exceeded" -t 1 "$at"
  expect_says blue "From $GATEWAY6 icmp_seq=1 Time exceeded: Hop limit" -t 1 "$at6"
  expect_match "traceroute to $at" "$(trace traceroute "$at")" "1  $GATEWAY .* 2  $at "
  expect_match "traceroute to $at6" "$(trace traceroute6 "$at6")" "1  $GATEWAY6 .* 2  $at6 "

  # IPv4 that may be fragmented is; all else is told of the tunnel's MTU.
  expect_ping blue "$at" 3 -M "dont" -s $((UNDERLAY_MTU - 28))
  expect_says blue "From $GATEWAY .*Frag needed and DF set \(mtu = $mtu\)" \
    -M "do" -s $((UNDERLAY_MTU - 28)) "$at"
  expect_says blue "From $GATEWAY6 .*Packet too big: mtu=$mtu" \
    -M "do" -s $((UNDERLAY_MTU - 48)) "$at6"
  expect_ping blue "$at" 3 -M "do" -s $((mtu - 28))
  expect_ping blue "$at6" 3 -M "do" -s $((mtu - 48))
  expect_guest_ping "$BLUE" 3 -M "do" -s $((mtu - 28))
  expect_guest_ping "$BLUE6" 3 -M "do" -s $((mtu - 48))

  expect_from_guest blue "$at"
  expect_from_guest blue "[$at6]"
  expect_to_guest "$BLUE" blue
  expect_to_guest "[$BLUE6]" blue
}
trace() { # traceroute or traceroute6, ADDRESS
  N blue busybox "$1" -n -q 1 -w 2 -m 4 "$2" 2>&1 | tr '\n' ' '
}

site "IPv4 and IPv6 in IPv4 (ipip and sit)" 2 in4 in4for6 $((UNDERLAY_MTU - 20))
site "GRE with key and checksum" 3 gre7 gre7 $((UNDERLAY_MTU - 20 - 12))
site "IPv4 and IPv6 in IPv6 (ip6tnl)" 4 in6 in6 $((UNDERLAY_MTU - 40))

say "towards the host: errors come from the tunnel's own address"
guest "ip route replace 10.1.0.0/24 dev in4 src 10.255.0.2"
expect_match "the guest pings with TTL 1" "$(guest ping -n -c 1 -W 20 -t 1 "$BLUE" | tr '\n' ' ')" \
  "From 10.255.0.1 icmp_seq=1 Time to live exceeded"
expect_match "the guest pings a host that is not there" \
  "$(guest ping -n -c 1 -W 20 10.1.0.77 | tr '\n' ' ')" "From 10.255.0.1 .*Destination Host Unreachable"

say "the TTL on the wire, inside the tunnel"
capture under to-guest "$LAB_TMP/ttl.pcap" "ip proto 4 and src host 192.0.2.1"
expect_ping blue 10.2.0.1 3 -t 17
end_capture
expect "requests with TTL 16" "$(captured "$LAB_TMP/ttl.pcap" "ip[28] = 16")" = 3

say "what adit counted"
ctl show tunnels
ctl show drops
for tunnel in site4 site6 far; do
  for counter in rx_packets tx_packets; do
    expect "$counter of $tunnel" \
      "$(ctl -j show tunnels | jq ".[] | select(.name == \"$tunnel\") | .$counter")" '>=' 1000
  done
done
# For each site: two pings and two traceroutes; and the guest's ping.
expect_drops ttl_expired = 13
expect_drops no_route = 2
expect_drops mtu_exceeded = 6
expect_drops neighbour_unresolved = 1
# IPv6 talks to groups and to all nodes: what is not for a gateway is counted.
expect_drops_only "packets dropped, beside these and IPv6 chatter" ttl_expired no_route \
  mtu_exceeded neighbour_unresolved ip_not_local not_our_mac not_routable nd_not_for_us icmp_ignored

#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
# The kernel's VXLAN over an IPv6 underlay. With UDP checksums, as it comes by default; then
# without (RFC 6935), which both sides have to be told. ND runs from the first packet on. At the end
# the kernel's forwarding database names the remotes.
# shellcheck source=tests/lab/lib.sh
source "$(dirname "$0")/lib.sh"

# IPv6's header is 20 bytes longer than IPv4's.
ACCESS_MTU=$((UNDERLAY_MTU - 70))
readonly FULL6=(-M "do" -s $((ACCESS_MTU - 28)))
readonly US=2001:db8::1 V1=2001:db8::2 V2=2001:db8::3

config() { # ZERO_CHECKSUM6
  red_config 100 "\"$US/64\"" "address: \"$V1\"" "address: \"$V2\""
  echo "tunnels: {vxlan: {zero_checksum6: $1}}"
}

# vtep6 NAME ADDRESS MAC: a host on the underlay with IPv6; usable at once, without the check
# for duplicate addresses.
vtep6() {
  ns "$1"
  N "$1" sysctl -qw net.ipv6.conf.all.disable_ipv6=0 net.ipv6.conf.default.disable_ipv6=0
  cable "$1" eth0 under "to-$1" "$UNDERLAY_MTU"
  N "$1" ip link set eth0 address "$3"
  N "$1" ip addr add "$2/64" dev eth0 nodad
  N under ip link set "to-$1" master sw
}

# vtep6_host VTEP HOST LOCAL MAC ADDRESS OPTION...: a tenant's host behind it.
vtep6_host() {
  local vtep=$1 host=$2 local_address=$3 mac=$4 address=$5
  shift 5
  [[ -e /run/netns/$LAB-$host ]] || ns "$host"
  N "$vtep" ip link add vx100 type vxlan id 100 dev eth0 local "$local_address" remote "$US" \
    dstport 4789 "$@"
  N "$vtep" ip link set vx100 mtu "$ACCESS_MTU" netns "$LAB-$host" name eth0
  N "$host" ip link set eth0 address "$mac"
  N "$host" ip addr add "$address/24" dev eth0
  N "$host" ip link set eth0 up
}

tcp() { # FROM TO
  local rate result
  result=$(iperf "$1" -n 4M -c "$2") ||
    fail "iperf3 from $1 to $2: $(jq -r '.error // "failed"' <<<"$result")"
  rate=$(jq '.end.sum_received.bytes' <<<"$result")
  expect "TCP from $1 to $2, bytes received" "$rate" '>=' $((1024 * 1024))
}

config false >"$CONFIG"
underlay "$UNDERLAY_MTU"
ns gw
vtep6 v1 "$V1" 02:00:00:00:00:02
vtep6 v2 "$V2" 02:00:00:00:00:03
vtep6_host v1 red1 "$V1" "$RED1_MAC" "$RED1"
vtep6_host v2 red2 "$V2" "$RED2_MAC" "$RED2"

say "ND: adit asks and answers from the first second on"
start_gateway "$CONFIG"
capture v1 eth0 "$LAB_TMP/nd.pcap" icmp6
plug_uplink up0
plug_host red0 red "$RED_MAC" "$RED"
wait_neighbours "$V1" "$V2"
N v1 ip -6 neigh flush dev eth0 # it knows adit from adit's own solicitation: let it ask itself
expect_ping v1 "$US" 5
expect_ping v1 "$US" 5 -M "do" -s $((UNDERLAY_MTU - 48))
end_capture
expect "solicitations from adit" "$(captured "$LAB_TMP/nd.pcap" "src $US and icmp6[0] = 135")" '>=' 1
expect "advertisements from adit" "$(captured "$LAB_TMP/nd.pcap" "src $US and icmp6[0] = 136")" '>=' 1

say "with UDP checksums, both ways and up to full-size frames"
capture v1 eth0 "$LAB_TMP/sums.pcap" udp port 4789
for pair in "red $RED1" "red $RED2" "red1 $RED" "red2 $RED"; do
  read -r from to <<<"$pair"
  expect_ping "$from" "$to" 10
  expect_ping "$from" "$to" 10 "${FULL6[@]}"
done
end_capture
# A filter can not index UDP in IPv6: the checksum is at 40 + 6.
expect "frames from adit with checksum" \
  "$(captured "$LAB_TMP/sums.pcap" "src $US and ip6[46:2] != 0")" '>=' 40
expect "frames from adit without" "$(captured "$LAB_TMP/sums.pcap" "src $US and ip6[46:2] = 0")" = 0
expect_place "place of the host behind v1" red "$RED1_MAC" "remote $V1"
expect_place "place of the host behind v2" red "$RED2_MAC" "remote $V2"
serve_iperf red
serve_iperf red1
tcp red "$RED1"
tcp red1 "$RED"
expect "checksums that v1 found wrong" \
  "$(N v1 nstat -az Udp6InCsumErrors | awk '/^Udp6/ { print $2 }')" = 0
expect "drops udp_checksum" "$(drops udp_checksum)" = 0

say "the peer's MAC changes: adit follows"
N v1 ip link set eth0 address 02:00:00:00:0a:02
peer_moved() {
  [[ $(ctl -j show neighbours | jq -r --arg a "$V1" \
    '[.[] | select(.address == $a) | .mac][0] | ascii_downcase') == 02:00:00:00:0a:02 ]]
}
N v1 ip addr replace "$V1/64" dev eth0 nodad
N v1 ping -q -c 1 -W 2 "$US" >/dev/null || true # the solicitation tells it
wait_for 10 peer_moved || fail "adit kept the old MAC: $(ctl show neighbours)"
note "adit knows v1 by its new MAC"
expect_ping red "$RED1" 10 "${FULL6[@]}"

say "without UDP checksums"
N red2 ip link del eth0
vtep6_host v2 red2 "$V2" "$RED2_MAC" "$RED2" udp6zerocsumtx udp6zerocsumrx
before=$(drops udp_checksum)
expect_no_ping red2 "$RED" 5
expect_drops udp_checksum '>=' $((before + 1)) # as adit was not told
config true >"$CONFIG"
ctl reload >/dev/null || fail "adit refused the configuration with zero_checksum6"
N red2 ip neigh flush dev eth0 nud all # ARP that failed above would fail these pings for a second
capture v2 eth0 "$LAB_TMP/zero.pcap" udp port 4789
expect_ping red2 "$RED" 10
expect_ping red "$RED2" 10 "${FULL6[@]}"
end_capture
expect "frames from adit with zero checksum" \
  "$(captured "$LAB_TMP/zero.pcap" "src $US and ip6[46:2] = 0")" '>=' 20

say "remotes of a VXLAN interface of the kernel over IPv6"
ns fabric
N fabric sysctl -qw net.ipv6.conf.all.disable_ipv6=0 net.ipv6.conf.default.disable_ipv6=0
N fabric ip link add vxlan100 type vxlan id 100 local "$US" dstport 4789 nolearning
N fabric ip link set vxlan100 up
config true | sed "/remotes:/,/$V2/d; s/^    members: .*/&\n    kernel_fdb: {interface: vxlan100, namespace: $LAB-fabric}/" >"$CONFIG"
stop_gateway || fail "aditd ended with $?"
start_gateway "$CONFIG" # a namespace that a reload names first takes a restart
plug_uplink up0
plug_host red0 red "$RED_MAC" "$RED"
remotes() { ctl -j show remotes | jq -r '[.[] | .address + " " + .origin] | sort | join(", ")'; }
remotes_are() { [[ $(remotes) == "$1" ]]; }
expect_remotes() { wait_for 20 remotes_are "$1" || fail "remotes are '$(remotes)', should be '$1'"; }
expect_remotes ""
for vtep in "$V1" "$V2"; do N fabric bridge fdb append 00:00:00:00:00:00 dev vxlan100 dst "$vtep"; done
expect_remotes "$V1 netlink, $V2 netlink"
wait_neighbours "$V1" "$V2"
expect_ping red "$RED2" 10 "${FULL6[@]}" # v1 wants checksums
expect_ping red2 "$RED" 10 "${FULL6[@]}"
N fabric bridge fdb del 00:00:00:00:00:00 dev vxlan100 dst "$V2"
expect_remotes "$V1 netlink"
expect_no_ping red "$RED2" 3

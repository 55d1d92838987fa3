#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
# FRR beside adit speaks EVPN with Linux VTEPs that FRR governs: adit has their remotes and their
# hosts' MAC addresses without one of them in its file, and follows a host that moves.
#
#   [red]--tap red0--[aditd in gw]--tap up0--[under: bridge]--[v1: FRR, vxlan100]--[red1]
#                      |under-host                        `---[v2: FRR, vxlan100]--[red2]
#                   [fabric: FRR, vxlan100]
# shellcheck source=tests/lab/lib.sh
source "$(dirname "$0")/lib.sh"
# shellcheck source=tests/lab/frr-lib.sh
source "$LAB_TESTS/frr-lib.sh"
[[ -x $FRR/bgpd && -x $FRR/zebra ]] || skip "FRR is not installed (scripts/setup installs it)"

config() {
  red_config 100 192.0.2.1/24 | sed '/remotes:/,$d'
  cat <<YAML
    kernel_fdb: {interface: vxlan100, namespace: $LAB-fabric, announce: adit100}
host: {interface: under-host, namespace: $LAB-fabric}
YAML
}

# evpn NAME ADDRESS NEIGHBOUR...: VNI 100 in a bridge of the namespace, and FRR that speaks EVPN.
evpn() {
  local name=$1 address=$2 lines=() neighbour
  shift 2
  bridge "$name" br100
  N "$name" ip link add vxlan100 type vxlan id 100 local "$address" dstport 4789 nolearning
  N "$name" ip link set vxlan100 master br100
  N "$name" ip link set vxlan100 type bridge_slave learning off
  N "$name" ip link set vxlan100 up
  lines=("router bgp 65000" "bgp router-id $address" "no bgp default ipv4-unicast" "timers bgp 1 3")
  for neighbour; do lines+=("neighbor $neighbour remote-as 65000" "neighbor $neighbour timers connect 1"); done
  lines+=("address-family l2vpn evpn")
  for neighbour; do lines+=("neighbor $neighbour activate"); done
  frr "$name" "${lines[@]}" "advertise-all-vni" "exit-address-family"
}

# host_of VTEP HOST MAC ADDRESS: a host on the bridge of a VTEP.
host_of() {
  ns "$2"
  cable "$2" eth0 "$1" "to-$2" "$ACCESS_MTU"
  N "$1" ip link set "to-$2" master br100
  N "$2" ip link set eth0 address "$3"
  N "$2" ip addr add "$4/24" dev eth0
}

remotes() { ctl -j show remotes | jq -r 'map(.address + " " + .origin) | sort | join(", ")'; }
remotes_are() { [[ $(remotes) == "$1" ]]; }
is_told() { # MAC PLACE
  [[ $(ctl -j show fdb --network red --mac "$1" | jq -r '.[0] | .origin + " " + (.remote // .port)') == "netlink $2" ]]
}
expect_told() {
  wait_for 30 is_told "$1" "$2" || fail "$1 should be behind $2 by netlink: $(ctl show fdb)"
  note "$1 is behind $2, as FRR says"
}

config >"$CONFIG"
underlay "$UNDERLAY_MTU"
ns gw fabric
vtep v1 192.0.2.2 02:00:00:00:00:02
vtep v2 192.0.2.3 02:00:00:00:00:03
start_gateway "$CONFIG"
plug_uplink up0
plug_host red0 red "$RED_MAC" "$RED"
has_host() { N fabric ip -j addr show dev under-host | jq -e '.[0].addr_info | length > 0'; }
wait_for 10 has_host || fail "no under-host in fabric"
evpn v1 192.0.2.2 192.0.2.1 192.0.2.3
evpn v2 192.0.2.3 192.0.2.1 192.0.2.2
evpn fabric 192.0.2.1 192.0.2.2 192.0.2.3
# The port of the bridge behind which adit's hosts are.
N fabric ip tuntap add dev adit100 mode tap
N fabric ip link set adit100 master br100 up
host_of v1 red1 "$RED1_MAC" "$RED1"
host_of v2 red2 "$RED2_MAC" "$RED2"

say "the VTEPs are remotes, by EVPN's inclusive multicast routes"
wait_for 60 remotes_are "192.0.2.2 netlink, 192.0.2.3 netlink" || fail "remotes: $(remotes)"
ctl show remotes
ctl show fdb-sources
wait_neighbours 192.0.2.2 192.0.2.3
expect_ping red "$RED1" 20
expect_ping red "$RED2" 20
expect_ping red1 "$RED" 20 "${FULL[@]}"
expect_ping red2 "$RED" 20 "${FULL[@]}"

say "their hosts' MAC addresses, by its MAC/IP routes"
expect_told "$RED1_MAC" 192.0.2.2
expect_told "$RED2_MAC" 192.0.2.3
ctl show fdb

say "what adit has at its members is announced"
knows() { N "$1" bridge fdb show dev vxlan100 | has_line "^$2 dst $3 "; }
expect_known() { # VTEP MAC ADDRESS
  wait_for 30 knows "$@" || fail "$1 should have $2 behind $3: $(N "$1" bridge fdb show dev vxlan100)"
  note "$1 has $2 behind $3"
}
expect_known v1 "$RED_MAC" 192.0.2.1
expect_known v2 "$RED_MAC" 192.0.2.1
had_by_v2() { N v2 cat /sys/class/net/vxlan100/statistics/rx_packets; }
before=$(had_by_v2)
expect_ping red1 "$RED" 20
expect "frames that v2 has had meanwhile, that are none of its hosts'" "$(($(had_by_v2) - before))" "<=" 2
announced() { [[ $(ctl -j show fdb-sources | jq -r '.[0] | .state + " " + (.announced | tostring)') == "following $1" ]]; }
wait_for 10 announced 1 || fail "$(ctl show fdb-sources --wide)"
ctl show fdb-sources --wide

say "a host moves from adit to a VTEP, and back"
N red ip link set red0 down
ns moved
cable moved eth0 v1 to-moved "$ACCESS_MTU"
N moved ip link set eth0 address "$RED_MAC"
N moved ip addr add "$RED/24" dev eth0
N v1 ip link set to-moved master br100
N moved ping -q -c 3 -i 0.2 "$RED2" >/dev/null || true
expect_known v2 "$RED_MAC" 192.0.2.2
expect_told "$RED_MAC" 192.0.2.2
wait_for 10 announced 0 || fail "$(ctl show fdb-sources --wide)"
expect_ping moved "$RED2" 20
N v1 ip link del to-moved
N red ip link set red0 up
N red ping -q -c 3 -i 0.2 "$RED2" >/dev/null || true
expect_known v1 "$RED_MAC" 192.0.2.1
expect_known v2 "$RED_MAC" 192.0.2.1
forgets() { ! knows "$@"; }
wait_for 10 forgets fabric "$RED_MAC" 192.0.2.2 || fail "$(N fabric bridge fdb show dev vxlan100)"
expect_ping red "$RED2" 20

say "what the kernel's bridge lost is put there again"
bridge_has() { N fabric bridge fdb show dev adit100 | has_line "^$RED_MAC .*extern_learn"; }
N fabric ip link set adit100 nomaster
expect_unknown() {
  wait_for 30 eval "! knows $1 $2 $3" || fail "$1 should not have $2: $(N "$1" bridge fdb show dev vxlan100)"
  note "$1 has $2 no longer"
}
expect_unknown v1 "$RED_MAC" 192.0.2.1
waits() { [[ $(ctl -j show fdb-sources | jq -r '.[0].error') == "'adit100' is in no bridge" ]]; }
wait_for 10 waits || fail "$(ctl show fdb-sources --wide)"
N fabric ip link set adit100 master br100
expect_known v1 "$RED_MAC" 192.0.2.1
bridge_has || fail "$(N fabric bridge fdb show dev adit100)"
N fabric bridge fdb del "$RED_MAC" dev adit100 master
wait_for 10 bridge_has || fail "$(N fabric bridge fdb show dev adit100)"

say "what a former run left goes"
N fabric bridge fdb add 02:00:00:00:99:99 dev adit100 master dynamic extern_learn
left() { N fabric bridge fdb show dev adit100 | has_line 02:00:00:00:99:99; }
wait_for 60 eval "! left" || fail "$(N fabric bridge fdb show dev adit100)"

say "a host moves from one VTEP to the other"
N v1 ip link set to-red1 down
N v1 ip link del to-red1
cable red1 eth0 v2 to-red1 "$ACCESS_MTU"
N red1 ip link set eth0 address "$RED1_MAC"
N red1 ip addr add "$RED1/24" dev eth0
N v2 ip link set to-red1 master br100
N red1 ping -q -c 3 -i 0.2 "$RED" >/dev/null || true
expect_told "$RED1_MAC" 192.0.2.3
expect_ping red "$RED1" 20

say "a VTEP whose FRR ends is a remote no longer"
kill -TERM "${BGPD[v1]}"
wait_for 30 remotes_are "192.0.2.3 netlink" || fail "remotes: $(remotes); of the kernel: $(N fabric bridge fdb show dev vxlan100)"
expect_ping red "$RED2" 20
stop_gateway || fail "aditd ended with $?"
! bridge_has || fail "the end did not take it away: $(N fabric bridge fdb show dev adit100)"

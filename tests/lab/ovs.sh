#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
# Open vSwitch's userspace datapath as the peer: GRE without key, GRE with key and checksum,
# VXLAN and Geneve, over IPv4 and IPv6. One vSwitch, its tunnel made anew for each.
# shellcheck source=tests/lab/lib.sh
source "$(dirname "$0")/lib.sh"
# shellcheck source=tests/lab/ovs-lib.sh
source "$LAB_TESTS/ovs-lib.sh"
lab_why=$(ovs_needs) || skip "$lab_why"

# The largest encapsulation here takes 70 bytes (VXLAN and Geneve over IPv6).
ACCESS_MTU=$((UNDERLAY_MTU - 70))
readonly FULL_OVS=(-M "do" -s $((ACCESS_MTU - 28)))

config() { # REMOTE
  red_config 100 '192.0.2.1/24, "2001:db8::1/64"' "$1"
}

config "address: 192.0.2.3, kind: gre" >"$CONFIG"
underlay "$UNDERLAY_MTU"
ns gw
ovs_vtep
N v2 sysctl -qw net.ipv6.conf.phy.disable_ipv6=0
N v2 ip addr add 2001:db8::3/64 dev phy nodad

usual_start 192.0.2.3
serve_file "$((2 << 20))" red red2

# peer WHAT ADDRESS REMOTE TYPE [OPTION...]: the same tunnel at both ends, then traffic through it.
peer() {
  local what=$1 address=$2 remote=$3 type=$4 us=192.0.2.1 counter
  shift 4
  [[ $address != *:* ]] || us=2001:db8::1
  say "$what over $([[ $address == *:* ]] && echo IPv6 || echo IPv4)"
  ovs_tunnel "$type" "$us" "$@"
  config "address: \"$address\", $remote" >"$CONFIG"
  ctl reload >/dev/null || fail "adit refused $remote"
  wait_neighbours "$address"
  expect_ping red "$RED2" 5
  expect_ping red2 "$RED" 5
  expect_ping red "$RED2" 5 "${FULL_OVS[@]}"
  expect_ping red2 "$RED" 5 "${FULL_OVS[@]}"
  expect_download red "$RED2" red2
  expect_download red2 "$RED" red
  for counter in rx_packets tx_packets; do
    expect "$counter of the remote" "$(ctl -j show remotes | jq "[.[].$counter] | add")" '>=' 20
  done
}

for address in 192.0.2.3 2001:db8::3; do
  peer "GRE without key" "$address" "kind: gre" gre
  peer "GRE with key and checksum" "$address" "kind: gre, id: 4711, checksum: true" gre \
    options:key=4711 options:csum=true
  peer "VXLAN" "$address" "kind: vxlan, id: 101" vxlan options:key=101 options:csum=true
  peer "Geneve" "$address" "kind: geneve, id: 102" geneve options:key=102 options:csum=true
done

say "what adit dropped"
ctl show drops
# The underlay's IPv6 talks to groups and to all nodes: what is not for a gateway is counted. While
# only one end has the next tunnel, the vSwitch's host refuses what comes by the other's last one.
# OVS speaks the next kind before adit has it.
readonly CHATTER=(ip_not_local nd_not_for_us icmp_ignored tunnel_undelivered udp_port_closed)
expect_drops_only "packets dropped, beside that" "${CHATTER[@]}"
for reason in "${CHATTER[@]}"; do
  expect "packets dropped as $reason" "$(drops "$reason")" '<=' 30
done

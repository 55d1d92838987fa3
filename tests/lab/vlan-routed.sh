#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
# VLANs of a trunk as interfaces of VRFs: two tenants with equal addresses, each routed between two
# VLANs of one trunk, and into a bridged VLAN of it; one more VLAN comes and goes by reload.
# shellcheck source=tests/lab/lib.sh
source "$(dirname "$0")/lib.sh"

ns gw trunk
# The kernel's own VLAN devices where it has them, else vlan-splitter's TAPs, which take no
# GSO frames.
vlan_devices=no offload=off
N trunk ip link add probe type veth peer name probe-end
if N trunk ip link add link probe name probe.1 type vlan id 1 2>/dev/null; then
  vlan_devices=yes offload=auto
fi
N trunk ip link del probe
note "VLAN devices of the kernel: $vlan_devices"

# with_vlans MORE: the configuration, with MORE among the VLANs of tenant a.
with_vlans() {
  system_config
  cat <<YAML
ports:
  trunk: {device: "tap:trunk0", mac: "02:00:00:00:00:01", offload: $offload}
networks:
  bridged:
    vni: 30
    members: [{port: trunk, vlan: 30}]
vrfs:
  a:
    vlans:
      - {port: trunk, vlan: 10, addresses: [10.1.0.254/24, "fd01::fe/64"]}
      - {port: trunk, vlan: 11, addresses: [10.2.0.254/24, "fd02::fe/64"]}
$1
    networks: {bridged: {addresses: [10.3.0.254/24, "fd03::fe/64"]}}
  b:
    vlans:
      - {port: trunk, vlan: 20, addresses: [10.1.0.254/24, "fd01::fe/64"]}
      - {port: trunk, vlan: 21, addresses: [10.2.0.254/24, "fd02::fe/64"]}
YAML
}
with_vlans "" >"$CONFIG"
start_gateway "$CONFIG"
N gw ip link set trunk0 netns "$LAB-trunk"
# Or the kernel would take the frames to adit's MAC for its own.
N trunk ip link set trunk0 address 02:00:00:00:ff:01 up

# Hosts by VLAN: the number of their subnet. a10 and b20 have the same addresses, as have a11 and b21.
declare -A SUBNET=([10]=1 [11]=2 [12]=4 [20]=1 [21]=2 [30]=3)
if [[ $vlan_devices == yes ]]; then
  for vlan in "${!SUBNET[@]}"; do
    N trunk ip link add link trunk0 name "v$vlan" type vlan id "$vlan"
  done
else
  bg trunk splitter "$LAB_TESTS/vlan-splitter" trunk0 10=v10 11=v11 12=v12 20=v20 21=v21 30=v30
  wait_for 5 grep -q ready "$LAB_TMP/splitter.log" || fail "vlan-splitter did not start"
fi
for vlan in "${!SUBNET[@]}"; do
  host=h$vlan number=${SUBNET[$vlan]}
  ns "$host"
  N trunk ip link set "v$vlan" netns "$LAB-$host" address "02:00:00:00:20:$vlan"
  N "$host" sysctl -qw net.ipv6.conf.all.disable_ipv6=0 "net.ipv6.conf.v$vlan.disable_ipv6=0"
  N "$host" ip addr add "10.$number.0.1/24" dev "v$vlan"
  N "$host" ip link set "v$vlan" up
  N "$host" ip -6 addr add "fd0$number::1/64" dev "v$vlan" nodad
  N "$host" ip route add default via "10.$number.0.254"
  N "$host" ip -6 route add default via "fd0$number::fe"
done

say "each pings its gateway, and the other VLANs of its tenant through it"
for pair in "h10 10.1.0.254" "h20 10.1.0.254" "h10 10.2.0.1" "h20 10.2.0.1" "h11 10.1.0.1" \
  "h10 fd02::1" "h20 fd02::1" "h30 10.1.0.1" "h10 10.3.0.1" "h30 fd02::1"; do
  read -r from to <<<"$pair"
  # The first one waits until hosts are known.
  N "$from" ping -c 1 -W 3 "$to" >/dev/null || true
  expect_ping "$from" "$to" 10
done
expect_ping h10 10.2.0.1 10 -M "do" -s 1472
expect "TTL of answers from the other VLAN" \
  "$(N h10 ping -c 1 10.2.0.1 | sed -n 's/.*ttl=\([0-9]*\).*/\1/p')" = 63
expect_no_ping h20 10.3.0.1 2 # the other tenant's
expect_no_ping h10 10.4.0.1 2

say "a file goes between two VLANs of the trunk, each tenant's its own"
serve_file "$((2 << 20))" h11 h21
expect_download h10 10.2.0.1 h11
expect_download h20 10.2.0.1 h21
N h10 curl -gsS -m 60 -o "$LAB_TMP/got" "http://[fd02::1]/file" || fail "curl over IPv6 failed"
expect "the file over IPv6" "$(cmp "$LAB_TMP/got" "$LAB_TMP/www-h11/file" && echo equal)" = equal

say "what the trunk carries has tags"
capture trunk trunk0 "$LAB_TMP/trunk.pcap"
expect_ping h10 10.2.0.1 5
end_capture
expect "frames with tag 10" "$(captured "$LAB_TMP/trunk.pcap" vlan 10 and icmp)" = 10
expect "frames with tag 11" "$(captured "$LAB_TMP/trunk.pcap" vlan 11 and icmp)" = 10

say "a VLAN comes and goes by reload; the others lose nothing"
pings_begin h10 steady 0.05 10.2.0.1
before=$(drops vlan_not_member)
expect_no_ping h12 10.1.0.1 2
expect_drops vlan_not_member '>' "$before"
with_vlans '      - {port: trunk, vlan: 12, addresses: [10.4.0.254/24], mtu_bytes: 1400}' >"$CONFIG"
ctl reload
N h12 ping -c 1 -W 3 10.1.0.1 >/dev/null || true
expect_ping h12 10.1.0.1 5
expect_match "too big is told" "$(N h10 ping -c 1 -W 20 -M "do" -s 1373 10.4.0.1 2>&1 || true)" \
  '(message too long|Frag needed)'
with_vlans "" >"$CONFIG"
ctl reload
expect_no_ping h12 10.1.0.1 2
expect_pings "h10 to h11 over both reloads" steady 40

ctl show ports
expect "packets that came in by VLAN 10" \
  "$(ctl -j show ports | jq '.[] | select(.vlan == 10) | .rx_packets')" '>' 100
expect "neighbours of VLAN 20" \
  "$(ctl -j show neighbours | jq -c '[.[] | select(.vlan == 20) | .mac] | unique')" \
  = '["02:00:00:00:20:20"]'
ctl show routes
ctl show drops

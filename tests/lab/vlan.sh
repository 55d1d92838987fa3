#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
# One trunk port carries three networks: VLAN 10, VLAN 20, and untagged frames. The tags stay on the
# trunk; the tunnels carry frames without them.
# shellcheck source=tests/lab/lib.sh
source "$(dirname "$0")/lib.sh"

system_config >"$CONFIG"
cat >>"$CONFIG" <<YAML
ports:
  uplink: {device: "tap:up0", mtu_bytes: $UNDERLAY_MTU, mac: "02:00:00:00:00:01", addresses: [192.0.2.1/24]}
  trunk: {device: "tap:trunk0", mtu_bytes: $ACCESS_MTU}
networks:
  ten:
    vni: 110
    members: [{port: trunk, vlan: 10}]
    remotes: [{address: 192.0.2.2}]
  twenty:
    vni: 120
    members: [{port: trunk, vlan: 20}]
    remotes: [{address: 192.0.2.2}, {address: 192.0.2.3}]
  plain:
    vni: 130
    members: [{port: trunk}]
    remotes: [{address: 192.0.2.3}]
YAML
underlay "$UNDERLAY_MTU"
ns gw trunk
vtep v1 192.0.2.2 02:00:00:00:00:02
vtep v2 192.0.2.3 02:00:00:00:00:03
vtep_host v1 ten1 110 02:00:00:00:10:11 10.1.0.11
vtep_host v1 twenty1 120 02:00:00:00:10:11 10.1.0.11
vtep_host v2 twenty2 120 02:00:00:00:10:12 10.1.0.12
vtep_host v2 plain2 130 02:00:00:00:10:12 10.1.0.12
start_gateway "$CONFIG"
plug_uplink up0
N gw ip link set trunk0 netns "$LAB-trunk"
N trunk ip link set trunk0 up
wait_neighbours 192.0.2.2 192.0.2.3

bg trunk splitter "$LAB_TESTS/vlan-splitter" trunk0 10=v10 20=v20 untagged=v0
wait_for 5 grep -q ready "$LAB_TMP/splitter.log" || fail "vlan-splitter did not start"
# plug_vlan TAP HOST: all three hosts have the same MAC and address.
plug_vlan() {
  ns "$2"
  N trunk ip link set "$1" netns "$LAB-$2" address 02:00:00:00:10:01 mtu "$ACCESS_MTU"
  N "$2" ip addr add 10.1.0.1/24 dev "$1"
  N "$2" ip link set "$1" up
}
plug_vlan v10 ten
plug_vlan v20 twenty
plug_vlan v0 plain

say "each VLAN reaches its own network, up to full-size frames"
capture trunk trunk0 "$LAB_TMP/trunk.pcap"
trunk_capture=$CAPTURE_PID
capture under up0 "$LAB_TMP/under.pcap" udp port 4789
under_capture=$CAPTURE_PID
expect_ping ten 10.1.0.11 20
expect_ping ten 10.1.0.11 5 "${FULL[@]}"
expect_ping ten1 10.1.0.1 5 "${FULL[@]}"
expect_ping twenty 10.1.0.11 20
expect_ping twenty 10.1.0.12 20 "${FULL[@]}"
expect_ping twenty2 10.1.0.1 5
expect_ping plain 10.1.0.12 20 "${FULL[@]}"
expect_ping plain2 10.1.0.1 5
expect_no_ping ten 10.1.0.12 3
expect_no_ping plain 10.1.0.11 3
end_capture "$trunk_capture" "$under_capture"
expect "frames with tag 10 on the trunk" "$(captured "$LAB_TMP/trunk.pcap" vlan 10)" '>=' 60
expect "frames with tag 20 on the trunk" "$(captured "$LAB_TMP/trunk.pcap" vlan 20)" '>=' 90
expect "tagged frames inside VXLAN" \
  "$(tshark -r "$LAB_TMP/under.pcap" -Y 'vxlan && vlan' 2>/dev/null | wc -l)" = 0
expect "frames inside VXLAN" "$(tshark -r "$LAB_TMP/under.pcap" -Y vxlan 2>/dev/null | wc -l)" '>=' 200

say "TCP through a VLAN"
serve_web twenty1
head -c 2M /dev/urandom >"$LAB_TMP/www-twenty1/file"
N twenty curl -sS -m 60 -o "$LAB_TMP/got" http://10.1.0.11/file || fail "curl through VLAN 20 failed"
expect "file through VLAN 20" "$(cmp "$LAB_TMP/got" "$LAB_TMP/www-twenty1/file" && echo equal)" = equal

say "a VLAN that no network has"
before=$(drops vlan_not_member)
N trunk python3 - <<'PYTHON'
import socket
trunk = socket.socket(socket.AF_PACKET, socket.SOCK_RAW)
trunk.bind(("trunk0", 0))
for _ in range(7):
    trunk.send(bytes.fromhex("ffffffffffff" "020000001001" "8100001e" "0806") + bytes(46))
PYTHON
expect_drops vlan_not_member = $((before + 7))

#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
# A network follows the forwarding database of a VXLAN interface of the kernel: remotes and MAC
# addresses come, move and go as `bridge fdb` says, also by thousands and across a reload.
# shellcheck source=tests/lab/lib.sh
source "$(dirname "$0")/lib.sh"

# config [LINE]: LINE is one more of the network.
config() {
  red_config 100 192.0.2.1/24 | sed '/remotes:/,$d'
  printf '    kernel_fdb: {interface: vxlan100, namespace: %s}\n%s\n' "$LAB-fabric" "${1:-}"
}
remotes() { ctl -j show remotes | jq -r "[.[] | select(.network == \"red\")] | $1"; }
remotes_are() { [[ $(remotes 'map(.address + " " + .origin) | sort | join(", ")') == "$1" ]]; }
expect_remotes() { # "ADDRESS ORIGIN, ..."
  wait_for 10 remotes_are "$1" || fail "remotes are '$(remotes 'map(.address + " " + .origin) | sort | join(", ")')', should be '$1'"
  note "remotes: $1"
}
source_of() { ctl -j show fdb-sources | jq -r ".[0].$1"; }
source_has() { [[ $(source_of "$1") == "$2" ]]; }
expect_source() { # COLUMN VALUE
  wait_for 30 source_has "$1" "$2" || fail "$1 of the source is '$(source_of "$1")', should be '$2': $(ctl show fdb-sources --wide)"
  note "$1 of the source: $2"
}
origin_of() { ctl -j show fdb --network red --mac "$1" | jq -r '.[0].origin // "none"'; }
fdb() { N fabric bridge fdb "$@"; }
vxlan_interface() { # VNI
  N fabric ip link add vxlan100 type vxlan id "$1" local 192.0.2.1 dstport 4789 nolearning
  N fabric ip link set vxlan100 up
}
# expect_unreached ADDRESS COUNT; the next pings ask for its MAC anew.
expect_unreached() {
  expect_no_ping red "$1" "$2"
  N red ip neigh flush all
}
readonly FLOOD=00:00:00:00:00:00

config >"$CONFIG"
usual_world
ns fabric
start_gateway "$CONFIG"
plug_uplink up0
plug_host red0 red "$RED_MAC" "$RED"

say "an interface that is not there yet, and one of another network"
expect_source state waiting
expect_match "why" "$(source_of error)" "there is no interface 'vxlan100'"
vxlan_interface 101
fdb append "$FLOOD" dev vxlan100 dst 192.0.2.2
vni_is_wrong() { [[ $(source_of error) == *"has the VNI 101; expected 100"* ]]; }
wait_for 10 vni_is_wrong || fail "error of the source: $(source_of error)"
expect_remotes ""
N fabric ip link del vxlan100
vxlan_interface 100
expect_source state following

say "a remote comes"
expect_unreached "$RED1" 3
fdb append "$FLOOD" dev vxlan100 dst 192.0.2.2
expect_remotes "192.0.2.2 netlink"
wait_neighbours 192.0.2.2
expect_ping red "$RED1" 20 "${FULL[@]}"
expect_ping red1 "$RED" 20
expect_unreached "$RED2" 3
fdb append "$FLOOD" dev vxlan100 dst 192.0.2.3
expect_remotes "192.0.2.2 netlink, 192.0.2.3 netlink"
wait_neighbours 192.0.2.3
expect_ping red "$RED2" 20 "${FULL[@]}"
expect "generation: nothing was compiled for that" "$(ctl -j version | jq .generation)" = 1
ctl show remotes

say "one that goes and comes back at once is there, and then not"
for _ in {1..20}; do echo "fdb del $FLOOD dev vxlan100 dst 192.0.2.2"; echo "fdb append $FLOOD dev vxlan100 dst 192.0.2.2"; done |
  N fabric bridge -batch -
sleep 0.5
expect_remotes "192.0.2.2 netlink, 192.0.2.3 netlink"
expect_ping red "$RED1" 10
expect "remotes that are not used" "$(source_of unused)" = 0

say "a MAC address is where the kernel says, whatever was learned"
expect_place "place of the host behind v2, learned" red "$RED2_MAC" "remote 192.0.2.3"
expect "its origin" "$(origin_of "$RED2_MAC")" = learned
fdb add "$RED2_MAC" dev vxlan100 dst 192.0.2.2
expect_place "its place by the kernel, which is wrong" red "$RED2_MAC" "remote 192.0.2.2"
expect "its origin" "$(origin_of "$RED2_MAC")" = netlink
expect_unreached "$RED2" 3
fdb replace "$RED2_MAC" dev vxlan100 dst 192.0.2.3
expect_place "its place by the kernel, which is right" red "$RED2_MAC" "remote 192.0.2.3"
expect_ping red "$RED2" 20
ctl show fdb-sources

say "a reload keeps all, and loses nothing"
pings_begin red pings 0.01 "$RED2"
config "    mac_aging_s: 400" >"$CONFIG"
ctl reload || fail "aditctl reload ended with $?"
expect_pings "pings across the reload" pings 300
expect_remotes "192.0.2.2 netlink, 192.0.2.3 netlink"
expect "origin of the host behind v2" "$(origin_of "$RED2_MAC")" = netlink

say "one that the file names is the file's, and stays when the kernel's goes"
config "    remotes: [{address: 192.0.2.2}]" >"$CONFIG"
ctl reload || fail "aditctl reload ended with $?"
expect_remotes "192.0.2.2 file, 192.0.2.3 netlink"
fdb del "$FLOOD" dev vxlan100 dst 192.0.2.2
sleep 1
expect_remotes "192.0.2.2 file, 192.0.2.3 netlink"
expect_ping red "$RED1" 10
fdb append "$FLOOD" dev vxlan100 dst 192.0.2.2
config >"$CONFIG"
ctl reload || fail "aditctl reload ended with $?"
expect_remotes "192.0.2.2 netlink, 192.0.2.3 netlink"
expect_ping red "$RED1" 10

say "thousands at once"
readonly MANY=10000
mac_of='02:aa:00:%02x:%02x:%02x'
batch() { # VERB
  awk -v n="$MANY" -v verb="$1" -v form="$mac_of" 'BEGIN { for (i = 0; i < n; i++)
    printf "fdb %s " form " dev vxlan100 dst 192.0.2.%d\n", verb, int(i / 65536), int(i / 256) % 256, i % 256, 2 + i % 2 }'
}
batch add | N fabric bridge -batch -
expect_source macs $((MANY + 1))
expect "MAC addresses in the table" "$(ctl -j show networks | jq '.[0].macs')" '>=' $((MANY + 1))
expect_source refused 0
batch del | N fabric bridge -batch -
expect_source macs 1
expect_ping red "$RED1" 10

say "entries that cannot be remotes are left out"
fdb append "$FLOOD" dev vxlan100 dst 239.1.1.1 via lo
fdb add 02:00:00:00:99:01 dev vxlan100 dst 192.0.2.2 vni 333
fdb add 02:00:00:00:99:02 dev vxlan100 dst 192.0.2.2 port 8472
left_out() { (($(source_of left_out) >= 3)); }
wait_for 10 left_out || fail "left out: $(source_of left_out), should be 3"
expect_remotes "192.0.2.2 netlink, 192.0.2.3 netlink"

say "what goes in the kernel goes here"
fdb del "$FLOOD" dev vxlan100 dst 192.0.2.2
fdb del 02:00:00:00:99:01 dev vxlan100 dst 192.0.2.2 vni 333
expect_remotes "192.0.2.3 netlink"
expect_unreached "$RED1" 3
N fabric ip link del vxlan100
expect_remotes ""
expect_source state waiting
expect_unreached "$RED2" 3

say "an interface with the kernel's own UDP port for VXLAN"
N fabric ip link add vxlan100 type vxlan id 100 local 192.0.2.1 dstport 8472 nolearning
fdb append "$FLOOD" dev vxlan100 dst 192.0.2.3
port_is_wrong() { [[ $(source_of error) == *"has the UDP port 8472; expected 4789"* ]]; }
wait_for 10 port_is_wrong || fail "error of the source: $(source_of error)"
expect_remotes ""
N fabric ip link del vxlan100
vxlan_interface 100
fdb append "$FLOOD" dev vxlan100 dst 192.0.2.3
expect_remotes "192.0.2.3 netlink"

say "another network namespace of that name is told from the former one"
ip netns del "$LAB-fabric"
ip netns add "$LAB-fabric"
expect_source state failed
note "error: $(source_of error)"
expect_remotes "192.0.2.3 netlink"
stop_gateway || fail "aditd ended with $?"

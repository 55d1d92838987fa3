#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
# A VRF takes the neighbours of an interface of the kernel: hosts that answer nobody are reached where
# the kernel says that they are, move, and go; what the kernel has only learned is a hint.
#
#   [client]--tap outside0--[aditd in gw]--tap lan0--[lan: bridge]--[silent1], [silent2]: one address,
#   and beside it [fabric], whose kernel has the neighbours             two MACs; [host]: it answers
# shellcheck source=tests/lab/lib.sh
source "$(dirname "$0")/lib.sh"
readonly SILENT=10.1.0.7 HOST=10.1.0.8 HOST6=fd01::8
readonly MAC1=02:00:00:00:11:01 MAC2=02:00:00:00:11:02 HOST_MAC=02:00:00:00:11:08

# config [LINE]: LINE is one more of the VRF.
config() {
  system_config
  cat <<YAML
ports:
  outside: {device: "tap:outside0", addresses: [10.9.0.254/24, "fd09::fe/64"]}
  lan: {device: "tap:lan0", addresses: [10.1.0.254/24, "fd01::fe/64"]}
vrfs:
  tenant:
    ports: [outside, lan]
    kernel_neighbours: {interfaces: [br100], namespace: $LAB-fabric, limit: 20000}
${1:-}
YAML
}
# on_lan NAME ADDRESS MAC
on_lan() {
  ns "$1"
  cable "$1" eth0 lan "to-$1" 1500
  N lan ip link set "to-$1" master sw
  N "$1" ip link set eth0 address "$3"
  N "$1" ip addr add "$2/24" dev eth0
  N "$1" ip route add default via 10.1.0.254
}
silent() { # NAME MAC
  on_lan "$1" "$SILENT" "$2"
  N "$1" sysctl -qw net.ipv4.conf.all.arp_ignore=8 net.ipv4.conf.all.arp_announce=2
}
neighbour() { N fabric ip neigh "$@" dev br100; }
row() { ctl -j show neighbours | jq -r --arg a "$1" "[.[] | select(.address == \$a)][0] | $2"; }
is_row() { [[ $(row "$1" '.mac + " " + .state + " " + .origin') == "$2" ]]; }
expect_row() { # ADDRESS "MAC STATE ORIGIN"
  wait_for 10 is_row "$1" "$2" || fail "$1 should be '$2': $(ctl show neighbours)"
  note "$1: $2"
}
source_of() { ctl -j show neighbour-sources | jq -r ".[0].$1"; }
source_has() { [[ $(source_of "$1") == "$2" ]]; }
expect_source() { # COLUMN VALUE
  wait_for 30 source_has "$1" "$2" || fail "$1 of the source is '$(source_of "$1")', should be '$2': $(ctl show neighbour-sources --wide)"
  note "$1 of the source: $2"
}
echoes_of() { N "$1" nstat -asz IcmpInEchos 2>/dev/null | awk 'NR > 1 { print $2 }'; }

config >"$CONFIG"
ns gw fabric lan
bridge lan sw
N fabric sysctl -qw net.ipv6.conf.all.disable_ipv6=0 net.ipv6.conf.default.disable_ipv6=0
start_gateway "$CONFIG"
plug_host outside0 client 02:00:00:00:09:01 10.9.0.1
N client ip route add default via 10.9.0.254
N client sysctl -qw net.ipv6.conf.all.disable_ipv6=0 net.ipv6.conf.default.disable_ipv6=0
N client ip -6 addr add fd09::1/64 dev outside0 nodad
N client ip -6 route add default via fd09::fe
N gw ip link set lan0 netns "$LAB-lan"
N lan ip link set lan0 address 02:00:00:00:ff:02
N lan ip link set lan0 master sw up
silent silent1 "$MAC1"
silent silent2 "$MAC2"
on_lan host "$HOST" "$HOST_MAC"
N host sysctl -qw net.ipv6.conf.all.disable_ipv6=0 net.ipv6.conf.default.disable_ipv6=0
N host ip -6 addr add "$HOST6/64" dev eth0 nodad
N host ip -6 route add default via fd01::fe

say "an interface that is not there yet"
expect_source state waiting
expect_match "why" "$(source_of error)" "there is no interface 'br100'"
bridge fabric br100
expect_source state following
expect_no_ping client "$SILENT" 2

say "a host that does not answer ARP is reached where the kernel says"
neighbour add "$SILENT" lladdr "$MAC1" nud permanent
wait_for 10 source_has neighbours 1 || fail "$(ctl show neighbour-sources)"
# The first packet makes it wanted.
wait_for 10 N client ping -q -c 1 -W 1 "$SILENT" || fail "$SILENT does not answer"
expect_row "$SILENT" "$MAC1 static netlink"
expect_ping client "$SILENT" 20
ctl show neighbour-sources

say "it moves, and nothing is lost"
before=$(echoes_of silent2)
neighbour replace "$SILENT" lladdr "$MAC2" nud permanent
expect_row "$SILENT" "$MAC2 static netlink"
expect_ping client "$SILENT" 20
expect "echo requests that the other one has had since" "$(($(echoes_of silent2) - before))" = 20
# As a routing daemon writes it.
neighbour replace "$SILENT" lladdr "$MAC1" nud reachable extern_learn
expect_row "$SILENT" "$MAC1 static netlink"
expect_ping client "$SILENT" 20

say "a reload keeps it, and loses nothing"
pings_begin client over 0.01 "$SILENT"
config "    mss_clamp: true" >"$CONFIG"
ctl reload
expect_pings "pings across the reload" over 300
expect_row "$SILENT" "$MAC1 static netlink"

say "the file's comes first"
config "    neighbours: [{address: $SILENT, mac: \"$MAC2\"}]" >"$CONFIG"
ctl reload
expect_row "$SILENT" "$MAC2 static file"
config >"$CONFIG"
ctl reload
expect_ping client "$SILENT" 20
expect_row "$SILENT" "$MAC1 static netlink"

say "it is taken back: asked, in vain, and gone"
neighbour del "$SILENT"
is_gone() { [[ $(row "$1" .state) == null ]]; }
wait_for 30 is_gone "$SILENT" || fail "$(ctl show neighbours)"
expect_no_ping client "$SILENT" 2

say "what the kernel has learned is a hint: used at once, and asked"
neighbour add "$HOST" lladdr "$HOST_MAC" nud stale
N fabric ip -6 neigh add "$HOST6" lladdr "$HOST_MAC" dev br100 nud stale
expect_source neighbours 2
expect_source lasting 0
wait_for 10 N client ping -q -c 1 -W 1 "$HOST" || fail "$HOST does not answer"
expect_row "$HOST" "$HOST_MAC reachable learned"
expect_ping client "$HOST" 20
wait_for 10 N client ping -q -c 1 -W 1 "$HOST6" || fail "$HOST6 does not answer"
expect_row "$HOST6" "$HOST_MAC reachable learned"
neighbour replace "$HOST" lladdr "$MAC1" nud stale
sleep 3
expect_row "$HOST" "$HOST_MAC reachable learned"
expect_ping client "$HOST" 20

say "20,000 neighbours, and more than the limit"
for ((i = 0; i < 20010; i++)); do
  printf 'neigh add 100.%d.%d.%d lladdr %s dev br100 nud permanent\n' $((64 + i / 62500)) $((i / 250 % 250)) $((i % 250 + 1)) "$MAC1"
done >"$LAB_TMP/many"
N fabric ip -batch "$LAB_TMP/many"
expect_source neighbours 20000
expect_source refused 12
ctl show neighbour-sources --wide
expect_ping client "$HOST" 20
N fabric ip link set br100 down
expect_source neighbours 0
expect_source refused 0
expect_ping client "$HOST" 20
stop_gateway || fail "aditd ended with $?"

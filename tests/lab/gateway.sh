#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
# Two networks of a VRF, hosts of both behind the kernel's VXLAN and behind an access port: all
# reach each other, and a host on a routed port, through the networks' gateways.
# shellcheck source=tests/lab/lib.sh
source "$(dirname "$0")/lib.sh"

readonly BLUE2=10.2.0.12 BLUE2_MAC=02:00:00:00:20:12 EDGE=10.3.0.1 EDGE_MAC=02:00:00:00:30:01

{
  red_config 100 192.0.2.1/24 "address: 192.0.2.2" |
    sed 's|^networks:|  edge0: {device: "tap:edge0", addresses: [10.3.0.254/24, "fd03::fe/64"]}\n&|'
  cat <<'YAML'
  blue:
    vni: 200
    remotes: [{address: 192.0.2.3}]
vrfs:
  tenant:
    ports: [edge0]
    networks:
      red: {addresses: [10.1.0.254/24, "fd01::fe/64"]}
      blue: {addresses: [10.2.0.254/24, "fd02::fe/64"], mac: "02:00:00:00:20:fe"}
YAML
} >"$CONFIG"
underlay "$UNDERLAY_MTU"
ns gw
vtep v1 192.0.2.2 02:00:00:00:00:02
vtep v2 192.0.2.3 02:00:00:00:00:03
vtep_host v1 red1 100 "$RED1_MAC" "$RED1"
vtep_host v2 blue2 200 "$BLUE2_MAC" "$BLUE2"
usual_start
plug_host edge0 edge "$EDGE_MAC" "$EDGE"

# routed HOST INTERFACE NUMBER: IPv6 address, and default routes by the gateway.
routed() {
  N "$1" sysctl -qw net.ipv6.conf.all.disable_ipv6=0 "net.ipv6.conf.$2.disable_ipv6=0"
  N "$1" ip -6 addr add "fd0$3::1/64" dev "$2" nodad
  N "$1" ip route add default via "10.$3.0.254"
  N "$1" ip -6 route add default via "fd0$3::fe"
}
routed red red0 1
routed blue2 eth0 2
routed edge edge0 3
N red1 ip route add default via 10.1.0.254

say "each pings its gateway, and the others through it, up to full-size packets"
for pair in "red 10.1.0.254" "red1 10.1.0.254" "blue2 10.2.0.254" "edge 10.3.0.254" \
  "red $BLUE2" "red1 $BLUE2" "blue2 $RED" "blue2 $RED1" "edge $RED1" "edge $BLUE2" "red $EDGE" \
  "red fd02::1" "blue2 fd01::1" "edge fd02::1" "blue2 fd03::1"; do
  read -r from to <<<"$pair"
  # The first one waits until hosts are known.
  N "$from" ping -c 1 -W 3 "$to" >/dev/null || true
  expect_ping "$from" "$to" 10
done
expect_ping blue2 "$RED1" 10 "${FULL[@]}"
expect_ping red "$BLUE2" 10 "${FULL[@]}"

say "within a network nothing is routed"
expect_ping red "$RED1" 10
expect "TTL of $RED1's answers at red" \
  "$(N red ping -c 1 "$RED1" | sed -n 's/.*ttl=\([0-9]*\).*/\1/p')" = 64
expect "TTL of $BLUE2's answers at red" \
  "$(N red ping -c 1 "$BLUE2" | sed -n 's/.*ttl=\([0-9]*\).*/\1/p')" = 63
expect "MAC that red has of $RED1" "$(N red ip -br neigh show "$RED1" | awk '{print $3}')" = "$RED1_MAC"
expect "MAC that blue2 has of its gateway" \
  "$(N blue2 ip -br neigh show 10.2.0.254 | awk '{print $3}')" = 02:00:00:00:20:fe

say "a file goes each way unchanged"
serve_file "$((2 << 20))" red1 blue2 edge
expect_download red "$BLUE2" blue2
expect_download blue2 "$RED1" red1
expect_download edge "$RED1" red1
expect_download red1 "$EDGE" edge

say "what is too big for the way is told by the gateway"
expect_match "red is told" "$(N red ping -c 1 -W 20 -M "do" -s 1473 "$BLUE2" 2>&1 || true)" \
  '(message too long|Frag needed)'

say "the gateway of blue goes by a reload, and comes back; red's stays"
cp "$CONFIG" "$CONFIG.whole"
sed -i '/^      blue: /d' "$CONFIG"
ctl reload
expect_no_ping red "$BLUE2" 3
expect_ping red "$EDGE" 10
cp "$CONFIG.whole" "$CONFIG"
ctl reload
N red ping -c 1 -W 3 "$BLUE2" >/dev/null || true
expect_ping red "$BLUE2" 10

ctl show networks
ctl show neighbours
ctl show routes
expect "hosts that adit knows in blue" "$(ctl -j show neighbours |
  jq --arg a "$BLUE2" '[.[] | select(.network == "blue" and .address == $a and .state == "reachable")] | length')" = 1
ctl show drops

#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
# Hosts with accept_ra=1 on a VRF's port and behind a network's gateway make their addresses and
# default routes of adit's router advertisements, and give them up when these cease.
# shellcheck source=tests/lab/lib.sh
source "$(dirname "$0")/lib.sh"

system_config >"$CONFIG"
cat >>"$CONFIG" <<YAML
ports:
  edge0:
    device: tap:edge0
    mac: "02:00:00:00:03:fe"
    addresses: ["fd03::fe/64"]
    router_advertisements: {interval_s: 4}
  red0: {device: "tap:red0"}
networks:
  red: {vni: 100, members: [{port: red0}]}
vrfs:
  tenant:
    ports: [edge0]
    networks:
      red: {addresses: ["fd01::fe/64"], mtu_bytes: 1400, router_advertisements: {}}
YAML
ns gw
start_gateway "$CONFIG"

# hears TAP HOST MAC: the host listens to router advertisements, and has no address of its own.
hears() {
  ns "$2"
  N gw ip link set "$1" netns "$LAB-$2" address "$3"
  N "$2" sysctl -qw net.ipv6.conf.all.disable_ipv6=0 "net.ipv6.conf.$1.disable_ipv6=0" \
    "net.ipv6.conf.$1.accept_ra=1" "net.ipv6.conf.$1.autoconf=1" "net.ipv6.conf.$1.addr_gen_mode=0"
  N "$2" ip link set "$1" up
}
hears edge0 edge 02:00:00:00:30:01
hears red0 red 02:00:00:00:10:01

# Of the MAC, by RFC 4291 appendix A.
readonly EDGE=fd03::ff:fe00:3001 RED6=fd01::ff:fe00:1001
address_of() { N "$1" ip -6 -br addr show dev "$2" scope global -tentative | awk '{print $3}'; }
has_address() { [[ $(address_of "$1" "$2") == "$3/64" ]]; }
router_of() { N "$1" ip -6 route show default | sed -n 's/^default via \([^ ]*\) .*/\1/p'; }
has_router() { [[ $(router_of "$1") == "$2" ]]; }

say "addresses and routers come by themselves"
wait_for 10 has_address edge edge0 "$EDGE" || true
expect "address of edge" "$(address_of edge edge0)" = "$EDGE/64"
wait_for 10 has_address red red0 "$RED6" || true
expect "address of red" "$(address_of red red0)" = "$RED6/64"
expect "router of edge" "$(router_of edge)" = fe80::ff:fe00:3fe
expect "router of red" "$(router_of red)" = fe80::ad:17ff:fe00:64
expect "MTU that red was told" "$(N red cat /proc/sys/net/ipv6/conf/red0/mtu)" = 1400

say "they reach each other through the gateway"
# The first one waits until hosts are known.
N edge ping -c 1 -W 3 "$RED6" >/dev/null || true
expect_ping edge "$RED6" 10
expect_ping red "$EDGE" 10
expect_ping edge fd01::fe 3

say "asked whether it is there, the router says that it is one: hosts keep it (RFC 4861 section 7.2.5)"
# router_is HOST TAP ADDRESS REGEX: what the host knows of it.
router_is() { [[ $(N "$1" ip -6 neigh show "$3" dev "$2") =~ $4 ]]; }
# asks_router HOST TAP ADDRESS: the host's kernel asks it by unicast.
asks_router() {
  N "$1" ip -6 neigh change "$3" dev "$2" router nud probe
  wait_for 5 router_is "$@" REACHABLE || fail "$1 got no answer: $(N "$1" ip -6 neigh show dev "$2")"
  router_is "$@" router || fail "$1 takes it for a host: $(N "$1" ip -6 neigh show dev "$2")"
}
asks_router edge edge0 fe80::ff:fe00:3fe
expect "router of edge" "$(router_of edge)" = fe80::ff:fe00:3fe
asks_router red red0 fe80::ad:17ff:fe00:64
expect "router of red" "$(router_of red)" = fe80::ad:17ff:fe00:64

say "switched off by a reload, edge has no router any more; red has"
sed -i '/router_advertisements: {interval_s: 4}/d' "$CONFIG"
ctl reload
wait_for 5 has_router edge "" || true
expect "router of edge" "$(router_of edge)" = ""
expect "router of red" "$(router_of red)" = fe80::ad:17ff:fe00:64

say "when aditd ends, red has none"
stop_gateway
wait_for 5 has_router red "" || true
expect "router of red" "$(router_of red)" = ""

#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
# FRR as the routing daemon of a VRF: its bgpd learns routes from two routers, its zebra puts them
# into the kernel, adit takes them from there. A router that ends is left for the other one.
# shellcheck source=tests/lab/lib.sh
source "$(dirname "$0")/lib.sh"
# shellcheck source=tests/lab/routes-lib.sh
source "$LAB_TESTS/routes-lib.sh"
# shellcheck source=tests/lab/frr-lib.sh
source "$LAB_TESTS/frr-lib.sh"
[[ -x $FRR/bgpd && -x $FRR/zebra ]] || skip "FRR is not installed (scripts/setup installs it)"

# bgp_router NAME AS NUMBER [LINE]: announces the far prefixes.
bgp_router() {
  frr "$1" "router bgp $2" "bgp router-id 10.9.0.$3" "no bgp ebgp-requires-policy" \
    "no bgp network import-check" "timers bgp 1 3" "neighbor 10.9.0.9 remote-as 65000" \
    "neighbor fd09::9 remote-as 65000" "address-family ipv4 unicast" "network 198.51.100.0/24" \
    "no neighbor fd09::9 activate" "neighbor 10.9.0.9 route-map OUT out" "exit-address-family" \
    "address-family ipv6 unicast" "network 2001:db8:51::/48" "neighbor fd09::9 activate" \
    "neighbor fd09::9 route-map OUT out" "exit-address-family" exit "route-map OUT permit 10" "${4-}"
}

TABLE=254
routers_world
say "FRR beside adit learns from the first router"
frr daemon "router bgp 65000" "bgp router-id 10.9.0.9" "no bgp ebgp-requires-policy" \
  "timers bgp 1 3" "neighbor 10.9.0.1 remote-as 65001" "neighbor 10.9.0.2 remote-as 65002" \
  "neighbor fd09::1 remote-as 65001" "neighbor fd09::2 remote-as 65002" \
  "address-family ipv4 unicast" "no neighbor fd09::1 activate" "no neighbor fd09::2 activate" \
  "exit-address-family" "address-family ipv6 unicast" "neighbor fd09::1 activate" \
  "neighbor fd09::2 activate" "exit-address-family"
bgp_router r1 65001 1
# An address of the router's own link, as BGP tells it, or the global one.
link_local() { N "$1" ip -j -6 addr show dev eth0 scope link | jq -r '[.[].addr_info[]?.local // empty][0]'; }
by_router() { # NAME NUMBER
  [[ $(state_of 2001:db8:51::/48) =~ ^used\ (fd09::$2|$(link_local "$1"))$ ]]
}
expect_state 198.51.100.0/24 "used 10.9.0.1"
wait_for 30 by_router r1 1 || fail "2001:db8:51::/48 is '$(state_of 2001:db8:51::/48)', should be by r1"
note "2001:db8:51::/48: $(state_of 2001:db8:51::/48)"
expect "protocol" "$(routes 'map(.source) | unique | join(" ")')" = bgp
expect_way "$FAR"
expect_way "$FAR6"
expect "generation: nothing was compiled" "$(generation)" = 1
N daemon ip route
ctl show routes
ctl show route-sources --wide

say "a longer way by the second router changes nothing"
bgp_router r2 65002 2 "set as-path prepend 65002 65002"
expect_way "$FAR"
expect_state 198.51.100.0/24 "used 10.9.0.1"

say "a reload keeps the routes, and loses nothing"
pings_begin inside over-reload 0.01 "$FAR"
pings_begin inside over-reload6 0.01 "$FAR6"
config "    mss_clamp: true" >"$CONFIG"
ctl reload || fail "aditctl reload ended with $?"
expect_pings "pings across the reload" over-reload 300
expect_pings "pings across the reload, IPv6" over-reload6 300

say "the first router ends: the second one has the packets"
at=$(settled_answers_of r2)
kill -KILL "${BGPD[r1]}"
expect_state 198.51.100.0/24 "used 10.9.0.2"
wait_for 30 by_router r2 2 || fail "2001:db8:51::/48 is '$(state_of 2001:db8:51::/48)', should be by r2"
expect_way "$FAR"
expect_way "$FAR6"
expect "echo requests that r2 has had since" $(($(answers_of r2) - at)) '>=' 20

say "the second one ends as well"
kill -TERM "${BGPD[r2]}"
expect_state 198.51.100.0/24 none
expect_state 2001:db8:51::/48 none
expect_no_way "$FAR"
expect_no_way "$FAR6"
stop_gateway || fail "aditd ended with $?"

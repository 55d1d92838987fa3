#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
# Routes of a kernel's table are those of a VRF: they come, change and go with it, stay over a
# reload, give way to the file's, and are neither lost nor kept where the kernel does not tell of a
# change. Both IP versions.
# The kernel is that of a namespace beside adit on the routers' subnet, as of a routing daemon.
# shellcheck source=tests/lab/lib.sh
source "$(dirname "$0")/lib.sh"

# shellcheck source=tests/lab/routes-lib.sh
source "$LAB_TESTS/routes-lib.sh"

D() { N daemon ip "$@"; }

TABLE=100
routers_world

say "a route comes, of each IP version"
expect_no_ping inside "$FAR" 2
D route add 198.51.100.0/24 via 10.9.0.1 table 100 proto bgp
D -6 route add 2001:db8:51::/48 via fd09::1 table 100 proto bgp
expect_state 198.51.100.0/24 "used 10.9.0.1"
expect_state 2001:db8:51::/48 "used fd09::1"
expect_way "$FAR"
expect_way "$FAR6"
expect "protocol" "$(routes 'map(.source) | unique | join(" ")')" = bgp
expect "generation: nothing was compiled" "$(generation)" = 1
ctl show routes --wide
ctl show route-sources

say "it changes"
at=$(settled_answers_of r2)
D route replace 198.51.100.0/24 via 10.9.0.2 table 100 proto bgp
D -6 route replace 2001:db8:51::/48 via fd09::2 table 100 proto bgp
expect_state 198.51.100.0/24 "used 10.9.0.2"
expect_state 2001:db8:51::/48 "used fd09::2"
expect_way "$FAR"
expect_way "$FAR6"
expect "echo requests that r2 has had since" $(($(answers_of r2) - at)) '>=' 20

say "a reload keeps it, and loses nothing"
pings_begin inside over-reload 0.01 "$FAR"
pings_begin inside over-reload6 0.01 "$FAR6"
config "    mss_clamp: true" >"$CONFIG"
ctl reload || fail "aditctl reload ended with $?"
expect_pings "pings across the reload" over-reload 300
expect_pings "pings across the reload, IPv6" over-reload6 300
expect "generation" "$(generation)" = 2
expect_state 198.51.100.0/24 "used 10.9.0.2"

say "the file's comes first, and leaves it the place again"
config '    routes: [{to: 198.51.100.0/24, via: 10.9.0.1}]' >"$CONFIG"
ctl reload || fail "aditctl reload ended with $?"
expect_state 198.51.100.0/24 "shadowed 10.9.0.2"
at=$(settled_answers_of r2)
expect_way "$FAR"
expect "echo requests that r2 has had since" $(($(answers_of r2) - at)) = 0
config >"$CONFIG"
ctl reload || fail "aditctl reload ended with $?"
expect_state 198.51.100.0/24 "used 10.9.0.2"
expect_way "$FAR"

say "several gateways: the first that adit can reach; none: shown, and no more"
D route add 203.0.113.0/25 table 100 nexthop via 10.9.0.77 nexthop via 10.9.0.2
D route add 203.0.113.128/25 via 10.77.0.1 dev eth0 onlink table 100
D route add unreachable 198.51.100.64/26 table 100
expect_state 203.0.113.0/25 "used 10.9.0.77"
expect_state 203.0.113.128/25 "unreachable 10.77.0.1"
expect_state 198.51.100.64/26 "used -"
expect_no_ping inside 198.51.100.65 2
expect_way "$FAR"

say "several routes to one prefix come and go as the kernel orders them"
far6=2001:db8:77::/48 far=100.64.0.0/10
D route add "$far" via 10.9.0.1 table 100
D route append "$far" via 10.9.0.2 table 100
D -6 route add "$far6" via fd09::1 table 100
D -6 route append "$far6" via fd09::2 table 100
expect_state "$far6" "used fd09::1"
expect_state "$far" "used 10.9.0.1"
D route del "$far" via 10.9.0.1 table 100
D -6 route del "$far6" via fd09::1 table 100
expect_state "$far6" "used fd09::2"
expect_state "$far" "used 10.9.0.2"
D route prepend "$far" via 10.9.0.1 table 100
expect_state "$far" "used 10.9.0.1"
D route add "$far" via 10.9.0.2 metric 7 table 100
expect "states" "$(routes "map(select(.to == \"$far\") | .state) | join(\" \")")" = "used shadowed"
D route flush "$far" table 100
D -6 route flush "$far6" table 100
expect_state "$far" none
expect_state "$far6" none

say "nexthop objects"
if D nexthop add id 5 via 10.9.0.1 dev eth0 2>/dev/null; then
  D route add "$far" nhid 5 table 100
  expect_state "$far" "used 10.9.0.1"
  D nexthop replace id 5 via 10.9.0.2 dev eth0
  expect_state "$far" "used 10.9.0.2"
  D nexthop del id 5
  expect_state "$far" none
else
  note "this kernel has none"
fi

say "more changes at once than the kernel keeps for adit: all are read again, and nothing is lost meanwhile"
readonly MANY=80000
many() { N daemon "$LAB_TESTS/many-routes" "$1" "$MANY" 100 10.9.0.2 eth0; } # add|del
source_has() { [[ $(ctl -j show route-sources | jq ".[0].$1") == "$2" ]]; }
before=$(ctl -j show route-sources | jq '.[0].used')
kill -STOP "$GATEWAY_PID"
many add
kill -CONT "$GATEWAY_PID"
pings_begin inside over-rounds 0.01 "$FAR"
wait_for 60 source_has used $((before + MANY)) || fail "not all are used: $(ctl show route-sources)"
expect_pings "pings meanwhile" over-rounds 200
expect "overruns" "$(ctl -j show route-sources | jq '.[0].overruns')" '>=' 1
many del
wait_for 60 source_has used "$before" || fail "not all are gone: $(ctl show route-sources)"
expect_way "$FAR"
ctl show route-sources --wide

say "an interface of the kernel goes, and with it routes of which it says nothing"
D link add spare0 type veth peer name spare1
D addr add 10.9.0.8/32 dev spare0
D link set spare0 up
D link set spare1 up
D route add 192.0.2.0/24 via 10.9.0.2 dev spare0 onlink table 100
expect_state 192.0.2.0/24 "used 10.9.0.2"
# Of two for one prefix the kernel tells the one first that adit cannot use.
D route add "$far" via 10.77.0.1 dev eth0 onlink table 100
D route append "$far" via 10.9.0.2 table 100
expect_state "$far" "used 10.9.0.2"
changes=$(ctl -j show route-sources | jq '.[0].changes')
D link del spare0
expect_state 192.0.2.0/24 none
expect_state "$far" "used 10.9.0.2"
expect "changes, of a list that had all others as before" \
  $(($(ctl -j show route-sources | jq '.[0].changes') - changes)) = 1

say "it goes"
D route del 198.51.100.0/24 table 100
D -6 route del 2001:db8:51::/48 table 100
expect_state 198.51.100.0/24 none
expect_state 2001:db8:51::/48 none
expect_no_way "$FAR"
expect_no_way "$FAR6"

say "another table, by reload"
D route add 198.51.100.0/24 via 10.9.0.1 table 101
TABLE=101
config >"$CONFIG"
ctl reload || fail "aditctl reload ended with $?"
expect_state 198.51.100.0/24 "used 10.9.0.1"
expect_state 203.0.113.0/25 none
expect_way "$FAR"

say "a namespace that is not there: said, and no more"
config | sed "s/namespace: .*}/namespace: $LAB-nowhere}/" >"$CONFIG"
ctl reload || fail "aditctl reload ended with $?"
expect "state of the source" "$(ctl -j show route-sources | jq -r '.[0].state')" = failed
expect "lines in the log" "$(grep -c event=kernel_routes_failed "$LAB_TMP/aditd.log")" = 1
expect_state 198.51.100.0/24 "used 10.9.0.1" # what is known stays

say "without the key there are none"
config | sed '/kernel_routes/d' >"$CONFIG"
ctl reload || fail "aditctl reload ended with $?"
expect "routes of the kernel" "$(routes length)" = 0
expect_no_way "$FAR"
ctl show drops
stop_gateway || fail "aditd ended with $?"

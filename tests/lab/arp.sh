#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
# adit asks and answers ARP by itself: from the first second, refreshing before an entry ages and
# without ever dropping a working one, and following a next hop whose MAC changes.
# shellcheck source=tests/lab/lib.sh
source "$(dirname "$0")/lib.sh"

# How long adit may take until it asks again for a next hop that answered (seconds).
readonly REFRESH_S=30

usual_config >"$CONFIG"
sed -i 's/      - {address: 192.0.2.3}/&\n      - {address: 192.0.2.9}/' "$CONFIG" # nobody has .9
usual_world
capture v1 eth0 "$LAB_TMP/arp.pcap" arp
arp_capture=$CAPTURE_PID

say "the first second"
start_gateway "$CONFIG"
plug_uplink up0
began=${EPOCHREALTIME/./}
wait_for 3 N v1 ping -q -c 1 -W 0.2 192.0.2.1 || fail "adit did not answer ARP and echo"
note "milliseconds until adit answered ARP and echo: $(((${EPOCHREALTIME/./} - began) / 1000))"
wait_neighbours 192.0.2.2 192.0.2.3
note "milliseconds until adit found both next hops: $(((${EPOCHREALTIME/./} - began) / 1000))"
plug_host red0 red "$RED_MAC" "$RED"
expect "MAC that adit found for v1" \
  "$(ctl -j show neighbours | jq -r '.[] | select(.address == "192.0.2.2") | .mac')" = 02:00:00:00:00:02
expect_match "state of a next hop that is not there" "$(neighbour_state 192.0.2.9)" '^(incomplete|failed)$'
expect "MAC that v1 found for adit" "$(N v1 ip -j neigh show to 192.0.2.1 dev eth0 | jq -r '.[0].lladdr')" \
  = 02:00:00:00:00:01

say "a host in the underlay that is no next hop is answered too"
vtep v4 192.0.2.4 02:00:00:00:00:04
expect_ping v4 192.0.2.1 5

say "what waits for a next hop that does not answer is dropped under its name"
expect_ping red "$RED1" 5 # its first ARP is flooded to .9 as well
expect_drops neighbour_unresolved '>=' 1

say "a next hop gets another MAC and announces it"
N v1 sysctl -qw net.ipv4.conf.eth0.arp_notify=1
N v1 ip link set eth0 address 02:00:00:00:00:12
followed() {
  [[ $(ctl -j show neighbours | jq -r '.[] | select(.address == "192.0.2.2") | .mac') == 02:00:00:00:00:12 ]]
}
wait_for 3 followed || fail "adit did not follow the announced MAC"
expect_ping red "$RED1" 20

say "pings for $REFRESH_S seconds: next hops are refreshed without a loss"
capture under up0 "$LAB_TMP/refresh.pcap" -Q in "arp[6:2] == 1 and arp src host 192.0.2.1"
refresh_capture=$CAPTURE_PID
pings_begin red pings 0.02 "$RED1"
sleep 1
# v2 gets another MAC in silence: only asking again can find it.
N v2 sysctl -qw net.ipv4.conf.eth0.arp_notify=0 net.ipv4.conf.eth0.arp_ignore=0
N v2 ip link set eth0 address 02:00:00:00:00:13
N v2 ip neigh flush dev eth0
expect_pings "pings meanwhile" pings $((REFRESH_S * 50))
end_capture "$refresh_capture"
for address in 192.0.2.2 192.0.2.3; do
  expect "times that adit asked again for $address" \
    "$(captured "$LAB_TMP/refresh.pcap" "arp dst host $address")" '>=' 1
done
expect "MAC that adit found for v2" \
  "$(ctl -j show neighbours | jq -r '.[] | select(.address == "192.0.2.3") | .mac')" = 02:00:00:00:00:13
expect_ping red "$RED2" 20

say "a next hop that goes away is asked for a while, and is back when it is back"
N v1 ip link set eth0 down
N v1 ip link set eth0 up
wait_for 5 N v1 ping -q -c 1 -W 0.2 192.0.2.1 || fail "v1 is not back"
expect_ping red "$RED1" 20

end_capture "$arp_capture"
expect "ARP packets that tshark calls malformed" \
  "$(tshark -r "$LAB_TMP/arp.pcap" -Y _ws.malformed 2>/dev/null | wc -l)" = 0

#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
# Forged ARP does not take the next hop's packets; a pair that takes over with another MAC is
# followed; adit's own address is defended, and the log names who uses it.
# shellcheck source=tests/lab/lib.sh
source "$(dirname "$0")/lib.sh"

usual_config >"$CONFIG"
usual_world
vtep v4 192.0.2.4 02:00:00:00:00:04
usual_start
expect_ping red "$RED1" 5

says() { N v4 "$LAB_TESTS/say-arp" eth0 "$@"; }
mac_of() { ctl -j show neighbours | jq -r --arg a "$1" '.[] | select(.address == $a) | .mac'; }
lines() { grep -c "$1" "$LAB_TMP/aditd.log" || true; }
has_line() { grep -q "$1" "$LAB_TMP/aditd.log"; }

say "v4 says 1000 times to be v1, by another MAC each time; v1 answers"
pings_begin red pings 0.02 "$RED1"
says 192.0.2.2 "02:00:00:00:66:*" 1000 0.005
expect_pings "pings meanwhile" pings 250
expect "MAC that adit has of v1" "$(mac_of 192.0.2.2)" = 02:00:00:00:00:02
wait_for 5 has_line 'event=address_conflict port=uplink address=192.0.2.2 own=no mac=02:00:00:00:66:.. holder=02:00:00:00:00:02' ||
  fail "no line of the log names v1's address and who has it: $(grep address_conflict "$LAB_TMP/aditd.log")"
expect "lines of that" "$(lines 'event=address_conflict.* own=no')" '<' 100

say "v1 is gone, and v4 takes its address over, as it says once"
N v1 ip link set eth0 down
says 192.0.2.2 02:00:00:00:00:04
moved() { [[ $(mac_of 192.0.2.2) == 02:00:00:00:00:04 ]]; }
wait_for 10 moved || fail "adit did not follow: $(ctl show neighbours)"
expect_match "line of the log" "$(grep arp_moved "$LAB_TMP/aditd.log" | sed -n 1p)" \
  'event=arp_moved port=uplink address=192.0.2.2 old_mac=02:00:00:00:00:02 new_mac=02:00:00:00:00:04'

say "v4 says to have adit's own address"
capture v2 eth0 "$LAB_TMP/defence.pcap" "arp[6:2] == 1 and arp src host 192.0.2.1 and arp dst host 192.0.2.1"
says 192.0.2.1 02:00:00:00:00:04 200 0.005
wait_for 5 has_line 'event=address_conflict port=uplink address=192.0.2.1 own=yes mac=02:00:00:00:00:04' ||
  fail "no line of the log names adit's address and who uses it"
defended() { (($(captured "$LAB_TMP/defence.pcap" "ether src 02:00:00:00:00:01") >= 1)); }
wait_for 5 defended || fail "adit did not defend its address"
end_capture
expect "lines of 200 messages" "$(lines 'own=yes')" '<' 20
expect "announcements of adit" "$(captured "$LAB_TMP/defence.pcap" "ether src 02:00:00:00:00:01")" '<' 5
expect_drops address_conflict = 200

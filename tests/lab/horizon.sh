#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
# What must not pass: from remote to remote (split horizon), from a sender that is no configured
# remote, and with a VNI that no network has.
# shellcheck source=tests/lab/lib.sh
source "$(dirname "$0")/lib.sh"

usual_config >"$CONFIG"
usual_world
vtep v3 192.0.2.4 02:00:00:00:00:04 # in no network's remotes
vtep_host v3 stranger 100 02:00:00:00:10:13 10.1.0.13
vtep_host v1 lost1 999 02:00:00:00:10:99 10.1.0.99
usual_start
expect_ping red "$RED1" 5
expect_ping red "$RED2" 5

say "broadcast and unicast from behind v1 reach the access host, never v2"
capture red red0 "$LAB_TMP/red.pcap"
red_capture=$CAPTURE_PID
capture v2 eth0 "$LAB_TMP/v2.pcap" udp port 4789
v2_capture=$CAPTURE_PID
before=$(drops split_horizon)
N red1 ping -q -c 3 -i 0.2 -W 1 10.1.0.77 >/dev/null || true # ARP requests: broadcast
N red1 ip neigh add "$RED2" lladdr "$RED2_MAC" dev eth0
expect_no_ping red1 "$RED2" 5 # adit knows the MAC, behind v2
end_capture "$red_capture" "$v2_capture"
expect "ARP requests that the access host saw" \
  "$(captured "$LAB_TMP/red.pcap" "arp and ether src $RED1_MAC and ether dst ff:ff:ff:ff:ff:ff")" '>=' 1
expect "frames of red1 that v2 saw" \
  "$(tshark -r "$LAB_TMP/v2.pcap" -Y "vxlan && eth.src == $RED1_MAC" 2>/dev/null | wc -l)" = 0
expect_drops split_horizon '>=' $((before + 5))

say "a sender that is no remote of the network"
capture red red0 "$LAB_TMP/stranger.pcap"
before=$(drops remote_unknown)
N stranger ip neigh add "$RED" lladdr "$RED_MAC" dev eth0
expect_no_ping stranger "$RED" 10
end_capture
expect "its frames at the access host" \
  "$(captured "$LAB_TMP/stranger.pcap" ether src 02:00:00:00:10:13)" = 0
expect_drops remote_unknown = $((before + 10))
expect_place "place of its MAC" red 02:00:00:00:10:13 nowhere

say "a VNI that no network has"
before=$(drops tunnel_id_unknown)
N lost1 ip neigh add "$RED" lladdr "$RED_MAC" dev eth0
expect_no_ping lost1 "$RED" 10
expect_drops tunnel_id_unknown = $((before + 10))

say "and the others still speak"
expect_ping red "$RED1" 5
expect_ping red2 "$RED" 5

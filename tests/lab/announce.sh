#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
# adit took addresses over from another box, and its link comes up later than aditd: the router, whose
# entries name the old box's MAC, is told, and not once only.
# shellcheck source=tests/lab/lib.sh
source "$(dirname "$0")/lib.sh"

{
  system_config
  cat <<'YAML'
ports:
  a0: {device: "af_packet:a0", mac: "02:00:00:00:00:c1", addresses: [10.4.0.254/24, "2001:db8::fe/64"]}
  b0: {device: "tap:b0", addresses: [10.5.0.254/24]}
vrfs: {t: {ports: [a0, b0]}}
services: {web: {vrf: t, address: 10.4.0.80, port: 80, backends: [{address: 10.5.0.11}]}}
YAML
} >"$CONFIG"
ns gw router
cable gw a0 router a1 1500
N router ethtool -K a1 tx off >/dev/null
N router ip addr add 10.4.0.1/24 dev a1
N router ip link set a1 down
start_gateway "$CONFIG"
link_is() { [[ $(ctl -j show ports | jq -r '.[] | select(.name == "a0") | .link') == "$1" ]]; }
wait_for 10 link_is down || fail "the link is not seen down"

say "the link comes up; the router's entries are the old box's"
N router ip link set a1 up
for host in 254 80; do
  N router ip neigh replace "10.4.0.$host" lladdr 02:00:00:00:0d:0d nud reachable dev a1
done
capture router a1 "$LAB_TMP/heard.pcap" arp or icmp6
mac_of() { N router ip -j neigh show to "$1" dev a1 | jq -r '.[0].lladdr'; }
is_told() { [[ $(mac_of "$1") == 02:00:00:00:00:c1 ]]; }
for host in 254 80; do
  wait_for 20 is_told "10.4.0.$host" || fail "the router's entry for 10.4.0.$host is $(mac_of "10.4.0.$host")"
  note "the router has adit's MAC for 10.4.0.$host"
done

say "it is said again"
# Of an address: sender and target are the same, or an unsolicited advertisement of it.
heard() {
  case $1 in
    *:*) captured "$LAB_TMP/heard.pcap" "icmp6 and ip6[40] == 136 and src host $1" ;;
    *) captured "$LAB_TMP/heard.pcap" "arp and arp src host $1 and arp dst host $1" ;;
  esac
}
heard_often() { (($(heard "$1") >= 3)); }
for own in 10.4.0.254 10.4.0.80 2001:db8::fe; do
  wait_for 40 heard_often "$own" || fail "$own was announced $(heard "$own") times"
  note "announcements of $own: $(heard "$own")"
done

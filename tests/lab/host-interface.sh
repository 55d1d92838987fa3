#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
# Host interfaces: programs of the host serve two tenants with equal addresses, and the underlay, by
# the addresses of adit's own ports and gateways; and FRR there peers through adit with a router.
# shellcheck source=tests/lab/lib.sh
source "$(dirname "$0")/lib.sh"
# shellcheck source=tests/lab/frr-lib.sh
source "$LAB_TESTS/frr-lib.sh"

config() {
  system_config
  cat <<YAML
ports:
  uplink: {device: "tap:up0", mtu_bytes: $UNDERLAY_MTU, mac: "02:00:00:00:00:01", addresses: [192.0.2.1/24, "fd02::fe/64"]}
  blue0: {device: "tap:blue0", addresses: [10.1.0.254/24, "fd01::fe/64"]}
  wan0: {device: "tap:wan0", addresses: [10.9.0.254/24]}
host: {interface: under-host, namespace: $LAB-hostu}
networks:
  green: {vni: 100, remotes: [{address: 192.0.2.2}]}
vrfs:
  blue:
    ports: [blue0, wan0]
    kernel_routes: {table: 254, namespace: $LAB-hostb}
    host: {interface: blue-host, namespace: $LAB-hostb}
  green:
    networks: {green: {addresses: [10.1.0.254/24]}}
    host: {interface: host0, namespace: $LAB-hostg}
YAML
}

underlay "$UNDERLAY_MTU"
ns gw hostb hostg hostu blue router
for space in hostb hostg hostu blue; do
  N "$space" sysctl -qw net.ipv6.conf.all.disable_ipv6=0 net.ipv6.conf.default.disable_ipv6=0
done
vtep v1 192.0.2.2 02:00:00:00:00:02
vtep_host v1 green 100 02:00:00:00:20:01 10.1.0.1
config >"$CONFIG"
start_gateway "$CONFIG"
plug_uplink up0
plug_host blue0 blue 02:00:00:00:10:01 10.1.0.1
N blue ip -6 addr add fd01::1/64 dev blue0 nodad
N gw ip link set wan0 netns "$LAB-router"
N router ip link set wan0 address 02:00:00:00:09:01
N router ip addr add 10.9.0.1/24 dev wan0
N router ip addr add 198.51.100.1/32 dev lo
N router ip link set wan0 up
N router ip route add 10.1.0.0/24 via 10.9.0.254
N blue ip route add default via 10.1.0.254
wait_neighbours 192.0.2.2

say "the interfaces are there, with the addresses of their places"
addresses_of() { N "$1" ip -j addr show dev "$2" | jq -r '[.[0].addr_info[] | .local + "/" + (.prefixlen | tostring)] | sort | join(" ")'; }
expect "addresses of blue-host" "$(addresses_of hostb blue-host)" = "10.1.0.254/24 10.9.0.254/24 fd01::fe/64"
expect "addresses of host0" "$(addresses_of hostg host0)" = "10.1.0.254/24"
expect "addresses of under-host" "$(addresses_of hostu under-host)" = "192.0.2.1/24 fd02::fe/64"
expect "MTU of under-host" "$(N hostu cat /sys/class/net/under-host/mtu)" = 1500
ctl show hosts

say "the same address serves each tenant's own files, and the underlay's its own"
serve_file 1000000 hostb hostg hostu
expect_download blue 10.1.0.254 hostb
expect_download blue "[fd01::fe]" hostb
expect_download blue 10.9.0.254 hostb
expect_download green 10.1.0.254 hostg
expect_download v1 192.0.2.1 hostu

say "programs of the host reach hosts of their tenant, at their size and at more than the MTU"
serve_file 1000000 blue green
expect_download hostb 10.1.0.1 blue
expect_download hostg 10.1.0.1 green
expect_ping hostb 10.1.0.1 10
expect_ping hostg 10.1.0.1 10
expect_ping hostu 192.0.2.2 10
expect_ping hostb fd01::1 10
expect_ping hostg 10.1.0.1 5 -s 3000
expect_ping blue 10.1.0.254 10 # adit's own answer

say "a closed port is refused by the host's kernel, and not by adit"
rc=0
N blue curl -sS -m 30 "http://10.1.0.254:81/" 2>/dev/null || rc=$?
expect "curl's exit code, 7: refused" "$rc" = 7
# Control passes on what programs of the host get, and is late on a busy machine: TCP sends that again.
expect_drops_only "drops, beside $(drops punt_full) of punt_full" \
  punt_full not_our_mac arp_not_for_us nd_not_for_us icmp_ignored

say "a flood of new flows leaves those that are open what they need, and other tenants all"
cat >"$LAB_TMP/flood.py" <<'PY'
import random, socket, time
# Some 10,000 a second, twice what the host gets of new flows: without a pace they take the TAP's queue, which the open
# connection shares, before adit sees any of it.
out = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
while True:
    for _ in range(50):
        try:
            out.sendto(bytes(20), ("10.1.0.254", random.randrange(1024, 65536)))
        except OSError:  # the kernel's answers
            pass
    time.sleep(0.005)
PY
bg blue slow curl -sS -m 120 --limit-rate 400k -o "$LAB_TMP/slow" "http://10.1.0.254/file"
slow=$BG_PID
bg blue flood python3 "$LAB_TMP/flood.py"
flood=$BG_PID
expect_drops punt_limit '>' 1000
expect_download green 10.1.0.254 hostg
wait "$slow" || fail "curl over a connection that was open before the flood ended with $?"
kill "$flood"
wait "$flood" || true
# What it has sent may wait before adit for a while yet.
flood_is_over() {
  local before
  before=$(drops punt_limit)
  sleep 0.5
  (($(drops punt_limit) == before))
}
wait_for 10 flood_is_over || fail "packets of the flood still come: $(drops punt_limit) of punt_limit"
expect "SHA-256 of what came beside the flood" "$(sha256sum <"$LAB_TMP/slow")" = "$(sha256sum <"$LAB_TMP/www-hostb/file")"

say "a reload changes addresses without a word to those that stay"
pings_begin hostb over-reload 0.01 10.1.0.1
config | sed 's|"fd01::fe/64"|"fd01::fe/64", 10.7.0.1/24|' >"$CONFIG"
ctl reload || fail "aditctl reload ended with $?"
expect_pings "pings across the reload" over-reload 200
has_addresses() { [[ $(addresses_of "$1" "$2") == "$3" ]]; }
wait_for 5 has_addresses hostb blue-host "10.1.0.254/24 10.7.0.1/24 10.9.0.254/24 fd01::fe/64" ||
  fail "addresses of blue-host: $(addresses_of hostb blue-host)"
config >"$CONFIG"
ctl reload || fail "aditctl reload ended with $?"
wait_for 5 has_addresses hostb blue-host "10.1.0.254/24 10.9.0.254/24 fd01::fe/64" ||
  fail "addresses of blue-host: $(addresses_of hostb blue-host)"

if [[ -x $FRR/bgpd && -x $FRR/zebra ]]; then
  say "FRR behind the host interface learns from a router, and adit routes by that"
  state() { ctl -j show routes | jq -r '[.[] | select(.to == "198.51.100.0/24") | .state + " " + .via][0] // "none"'; }
  is_used() { [[ $(state) == "used 10.9.0.1" ]]; }
  frr hostb "router bgp 65000" "bgp router-id 10.9.0.254" "no bgp ebgp-requires-policy" "timers bgp 1 3" \
    "neighbor 10.9.0.1 remote-as 65001" "address-family ipv4 unicast" "network 10.1.0.0/24" "exit-address-family"
  frr router "router bgp 65001" "bgp router-id 10.9.0.1" "no bgp ebgp-requires-policy" "no bgp network import-check" \
    "timers bgp 1 3" "neighbor 10.9.0.254 remote-as 65000" "address-family ipv4 unicast" "network 198.51.100.0/24" \
    "exit-address-family"
  wait_for 30 is_used || fail "198.51.100.0/24 is '$(state)', should be 'used 10.9.0.1'"
  expect_ping blue 198.51.100.1 10
else
  note "FRR is not installed: not tried with it"
fi

say "the interfaces go with adit"
stop_gateway || fail "aditd ended with $?"
gone() { ! N "$1" ip link show dev "$2" >/dev/null 2>&1; }
wait_for 5 gone hostb blue-host || fail "blue-host is still there"
wait_for 5 gone hostu under-host || fail "under-host is still there"

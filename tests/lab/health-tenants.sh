#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
# Two tenants with equal addresses, one behind VXLAN (the kernel's), one behind STT (another adit):
# one backend of one tenant dies, and only that one goes down.
# shellcheck source=tests/lab/lib.sh
source "$(dirname "$0")/lib.sh"
# shellcheck source=tests/lab/health-lib.sh
source "$LAB_TESTS/health-lib.sh"

service() { # NAME VIRTUAL-ADDRESS
  cat <<YAML
  $1:
    vrf: shop
    address: $2
    port: 80
    scheduler: rr
    backends: [{address: 10.9.0.11, vrf: $1}, {address: 10.9.0.12, vrf: $1}]
    health: {kind: http, interval_ms: $INTERVAL_MS, timeout_ms: $TIMEOUT_MS, rise: 1, fall: $FALL,
      initial: down, damping: {changes: 0}, http: {status: [200]}}
YAML
}
{
  system_config
  cat <<YAML
ports:
  uplink: {device: "tap:up0", mtu_bytes: $UNDERLAY_MTU, mac: "02:00:00:00:00:01", addresses: [192.0.2.1/24]}
  client0: {device: "tap:client0", addresses: [198.51.100.254/24]}
networks:
  red: {vni: 100, remotes: [{address: 192.0.2.2}]}
  blue: {vni: 200, remotes: [{address: 192.0.2.3, kind: stt}]}
vrfs:
  shop: {ports: [client0]}
  red: {networks: {red: {addresses: [10.9.0.254/24]}}}
  blue: {networks: {blue: {addresses: [10.9.0.254/24]}}}
services:
YAML
  service red 198.51.100.80
  service blue 198.51.100.81
} >"$CONFIG"
# The other end of the STT tunnel, with blue's servers on its ports.
PEER=$LAB_TMP/peer.yaml
{
  system_config | sed "s|adit.sock|peer.sock|"
  cat <<YAML
ports:
  uplink: {device: "tap:up1", mtu_bytes: $UNDERLAY_MTU, mac: "02:00:00:00:00:03", addresses: [192.0.2.3/24]}
  blue1: {device: "tap:blue1"}
  blue2: {device: "tap:blue2"}
networks:
  blue:
    vni: 200
    members: [{port: blue1}, {port: blue2}]
    remotes: [{address: 192.0.2.1, kind: stt}]
YAML
} >"$PEER"

underlay "$UNDERLAY_MTU"
ns gw v2
vtep v1 192.0.2.2 02:00:00:00:00:02
# One VXLAN device and a bridge behind it lead to both of red's servers.
N v1 ip link add vx100 type vxlan id 100 dev eth0 local 192.0.2.2 remote 192.0.2.1 dstport 4789
bridge v1 red
N v1 ip link set vx100 master red up
for number in 1 2; do
  ns "red$number"
  cable "red$number" eth0 v1 "red$number" 1450
  N v1 ip link set "red$number" master red
done
start_gateway "$CONFIG"
bg v2 peer "$ADITD" --config "$PEER"
wait_for 15 "$ADITCTL" --socket "$LAB_TMP/peer.sock" show ports || fail "the other adit does not start"
plug_uplink up0
N v2 ip link set up1 netns "$LAB-under"
N under ip link set up1 address 02:00:00:00:ff:03
N under ip link set up1 master sw up
plug_host client0 client 02:00:00:00:51:01 "$CLIENT"
N client ip route add default via 198.51.100.254
for number in 1 2; do
  N red$number ip link set eth0 address 02:00:00:00:09:1$number
  N red$number ip addr add "10.9.0.1$number/24" dev eth0
  ns "blue$number"
  N v2 ip link set "blue$number" netns "$LAB-blue$number"
  N "blue$number" ip link set "blue$number" address 02:00:00:00:09:1$number
  N "blue$number" ip addr add "10.9.0.1$number/24" dev "blue$number"
  N "blue$number" ip link set "blue$number" mtu 1450 up
  for host in red$number blue$number; do
    N "$host" ip route add default via 10.9.0.254
    serve "$host"
  done
done

state_of() { # SERVICE ADDRESS
  ctl -j show backends | jq -r --arg s "$1" --arg a "$2" \
    '.[] | select(.service == $s and .address == $a) | .state + " " + (.check // "no result")'
}
service_is() { [[ $(state_of "$1" "$2") == "$3 "* ]]; } # SERVICE ADDRESS STATE
await_service() { # SERVICE ADDRESS STATE
  wait_for 20 service_is "$@" || fail "$2 of $1 is $(state_of "$1" "$2"), should be $3"
  note "$2 of $1: $(state_of "$1" "$2")"
}
answers() { # COUNT ADDRESS
  web_answers "$1" "http://$2/" | tally
}

say "all are up, with nothing set up on the host"
for tenant in red blue; do
  for address in 10.9.0.11 10.9.0.12; do await_service "$tenant" "$address" up; done
done
expect "4 requests to red" "$(answers 4 198.51.100.80)" = "red1 2, red2 2"
expect "4 requests to blue" "$(answers 4 198.51.100.81)" = "blue1 2, blue2 2"

say "blue's first server dies: red's with the same address stays, and blue's second"
kill_server blue1
await_service blue 10.9.0.11 down
for ((i = 0; i < 5; i++)); do
  sleep 1
  for place in "red 10.9.0.11" "red 10.9.0.12" "blue 10.9.0.12"; do
    # shellcheck disable=SC2086  # words
    service_is $place up || fail "$place is $(state_of $place), should be up"
  done
done
expect "4 requests to red" "$(answers 4 198.51.100.80)" = "red1 2, red2 2"
expect "4 requests to blue" "$(answers 4 198.51.100.81)" = "blue2 4"
[[ $(grep -c 'event=backend_down' "$LAB_TMP/aditd.log") == 1 ]] || fail "the log tells of other backends"

say "it comes back"
serve blue1
await_service blue 10.9.0.11 up
ctl show backends --wide

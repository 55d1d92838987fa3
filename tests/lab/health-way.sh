#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
# A newcomer's services with health checks, and nothing set up on adit's host: checks take the way of
# clients' packets. Each forwarding method, both IP versions, a server that dies and comes back.
# shellcheck source=tests/lab/lib.sh
source "$(dirname "$0")/lib.sh"
# shellcheck source=tests/lab/health-lib.sh
source "$LAB_TESTS/health-lib.sh"

readonly LAN=10.1.0.254
# serve_both HOST: as serve() does, and on port 8080 with the PROXY protocol alone.
serve_both() {
  local www=$LAB_TMP/www-$1
  mkdir -p "$www"
  chmod 755 "$LAB_TMP" "$www"
  echo "$1" >"$www/index.html"
  lab_nginx "$1" 80 "server { listen 80; listen [::]:80; root $www; }
    server { listen 8080 proxy_protocol; root $www; }"
  SERVER_PID[$1]=$BG_PID
}
often() { # the part of `health:` that all have
  echo "interval_ms: $INTERVAL_MS, timeout_ms: $TIMEOUT_MS, rise: 1, fall: $FALL, initial: down, damping: {changes: 0}"
}
checked() { # PATH
  echo "    health: {kind: http, $(often), http: {path: $1, status: [200]}}"
}
{
  system_config
  cat <<YAML
ports:
  client0: {device: "tap:client0", addresses: [198.51.100.254/24]}
  server0: {device: "tap:server0", addresses: [$LAN/24, "fd01::fe/64"]}
vrfs:
  shop: {ports: [client0, server0]}
services:
  web:
    vrf: shop
    address: $SERVICE
    port: 80
    scheduler: rr
    backends: [{address: 10.1.0.1}, {address: 10.1.0.2}]
$(checked /index.html)
  direct:
    vrf: shop
    address: 198.51.100.81
    port: 80
    scheduler: rr
    forwarding: direct
    backends: [{address: 10.1.0.1}, {address: 10.1.0.2}]
$(checked /index.html)
  tunnel:
    vrf: shop
    address: 198.51.100.82
    port: 80
    scheduler: rr
    forwarding: tunnel
    backends: [{address: 10.1.0.1}, {address: 10.1.0.2}]
$(checked /index.html)
  six:
    vrf: shop
    address: "2001:db8::80"
    port: 80
    scheduler: rr
    backends: [{address: "fd01::1"}, {address: "fd01::2"}]
$(checked /index.html)
  proxied:
    vrf: shop
    address: 198.51.100.83
    port: 80
    client_address: proxy
    backends: [{address: 10.1.0.1, port: 8080}]
$(checked /index.html)
  pinged:
    {vrf: shop, address: 198.51.100.84, port: 80, backends: [{address: 10.1.0.1}], health: {kind: icmp, $(often)}}
  refused:
    {vrf: shop, address: 198.51.100.85, port: 9, protocol: udp, backends: [{address: 10.1.0.1}], health: {kind: udp, udp: {silence: down}, $(often)}}
YAML
} >"$CONFIG"
# By reload, when privileges have been given up.
# shellcheck disable=SC2016  # for the program's shell
readonly PROGRAM='exec curl -fsS -m 1 -o /dev/null "http://$ADIT_BACKEND_ADDRESS/$ADIT_BACKEND_NAME"'
late() {
  cat <<YAML
  program:
    vrf: shop
    address: 198.51.100.86
    port: 80
    backends: [{address: 10.1.0.1}]
    health: {kind: command, $(often), command: [/bin/sh, -c, '$PROGRAM']}
  elsewhere:
    {vrf: shop, address: 198.51.100.87, port: 80, backends: [{address: 10.1.0.1}], health: {kind: tcp, way: host, $(often)}}
YAML
}

ns gw lan
start_gateway "$CONFIG"
plug_host client0 client 02:00:00:00:51:01 "$CLIENT"
N client ip route add default via 198.51.100.254
bridge lan sw
N gw ip link set server0 netns "$LAB-lan"
N lan ip link set server0 address 02:00:00:00:ff:02
N lan ip link set server0 master sw up
SERVICES="web direct"
for number in 1 2; do
  host=s$number
  ns "$host"
  N "$host" sysctl -qw net.ipv6.conf.all.disable_ipv6=0 net.ipv6.conf.default.disable_ipv6=0
  cable "$host" eth0 lan "to-$host" 1500
  N lan ip link set "to-$host" master sw
  N "$host" ip addr add "10.1.0.$number/24" dev eth0
  N "$host" ip addr add "fd01::$number/64" dev eth0 nodad
  N "$host" ip route add default via "$LAN"
  N "$host" ip route add default via fd01::fe
  # Direct and tunnel: the server has the virtual addresses, and does not ask for them by ARP.
  N "$host" ip addr add 198.51.100.81/32 dev lo
  N "$host" ip addr add 198.51.100.82/32 dev lo
  N "$host" sysctl -qw net.ipv4.conf.all.arp_ignore=1 net.ipv4.conf.all.arp_announce=2 \
    net.ipv4.conf.all.rp_filter=0 net.ipv4.conf.eth0.rp_filter=0
  # A kernel without such tunnels: from_control_test.cc looks at the packets.
  if N "$host" ip link add tun type ipip local "10.1.0.$number" remote any 2>/dev/null; then
    N "$host" sysctl -qw net.ipv4.conf.tun.rp_filter=0
    N "$host" ip link set tun up
    SERVICES="web direct tunnel"
  fi
  serve_both "$host"
  cp "$LAB_TMP/www-$host/index.html" "$LAB_TMP/www-$host/10.1.0.$number"
done

state_of() { # SERVICE ADDRESS
  ctl -j show backends | jq -r --arg s "$1" --arg a "$2" \
    '.[] | select(.service == $s and .address == $a) | .state + " " + (.check // "no result")'
}
service_is() { [[ $(state_of "$1" "$2") == "$3 "* ]]; } # SERVICE ADDRESS STATE
await_service() { # SERVICE ADDRESS STATE
  wait_for 15 service_is "$@" || fail "$2 of $1 is $(state_of "$1" "$2"), should be $3"
  note "$2 of $1: $(state_of "$1" "$2")"
}

say "all are up, with nothing set up on the host"
expect "the host's routes" "$(N gw ip route | wc -l)" = 0
for service in $SERVICES; do
  for address in 10.1.0.1 10.1.0.2; do await_service "$service" "$address" up; done
done
for address in fd01::1 fd01::2; do await_service six "$address" up; done
await_service proxied 10.1.0.1 up
await_service pinged 10.1.0.1 up
# The server answers so once a second at most.
says() { [[ $(state_of "$1" "$2") == *"$3" ]]; } # SERVICE ADDRESS TEXT
wait_for 15 says refused 10.1.0.1 "port unreachable" || fail "refused is $(state_of refused 10.1.0.1)"
expect "ways of checks" "$(ctl -j show backends | jq -r '[.[].check_way] | unique | join(",")')" = packets
answers() { # COUNT ADDRESS
  web_answers "$1" "http://$2/" | tally
}
for address in "$SERVICE" 198.51.100.81; do
  expect "8 requests to $address" "$(answers 8 "$address")" = "s1 4, s2 4"
done

say "one server dies: it goes down with each service, and the other stays"
kill_server s1
for service in $SERVICES; do await_service "$service" 10.1.0.1 down; done
await_service six fd01::1 down
for service in $SERVICES; do await_service "$service" 10.1.0.2 up; done
await_service six fd01::2 up
expect_match "the last check" "$(state_of direct 10.1.0.1)" refused
serve_both s1
for service in $SERVICES; do await_service "$service" 10.1.0.1 up; done

say "services that a reload adds: a program's way is the same; another one goes by the host"
late >>"$CONFIG"
"$ADITCTL" check "$CONFIG" | grep checks
ctl reload
await_service program 10.1.0.1 up
await_service elsewhere 10.1.0.1 down
expect_match "the check by the host" "$(state_of elsewhere 10.1.0.1)" unreachable
ctl show backends --wide

say "without the right to make a namespace, checks go by the host, and all say so"
stop_gateway || fail "aditd ended with $?"
bg gw aditd2 setpriv --bounding-set -sys_admin --inh-caps -sys_admin "$ADITD" --config "$CONFIG"
GATEWAY_PID=$BG_PID
wait_for 15 ctl show ports || fail "aditd did not answer on its socket"
expect "lines of the log" "$(grep -c "event=checks_by_host" "$LAB_TMP/aditd2.log")" = 1
await_service web 10.1.0.1 down
expect_match "way of a check" "$(ctl -j show backends | jq -r '.[0].check_way')" '^host .no way of packets'

#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
# Virtual services in front of nginx: NAT, full NAT and direct forwarding over IPv4 and IPv6,
# backends behind VXLAN in two tenants with the same addresses, drain, removal, a dead backend.
# shellcheck source=tests/lab/lib.sh
source "$(dirname "$0")/lib.sh"

readonly CLIENT=198.51.100.1 CLIENT6=2001:db8:51::1
readonly NAT=198.51.100.80 FULL_NAT=198.51.100.81 DIRECT=198.51.100.82 TENANT=198.51.100.83
readonly NAT6=2001:db8:51::80
readonly SERVERS="s1 s2 s3"

config() { # WEIGHT OF s1
  system_config
  cat <<YAML
ports:
  uplink:
    device: tap:up0
    mtu_bytes: $UNDERLAY_MTU
    mac: 02:00:00:00:00:01
    addresses: [192.0.2.1/24]
  client0: {device: "tap:client0", addresses: [198.51.100.254/24, "2001:db8:51::fe/64"]}
  server0: {device: "tap:server0", addresses: [10.1.0.254/24, "fd01::fe/64"]}
networks:
  red: {vni: 100, remotes: [{address: 192.0.2.2}]}
  blue: {vni: 200, remotes: [{address: 192.0.2.2}]}
vrfs:
  shop: {ports: [client0, server0]}
  red: {networks: {red: {addresses: [10.9.0.254/24]}}}
  blue: {networks: {blue: {addresses: [10.9.0.254/24]}}}
services:
  nat:
    vrf: shop
    address: $NAT
    port: 80
    scheduler: rr
    backends:
      - {address: 10.1.0.1, weight: $1}
      - {address: 10.1.0.2}
  nat6:
    vrf: shop
    address: "$NAT6"
    port: 80
    scheduler: rr
    backends: [{address: "fd01::1"}, {address: "fd01::2"}]
  fullnat:
    vrf: shop
    address: $FULL_NAT
    port: 8080
    scheduler: rr
    forwarding: fullnat
    local_addresses: [10.1.0.200]
    backends: [{address: 10.1.0.1, port: 80}, {address: 10.1.0.3, port: 80}]
  direct:
    vrf: shop
    address: $DIRECT
    port: 80
    scheduler: wrr
    forwarding: direct
    backends: [{address: 10.1.0.1, weight: 2}, {address: 10.1.0.2}]
  tenants:
    vrf: shop
    address: $TENANT
    port: 80
    scheduler: rr
    backends: [{address: 10.9.0.11, vrf: red}, {address: 10.9.0.11, vrf: blue}]
YAML
}

config 1 >"$CONFIG"
underlay "$UNDERLAY_MTU"
ns gw lan
vtep v1 192.0.2.2 02:00:00:00:00:02
vtep_host v1 red1 100 02:00:00:00:09:11 10.9.0.11
vtep_host v1 blue1 200 02:00:00:00:09:12 10.9.0.11
for host in red1 blue1; do N "$host" ip route add default via 10.9.0.254; done

start_gateway "$CONFIG"
plug_uplink up0
plug_host client0 client 02:00:00:00:51:01 "$CLIENT"
bridge lan sw
N gw ip link set server0 netns "$LAB-lan"
N lan ip link set server0 address 02:00:00:00:ff:02
N lan ip link set server0 master sw up
wait_neighbours 192.0.2.2

# with6 HOST INTERFACE ADDRESS ROUTER
with6() {
  N "$1" sysctl -qw net.ipv6.conf.all.disable_ipv6=0 "net.ipv6.conf.$2.disable_ipv6=0"
  N "$1" ip -6 addr add "$3/64" dev "$2" nodad
  N "$1" ip -6 route add default via "$4"
}
number=0
for host in $SERVERS; do
  number=$((number + 1))
  ns "$host"
  cable "$host" eth0 lan "to-$host" 1500
  N lan ip link set "to-$host" master sw
  N "$host" ip addr add "10.1.0.$number/24" dev eth0
  with6 "$host" eth0 "fd01::$number" fd01::fe
  # s3 has no way back to clients but full NAT's.
  [[ $host == s3 ]] || N "$host" ip route add default via 10.1.0.254
done
N client ip route add default via 198.51.100.254
with6 client client0 "$CLIENT6" 2001:db8:51::fe
for host in s1 s2; do
  N "$host" ip addr add "$DIRECT/32" dev lo
  N "$host" sysctl -qw net.ipv4.conf.all.arp_ignore=1 net.ipv4.conf.all.arp_announce=2
done
for host in $SERVERS red1 blue1; do
  serve_web "$host"
  echo "$host" >"$LAB_TMP/www-$host/index.html"
  head -c $((32 << 20)) /dev/urandom >"$LAB_TMP/www-$host/file"
done

# answers URL COUNT: who answered, each with how often.
answers() {
  web_answers "$2" "$1" | sort | uniq -c | awk '{printf "%s%s %s", sep, $2, $1; sep = ", "}'
}
# field SERVICE FIELD: summed over its backends.
field() { ctl -j show backends --service "$1" | jq "[.[].$2] | add"; }

say "NAT, full NAT, direct: who answers 12 requests"
expect "NAT" "$(answers "http://$NAT/" 12)" = "s1 6, s2 6"
expect "NAT over IPv6" "$(answers "http://[$NAT6]/" 12)" = "s1 6, s2 6"
expect "full NAT, one server without a default route" "$(answers "http://$FULL_NAT:8080/" 12)" = "s1 6, s3 6"
expect "direct, weights 2 and 1" "$(answers "http://$DIRECT/" 12)" = "s1 8, s2 4"
expect "a tenant each, with the same address" "$(answers "http://$TENANT/" 12)" = "blue1 6, red1 6"
ctl show services
expect "connections of nat" "$(field nat connections)" = 12
expect "packets back by adit, direct" "$(field direct tx_packets)" = 0

say "who is told what"
refused=0
N client curl -sS -m 60 "http://$NAT:81/" 2>/dev/null || refused=$?
expect "a port without a service: curl says 7, could not connect, not 28, timeout" "$refused" = 7
expect_ping client "$NAT" 5
expect_ping client "$NAT6" 5

say "files arrive unchanged, each from one server"
for url in "$NAT" "$FULL_NAT:8080" "$DIRECT" "$TENANT" "[$NAT6]"; do
  got=$(N client curl -sS -m 60 "http://$url/file" | sha256sum)
  expect "servers whose file came from $url" \
    "$(for host in $SERVERS red1 blue1; do sha256sum <"$LAB_TMP/www-$host/file"; done | grep -c "$got")" = 1
done

say "a transfer through full NAT, as show connections has it"
# It lasts until it is ended below, however long that takes.
N client curl -sS --limit-rate 100k --local-port 45001 -o /dev/null "http://$FULL_NAT:8080/file" &
slow=$!
# shown [FILTER...]: "VIRTUAL BACKEND LOCAL" of that transfer; nothing where it is left out.
shown() {
  ctl -j show connections --state established --limit 1000 "$@" | jq -r '.[] | select(.client_port == 45001) |
    "\(.virtual):\(.virtual_port) \(.backend):\(.backend_port) \(.local):\(.local_port)"'
}
is_shown() { [[ -n $(shown) ]]; }
wait_for 5 is_shown || fail "a running transfer is not shown"
ctl show connections --client "$CLIENT" --state established
row=$(shown)
read -r virtual backend local <<<"$row"
expect "the virtual address" "$virtual" = "$FULL_NAT:8080"
[[ $backend =~ ^10\.1\.0\.([13]):80$ ]] || fail "the backend is $backend"
server=s${BASH_REMATCH[1]}
expect "connections that $server has with $local" \
  "$(N "$server" ss -Htn state established sport = :80 | awk -v peer="$local" '$4 == peer' | wc -l)" = 1
for filter in "--service fullnat" "--service $FULL_NAT" "--backend ${backend%:*}" "--client 198.51.100.0/24" "--vrf shop"; do
  # shellcheck disable=SC2086
  expect "shown with $filter" "$(shown $filter)" = "$row"
done
for filter in "--service nat" "--service $NAT" "--backend 10.1.0.2" "--client 198.51.100.2" "--vrf red"; do
  # shellcheck disable=SC2086
  expect "shown with $filter" "$(shown $filter)" = ""
done
expect "established ones of fullnat, counted" \
  "$(ctl -j show connections --count --service fullnat --state established | jq '[.[].connections] | add')" = 1
typo=0
ctl show connections --service fulnat 2>"$LAB_TMP/typo" || typo=$?
expect "what a wrong name gives" "$typo $(grep -c "did you mean 'fullnat'" "$LAB_TMP/typo")" = "1 1"
kill -0 "$slow" || fail "the transfer broke"
kill "$slow"
wait "$slow" || true

say "drain: weight 0 by reload ends no connection and gives no new one"
N client curl -sS -m 60 --limit-rate 8M -o "$LAB_TMP/slow1" "http://$NAT/file" &
slow1=$!
N client curl -sS -m 60 --limit-rate 8M -o "$LAB_TMP/slow2" "http://$NAT/file" &
slow2=$!
two_active() { (($(field nat active) >= 2)); }
wait_for 5 two_active || fail "two transfers do not run"
config 0 >"$CONFIG"
ctl reload
expect "NAT with s1 drained" "$(answers "http://$NAT/" 6)" = "s2 6"
wait "$slow1" || fail "a transfer broke"
wait "$slow2" || fail "a transfer broke"
expect "bytes of both transfers" "$(($(stat -c %s "$LAB_TMP/slow1") + $(stat -c %s "$LAB_TMP/slow2")))" = $((64 << 20))

say "a backend that is taken out and put back; the others go on"
sed '/{address: 10.1.0.1, weight: 0}/d' "$CONFIG" >"$CONFIG.new" && mv "$CONFIG.new" "$CONFIG"
ctl reload
expect "NAT without s1" "$(answers "http://$NAT/" 4)" = "s2 4"
config 1 >"$CONFIG"
ctl reload
expect "NAT with s1 again" "$(answers "http://$NAT/" 12)" = "s1 6, s2 6"
ctl show backends

say "what adit dropped"
ctl show drops
expect "packets dropped of known connections or for full tables" \
  "$(($(drops connections_full) + $(drops connection_collides) + $(drops local_ports_full) + $(drops handover_full)))" = 0
expect "packets of unknown connections" "$(drops connection_unknown)" '<=' 5

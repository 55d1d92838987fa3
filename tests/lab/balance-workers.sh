#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
# Two workers on multi-queue TAPs: the kernel spreads flows over the queues as it likes, so that
# requests and replies arrive at either worker. Each connection stays with its backend, by NAT and
# by full NAT, and packets are handed to the worker that has it. All connections of a client stay
# with one backend where the service is persistent, whichever worker has them.
# shellcheck source=tests/lab/lib.sh
source "$(dirname "$0")/lib.sh"

readonly NAT=198.51.100.80 FULL_NAT=198.51.100.81 ROUNDS=3 AT_ONCE=20
readonly STICKY=198.51.100.82 STICKY_TOO=198.51.100.83 CLIENTS="198.51.100.1 198.51.100.2" EACH=100
{
  system_config
  cat <<YAML
  workers: 2
ports:
  client0: {device: "tap:client0", addresses: [198.51.100.254/24]}
  server0: {device: "tap:server0", addresses: [10.1.0.254/24]}
vrfs:
  shop: {ports: [client0, server0]}
services:
  nat:
    vrf: shop
    address: $NAT
    port: 80
    scheduler: rr
    backends: [{address: 10.1.0.1}, {address: 10.1.0.2}]
  fullnat:
    vrf: shop
    address: $FULL_NAT
    port: 80
    scheduler: rr
    forwarding: fullnat
    local_addresses: [10.1.0.200]
    backends: [{address: 10.1.0.1}, {address: 10.1.0.2}]
  sticky:
    vrf: shop
    mark: 1
    scheduler: rr
    persistence: {timeout_s: 600}
    backends: [{address: 10.1.0.1}, {address: 10.1.0.2}]
classifier:
  - {mark: 1, vrf: shop, destinations: [$STICKY, $STICKY_TOO], protocol: tcp, port: 80}
YAML
} >"$CONFIG"
ns gw lan
start_gateway "$CONFIG"
plug_host client0 client 02:00:00:00:51:01 198.51.100.1
# With complete checksums, as from a NIC: what a sender left to do goes through the pipeline.
N client ethtool -K client0 tx off tso off >/dev/null
bridge lan sw
N gw ip link set server0 netns "$LAB-lan"
N lan ip link set server0 address 02:00:00:00:ff:02
N lan ip link set server0 master sw up
for number in 1 2; do
  ns "s$number"
  cable "s$number" eth0 lan "to-s$number" 1500
  N lan ip link set "to-s$number" master sw
  N "s$number" ip addr add "10.1.0.$number/24" dev eth0
  N "s$number" ip route add default via 10.1.0.254
  serve_web "s$number"
  head -c 1M /dev/urandom >"$LAB_TMP/www-s$number/file"
  echo "s$number" >"$LAB_TMP/www-s$number/who"
done
expect "workers" "$(ctl -j show workers | jq length)" = 2

# whole FILE: how many of the files that were fetched are one server's file, all of it.
whole() {
  local sums
  sums=$(sha256sum "$LAB_TMP"/www-s?/file | cut -d ' ' -f 1)
  sha256sum "$LAB_TMP"/got-* | grep -cF "$sums" || true
}

# On a busy machine a server's answer to ARP may take longer than packets for it wait.
both_known() {
  N s1 ping -q -c 1 -W 1 10.1.0.254 >/dev/null && N s2 ping -q -c 1 -W 1 10.1.0.254 >/dev/null &&
    [[ $(ctl -j show neighbours |
      jq '[.[] | select(.state == "reachable" and (.address | startswith("10.1.0.")))] | length') == 2 ]]
}
wait_for 20 both_known || fail "the servers are not known: $(ctl show neighbours)"

for address in "$NAT" "$FULL_NAT"; do
  say "$address: $ROUNDS times $AT_ONCE transfers at once"
  for ((round = 0; round < ROUNDS; round++)); do
    rm -f "$LAB_TMP"/got-*
    pids=()
    for ((i = 0; i < AT_ONCE; i++)); do
      N client curl -sS -m 60 -o "$LAB_TMP/got-$i" "http://$address/file" &
      pids+=($!)
    done
    for pid in "${pids[@]}"; do wait "$pid" || fail "a transfer failed"; done
    expect "files of one server each" "$(whole)" = "$AT_ONCE"
  done
done

say "$STICKY and $STICKY_TOO: $EACH connections of each client"
N client ip addr add 198.51.100.2/24 dev client0
for client in $CLIENTS; do
  for ((i = 0; i < EACH; i += 2)); do printf 'url = "http://%s/who"\n' "$STICKY" "$STICKY_TOO"; done |
    N client curl -sS -m 60 -H 'Connection: close' --interface "$client" -K - >"$LAB_TMP/who-$client" || fail "a transfer failed"
  expect "answers that $client got" "$(wc -l <"$LAB_TMP/who-$client")" = "$EACH"
  expect "servers that $client got" "$(sort -u "$LAB_TMP/who-$client" | wc -l)" = 1
done
expect "clients that are remembered" \
  "$(ctl -j show services | jq '.[] | select(.name == "sticky").templates')" = 2
expect "connections of sticky" \
  "$(ctl -j show backends --service sticky | jq '[.[].connections] | add')" = $((2 * EACH))

say "show connections asks both workers"
ctl show connections --service sticky --limit 5
# A client may use a port for one virtual address, and soon for the other: then the first connection,
# which has ended, makes room. So there are not quite as many as there were.
connections=$(ctl -j show backends --service sticky | jq '[.[] | .active + .inactive] | add')
expect "connections of sticky that are left" "$connections" '>' "$EACH"
ctl -j show connections --service sticky --limit 1000 >"$LAB_TMP/shown"
expect "those that are shown" "$(jq length "$LAB_TMP/shown")" = "$connections"
expect "workers that they are of" "$(jq -c '[.[].worker] | unique' "$LAB_TMP/shown")" = "[0,1]"
expect "their clients" "$(jq -r '[.[].client] | unique | join(" ")' "$LAB_TMP/shown")" = "$CLIENTS"
sum=0
for address in "$STICKY" "$STICKY_TOO"; do
  sum=$((sum + $(ctl -j show connections --service "$address" --limit 1000 | jq length)))
done
expect "those to either address" "$sum" = "$connections"
expect "those of both clients, counted" \
  "$(ctl -j show connections --count --client 198.51.100.0/30 --service sticky | jq '[.[].connections] | add')" = "$connections"

ctl show workers
ctl show services
ctl show drops
for worker in 0 1; do
  expect "packets that worker $worker received" \
    "$(ctl -j show workers | jq ".[$worker].received")" '>' 100
done
expect "packets that took the express lane" "$(ctl -j show workers | jq '[.[].express] | add')" '>' 100
expect "packets handed over" "$(ctl -j show workers | jq '[.[].handed_over] | add')" '>' 100
for service in nat fullnat; do
  expect "connections of $service" \
    "$(ctl -j show backends --service "$service" | jq '[.[].connections] | add')" = $((ROUNDS * AT_ONCE))
  expect "backends of $service with a third of them at least" \
    "$(ctl -j show backends --service "$service" |
      jq --argjson least $((ROUNDS * AT_ONCE / 3)) '[.[] | select(.connections >= $least)] | length')" = 2
done
expect "packets of unknown connections" "$(drops connection_unknown)" '<=' 5
expect "packets that found a ring or table full" \
  "$(($(drops handover_full) + $(drops connections_full) + $(drops local_ports_full) + $(drops connection_collides)))" = 0

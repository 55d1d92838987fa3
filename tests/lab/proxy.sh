#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
# Full NAT between IPv4 and IPv6, and backends that are told of their clients: nginx reads the PROXY
# protocol's header, over links that lose and reorder packets too; Debian's kernel passes over the
# TCP option.
# shellcheck source=tests/lab/lib.sh
source "$(dirname "$0")/lib.sh"

readonly CLIENT4=198.51.100.1 CLIENT6=2001:db8:51::1
readonly DOWN_MIB=8 UP_MIB=4
# A service each, by the last number of its address: 1 proxy, 2 toa, 3 the other IP version, 4 that
# with proxy, 5 that with toa, 6 NAT with proxy, 7 and 9 as 1 and 4, by a cable that loses frames.
declare -A VIP=([4]=198.51.100.8 [6]=2001:db8:51::8)
declare -A NET=([4]=10.1.0. [6]=fd01::) FAR=([4]=10.2.0. [6]=fd02::)

service() { # NAME VERSION NUMBER BACKEND'S VERSION PORT FORWARDING [KEY [NET]]
  local net=${8:-${NET[$4]}}
  cat <<YAML
  $1$2:
    vrf: shop
    address: "${VIP[$2]}$3"
    port: 80
    scheduler: rr
    forwarding: $6
$([[ $6 == nat ]] || echo "    local_addresses: [\"${net}200\"]")
    ${7:-}
    backends: [{address: "${net}1", port: $5}]
YAML
}
{
  system_config
  cat <<YAML
ports:
  client0: {device: "tap:client0", addresses: [198.51.100.254/24, "2001:db8:51::fe/64"]}
  server0: {device: "tap:server0", addresses: [10.1.0.254/24, "fd01::fe/64"]}
  # What is behind it takes finished frames alone.
  server1: {device: "tap:server1", offload: "off", addresses: [10.2.0.254/24, "fd02::fe/64"]}
vrfs:
  shop: {ports: [client0, server0, server1]}
services:
YAML
  for version in 4 6; do
    other=$((10 - version))
    service proxy "$version" 1 "$version" 81 fullnat "client_address: proxy"
    service toa "$version" 2 "$version" 80 fullnat "client_address: toa"
    service other "$version" 3 "$other" 80 fullnat
    service other-proxy "$version" 4 "$other" 81 fullnat "client_address: proxy"
    service other-toa "$version" 5 "$other" 80 fullnat "client_address: toa"
    service nat "$version" 6 "$version" 81 nat "client_address: proxy"
    service far "$version" 7 "$version" 81 fullnat "client_address: proxy" "${FAR[$version]}"
    service other-far "$version" 9 "$other" 81 fullnat "client_address: proxy" "${FAR[$other]}"
  done
} >"$CONFIG"

ns gw
start_gateway "$CONFIG"
plug_host client0 client 02:00:00:00:51:01 "$CLIENT4"
plug_host server0 s1 02:00:00:00:ff:02 "${NET[4]}1"
ns cable
ns s2
N gw ip link set server1 netns "$LAB-cable"
N cable ip link set server1 up
bg cable lossy-cable "$LAB_TESTS/lossy-cable" server1 eth0 0.01 0.05
wait_for 5 grep -q ready "$LAB_TMP/lossy-cable.log" || fail "the cable is not there"
N cable ip link set eth0 netns "$LAB-s2"
N s2 ip link set eth0 up
N s2 ip addr add "${FAR[4]}1/24" dev eth0
# with6 HOST INTERFACE ADDRESS
with6() {
  N "$1" sysctl -qw net.ipv6.conf.all.disable_ipv6=0 "net.ipv6.conf.$2.disable_ipv6=0"
  N "$1" ip -6 addr add "$3/64" dev "$2" nodad
}
with6 client client0 "$CLIENT6"
with6 s1 server0 "${NET[6]}1"
with6 s2 eth0 "${FAR[6]}1"
# NAT alone needs a way back.
N s1 ip route add default via 10.1.0.254
N s1 ip -6 route add default via fd01::fe

# nginx on port 80, and on 81 with the PROXY protocol: files of /, uploads to /up, /who says who
# asks: by the header, and by the packets.
sum() { sha256sum "$1" | cut -d ' ' -f 1; }
head -c $((DOWN_MIB << 20)) /dev/urandom >"$LAB_TMP/file"
head -c $((UP_MIB << 20)) /dev/urandom >"$LAB_TMP/upload"
down_sum=$(sum "$LAB_TMP/file") up_sum=$(sum "$LAB_TMP/upload")
listen() { # LISTEN PROXY_PROTOCOL'S_ADDRESS DIRECTORY
  cat <<CONF
  server {
    $1
    root $LAB_TMP;
    client_max_body_size 0;
    location /who { return 200 "$2 \$remote_addr\n"; }
    location /up/ { dav_methods PUT; root $3; }
  }
CONF
}
serve() { # HOST
  local dir=$LAB_TMP/nginx-$1
  mkdir -p "$dir/up"
  lab_nginx "$1" 81 "$(listen 'listen 80; listen [::]:80;' nobody "$dir"
    listen 'listen 81 proxy_protocol; listen [::]:81 proxy_protocol;' "\$proxy_protocol_addr:\$proxy_protocol_port" "$dir")"
}
serve s1
serve s2

# url VERSION NUMBER
url() { [[ $1 == 4 ]] && echo "http://${VIP[4]}$2" || echo "http://[${VIP[6]}$2]"; }
# transfers WHAT VERSION NUMBER HOST SECONDS
transfers() {
  local at up=$LAB_TMP/nginx-$4/up/file
  at=$(url "$2" "$3")
  N client curl -sS -m "$5" -o "$LAB_TMP/got" "$at/file" || fail "$1: download failed"
  expect "$1: SHA-256 of $DOWN_MIB MiB down" "$(sum "$LAB_TMP/got")" = "$down_sum"
  N client curl -sS -m "$5" -T "$LAB_TMP/upload" "$at/up/file" || fail "$1: upload failed"
  expect "$1: SHA-256 of $UP_MIB MiB up" "$(sum "$up")" = "$up_sum"
  rm -f "$up" "$LAB_TMP/got"
}
# counts SERVICE FIELD
counts() { ctl -j show services | jq --arg s "$1" ".[] | select(.name == \$s) | .$2"; }

declare -A CLIENT=([4]=$CLIENT4 [6]=$CLIENT6)
for version in 4 6; do
  other=$((10 - version))
  for each in "proxy 1 ${NET[$version]}200" "other-proxy 4 ${NET[$other]}200" "nat 6 ${CLIENT[$version]}"; do
    read -r name number seen <<<"$each"
    say "$name, IPv$version: the header names the client"
    who=$(N client curl -sS -m 60 --local-port 41000-41999 "$(url "$version" "$number")/who")
    expect_match "who asks" "$who" "^${CLIENT[$version]}:41[0-9]+ $seen\$"
    transfers "$name, IPv$version" "$version" "$number" s1 100
    expect "headers of 3 connections of $name$version, each at least once" \
      "$(counts "$name$version" announced)" '>=' 3
  done
  for each in "toa 2 ${NET[$version]}200" "other-toa 5 ${NET[$other]}200" "other 3 ${NET[$other]}200"; do
    read -r name number seen <<<"$each"
    say "$name, IPv$version"
    who=$(N client curl -sS -m 60 "$(url "$version" "$number")/who")
    expect "who asks, by $name$version" "$who" = "nobody $seen"
    transfers "$name, IPv$version" "$version" "$number" s1 100
    [[ $name == other ]] ||
      expect "options of $name$version" "$(counts "$name$version" announced)" '>=' 3
  done
done

for version in 4 6; do
  other=$((10 - version))
  say "IPv$version, 1% lost and 5% out of order, each way"
  transfers "proxy, IPv$version" "$version" 7 s2 100
  transfers "proxy, IPv$version to IPv$other" "$version" 9 s2 100
  # The first packets of these get lost too.
  web_answers 100 "$(url "$version" 7)/who" >"$LAB_TMP/who"
  expect "of 100 connections, those whose client was named" \
    "$(grep -c "^${CLIENT[$version]}:[0-9]* ${FAR[$version]}200\$" "$LAB_TMP/who")" = 100
done

ctl show backends
ctl show drops
expect "packets dropped for what proxying may refuse" \
  "$(($(drops tcp_options) + $(drops tcp_syn_data) + $(drops no_buffer) + $(drops mtu_exceeded)))" = 0

#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
# Ports on existing interfaces by AF_PACKET.
# shellcheck source=tests/lab/lib.sh
source "$(dirname "$0")/lib.sh"
# shellcheck source=tests/lab/veth-world.sh
source "$(dirname "$0")/veth-world.sh"

veth_config af_packet >"$CONFIG"
veth_world
start_gateway "$CONFIG"
wait_neighbours 192.0.2.2 192.0.2.3
veth_traffic

say "two workers, and one receive queue as far as the configuration says: all flows come in"
sed -i 's/^system:/&\n  workers: 2/; s/\(device: af_packet:up0\)/\1\n    rx_queues: 1/' "$CONFIG"
start_gateway "$CONFIG"
wait_neighbours 192.0.2.2 192.0.2.3
expect "receive queues of the uplink" "$(ctl -j show ports | jq '.[] | select(.name == "uplink") | .rx_queues')" = 2
echo ok >"$LAB_TMP/www-red2/small"
connections=0
for ((i = 0; i < 12; i++)); do
  [[ $(N red curl -sS -m 20 "http://$RED2/small") == ok ]] && connections=$((connections + 1))
done
expect "connections that were answered" "$connections" = 12
stop_gateway || fail "aditd ended with $?"

say "the kernel receives by the interface too, and forwards; nftables keep packets from it"
sed -i '/^  workers: 2/d; / mac:/d' "$CONFIG"
N gw sysctl -qw net.ipv4.conf.up0.forwarding=1
start_gateway "$CONFIG"
expect "warnings of that" "$(grep -c "the kernel gets the packets of up0 as well, and forwards them too" "$LAB_TMP/aditd.log")" = 1
wait_neighbours 192.0.2.2 192.0.2.3
kernel_got() { N gw nstat -asz IpInReceives | awk '/^IpInReceives/ { print $2 }'; }
before=$(kernel_got)
expect_ping red "$RED1" 10
expect "IP packets that the kernel got" $(($(kernel_got) - before)) '>=' 10
N gw nft add table netdev adit
N gw nft add chain netdev adit uplink '{ type filter hook ingress device up0 priority 0; policy drop; }'
before=$(kernel_got)
expect_ping red "$RED1" 20 "${FULL[@]}"
expect_ping red2 "$RED" 20
expect "IP packets that the kernel got, with nftables" $(($(kernel_got) - before)) = 0
stop_gateway || fail "aditd ended with $?"

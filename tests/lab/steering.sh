#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
# One NIC for the kernel and for adit: by the XDP program of an af_xdp port, the kernel's web server
# and its BGP session with a router go on beside VXLAN traffic and a service through adit, also
# while adit starts, when it is killed, and after it has ended.
# shellcheck source=tests/lab/lib.sh
source "$(dirname "$0")/lib.sh"
# shellcheck source=tests/lab/veth-world.sh
source "$LAB_TESTS/veth-world.sh"
# shellcheck source=tests/lab/frr-lib.sh
source "$LAB_TESTS/frr-lib.sh"

python3 -c 'import socket; socket.socket(44, socket.SOCK_RAW)' 2>/dev/null ||
  skip "this kernel has no AF_XDP sockets"

# The kernel's address on the NIC, where a service of adit's has a port; and its peer's.
HOST_IP=192.0.2.10 ROUTER=192.0.2.20 ROUTER_MAC=02:00:00:00:20:20

config() { # SERVICE-PORT
  veth_config af_xdp | sed '/ mac:/d' # the kernel's and adit's, for the service's address
  cat <<YAML
services:
  web:
    address: $HOST_IP
    port: $1
    forwarding: fullnat
    local_addresses: [192.0.2.11]
    backends: [{address: $ROUTER, port: 80}]
YAML
}

config 8080 >"$CONFIG"
veth_world
N gw ip addr add "$HOST_IP/24" dev up0
ns router
cable router eth0 under router "$UNDERLAY_MTU"
N under ip link set router master sw
N router ip link set eth0 address "$ROUTER_MAC"
N router ip addr add "$ROUTER/24" dev eth0
N router ip addr add 198.51.100.1/32 dev lo
for end in "router eth0" "under router"; do
  # shellcheck disable=SC2086  # namespace and interface
  set -- $end
  N "$1" ethtool -K "$2" tx off tso off gso off >/dev/null
done

serve_web gw
serve_web router
echo "of the host" >"$LAB_TMP/www-gw/file"
echo "of the backend" >"$LAB_TMP/www-router/file"
has_bgp=no
bgp_state() { N gw vtysh --vty_socket "$LAB_TMP/frr-gw" -c "show bgp neighbors $ROUTER json" 2>/dev/null | jq -r ".\"$ROUTER\"$1"; }
is_established() { [[ $(bgp_state .bgpState) == Established ]]; }
if [[ -x $FRR/bgpd && -x $FRR/zebra ]]; then
  has_bgp=yes
  frr gw "router bgp 65000" "bgp router-id $HOST_IP" "no bgp ebgp-requires-policy" "timers bgp 1 3" \
    "neighbor $ROUTER remote-as 65001" "neighbor $ROUTER timers connect 1"
  frr router "router bgp 65001" "bgp router-id $ROUTER" "no bgp ebgp-requires-policy" "no bgp network import-check" \
    "timers bgp 1 3" "neighbor $HOST_IP remote-as 65000" "neighbor $HOST_IP timers connect 1" \
    "address-family ipv4 unicast" "network 198.51.100.0/24"
  wait_for 20 is_established || fail "BGP before adit: $(bgp_state .bgpState), should be Established"
else
  note "FRR is not installed: no BGP"
fi

# The host's programs, by the same NIC.
expect_host() { # WHEN
  expect "$1: the host's web server says" "$(N router curl -sS -m 10 "http://$HOST_IP/file")" = "of the host"
  [[ $has_bgp == no ]] || expect "$1: the BGP session was set up so many times" "$(bgp_state .connectionsEstablished)" = 1
}
steered() { ctl -j show steering | jq ".[] | select(.port == \"$1\") | .$2"; }
xdp_of() { N gw ip -j -d link show dev "$1" | jq -r '.[0].xdp.prog.name // "none"'; }

say "beside adit"
expect_host "before adit"
start_gateway "$CONFIG"
wait_neighbours 192.0.2.2 192.0.2.3
ctl show steering --wide
expect_ping red "$RED1" 20
expect_ping red2 "$RED" 20
expect_ping red "$RED2" 10 "${FULL[@]}"
expect_host "beside adit"
expect_ping router "$HOST_IP" 20

say "a service of adit's at an address of the host, which keeps its other ports"
expect "the service says" "$(N router curl -sS -m 10 "http://$HOST_IP:8080/file")" = "of the backend"
expect_host "beside the service"
expect "packets for the service" "$(steered uplink service)" '>=' 5
expect "packets for adit's addresses" "$(steered uplink address)" '>=' 50
expect "ARP for adit" "$(steered uplink neighbour)" '>=' 2
expect "packets left to the kernel" "$(steered uplink kernel)" '>=' 20
expect "packets of the network's member" "$(steered red0 network)" '>=' 20
expect "packets of adit's without a socket" "$(steered uplink no_socket)" = 0
expect_drops_only "what adit had to drop" ip_not_local icmp_ignored nd_not_for_us tunnel_undelivered

say "a reload moves the service"
config 8081 >"$CONFIG"
ctl reload >/dev/null || fail "aditctl reload ended with $?"
moved() { [[ $(N router curl -sS -m 2 "http://$HOST_IP:8081/file" 2>/dev/null) == "of the backend" ]]; }
wait_for 10 moved || fail "the service does not answer at its new port"
N router curl -sS -m 5 "http://$HOST_IP:8080/file" >"$LAB_TMP/old" 2>&1 && fail "the former port still answers: $(cat "$LAB_TMP/old")"
expect_match "at the former port, the kernel says" "$(cat "$LAB_TMP/old")" "refused|Couldn't connect|Failed to connect"

say "the router gets another card, and announces that: to the kernel and to adit"
N router sysctl -qw net.ipv4.conf.eth0.arp_notify=1
before=$(steered uplink announced)
ROUTER_MAC=02:00:00:00:20:21
N router ip link set eth0 address "$ROUTER_MAC"
was_announced() { (($(steered uplink announced) > before)); }
wait_for 10 was_announced || fail "adit heard no announcement"
has_router_mac() { [[ $(ctl -j show neighbours | jq -r --arg a "$ROUTER" '.[] | select(.address == $a) | .mac') == "$ROUTER_MAC" ]]; }
wait_for 10 has_router_mac || fail "adit has not the router's new MAC"
note "adit and the kernel have the router at $ROUTER_MAC"
expect_host "after that"

say "killed, adit leaves the kernel its traffic"
kill -KILL "$GATEWAY_PID"
wait "$GATEWAY_PID" 2>/dev/null || true
expect "XDP program on the NIC" "$(xdp_of up0)" = adit_steering
expect_host "after kill -9"
expect_ping router "$HOST_IP" 20

say "adit again: what was left is found"
start_gateway "$CONFIG"
wait_neighbours 192.0.2.2 192.0.2.3
expect "programs that were removed" "$(grep -c "event=leftover_removed xdp_program=" "$LAB_TMP/aditd.log")" = 2
expect_ping red "$RED1" 20
expect "the service says" "$(N router curl -sS -m 10 "http://$HOST_IP:8081/file")" = "of the backend"
expect_host "after the restart"

say "a second aditd on the same NIC is refused"
sed "s|$LAB_TMP/adit.sock|$LAB_TMP/second.sock|" "$CONFIG" >"$LAB_TMP/second.yaml"
N gw "$ADITD" --config "$LAB_TMP/second.yaml" >"$LAB_TMP/second.log" 2>&1 && fail "the second aditd ended with 0"
expect_match "it says" "$(cat "$LAB_TMP/second.log")" "up0 is in use by another aditd"
expect_ping red "$RED1" 20

say "ended, adit takes its programs away"
stop_gateway || fail "aditd ended with $?"
expect "XDP program on the NIC" "$(xdp_of up0)" = none
expect_host "without adit"

say "queues: what nobody would read is refused, and two workers on one that DPDK can use"
for end in "gw up0" "under adit" "gw red0" "red eth0"; do
  # shellcheck disable=SC2086  # namespace and interface
  set -- $end
  N "$1" ethtool -L "$2" rx 2 tx 2
done
config 8081 | sed 's/^system:/&\n  workers: 2/' >"$LAB_TMP/two.yaml"
N gw "$ADITD" --config "$LAB_TMP/two.yaml" >"$LAB_TMP/two.log" 2>&1 && fail "aditd ended with 0"
expect_match "adit says" "$(cat "$LAB_TMP/two.log")" "the interface up0 has 1 queues, 2 are needed"

N gw "$ADITD" --config "$CONFIG" >"$LAB_TMP/one.log" 2>&1 && fail "aditd ended with 0"
expect_match "adit says" "$(cat "$LAB_TMP/one.log")" "receives on 2 queues, of which adit would have 1"
for end in "gw up0" "under adit" "gw red0" "red eth0"; do
  # shellcheck disable=SC2086  # namespace and interface
  set -- $end
  N "$1" ethtool -L "$2" rx 1 tx 1
done

say "someone else's program stays, and is named"
cat >"$LAB_TMP/pass.c" <<'C'
__attribute__((section("xdp"), used)) int others(void* context) { return 2; }
C
clang -target bpf -O2 -c "$LAB_TMP/pass.c" -o "$LAB_TMP/pass.o"
N gw ip link set dev up0 xdp obj "$LAB_TMP/pass.o" sec xdp
N gw "$ADITD" --config "$CONFIG" >"$LAB_TMP/third.log" 2>&1 && fail "aditd ended with 0"
expect_match "adit says" "$(cat "$LAB_TMP/third.log")" "XDP program 'others'.*someone else"
N gw ip link set dev up0 xdp off

#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
# Ports come, go and change by reload, TAP, AF_PACKET, AF_XDP and a device of DPDK's: what stays loses
# nothing, a TAP that changes stays in its namespace, and what cannot be opened changes nothing.
# shellcheck source=tests/lab/lib.sh
source "$(dirname "$0")/lib.sh"

has_xdp=no
if python3 -c 'import socket; socket.socket(44, socket.SOCK_RAW)' 2>/dev/null; then has_xdp=yes; fi

PORTS=() MEMBERS=() # beside usual_config: lines of `ports`, and members of network blue
# An af_xdp port from the start, as its privileges are given up where none needs them.
config() {
  usual_config | sed '/^networks:/,$d'
  [[ $has_xdp == no ]] || echo '  x0: {device: "af_xdp:x0", addresses: [10.6.0.254/24]}'
  ((${#PORTS[@]} == 0)) || printf '  %s\n' "${PORTS[@]}"
  usual_config | sed -n '/^networks:/,$p'
  echo "  blue: {vni: 200, remotes: [{address: 192.0.2.2}], members: [$(IFS=,; echo "${MEMBERS[*]}")]}"
  [[ $has_xdp == no ]] || echo 'vrfs: {x: {ports: [x0]}}'
}
reload() { # WHAT
  say "$1"
  config >"$CONFIG"
  ctl reload || fail "aditctl reload ended with $?"
}
expect_refused() { # WHAT REGEX
  local out
  say "$1"
  config >"$CONFIG"
  out=$(ctl reload 2>&1) && fail "the reload was accepted: $out"
  expect_match "the refusal" "$out" "$2"
}
ports() { ctl -j show ports | jq -r '[.[].name] | sort | join(" ")'; }
port_field() { ctl -j show ports | jq -r --arg p "$1" ".[] | select(.name == \$p) | .$2"; }
logged() { grep -c "event=$1 port=$2 " "$LAB_TMP/aditd.log" || true; }
answers() { N "$1" ping -q -c 1 -W 1 "$2"; }
expect_answers() { # HOST ADDRESS
  wait_for 15 answers "$1" "$2" || fail "$1 gets no answer of $2"
  note "$2 answers $1"
}
if_index() { N "$1" cat "/sys/class/net/$2/ifindex"; }

config >"$CONFIG"
usual_world
vtep_host v1 blue1 200 02:00:00:00:20:11 10.2.0.11
ns blue pa px
cable gw a0 pa eth0 1500
N pa ip addr add 10.2.0.3/24 dev eth0
N pa ethtool -K eth0 tx off >/dev/null
if [[ $has_xdp == yes ]]; then
  for port in x0 x1; do
    cable gw "$port" px "$port" 1500
    N px ethtool -K "$port" tx off >/dev/null
  done
  N px ip addr add 10.6.0.1/24 dev x0
fi
usual_start
expect_ping red "$RED1" 5
[[ $has_xdp == no ]] || expect_answers px 10.6.0.254
base=$(ports)
numbered_begin red red1 "$RED1" 500 1000

PORTS=('blue0: {device: "tap:blue0"}') MEMBERS=('{port: blue0}')
reload "a TAP comes"
plug_host blue0 blue 02:00:00:00:20:01 10.2.0.1
expect_answers blue 10.2.0.11
expect "lines port_open of blue0" "$(logged port_open blue0)" = 1
expect "ports" "$(ports)" = "$(tr ' ' '\n' <<<"$base blue0" | sort | paste -sd ' ')"

PORTS+=('a0: {device: "af_packet:a0"}') MEMBERS+=('{port: a0}')
reload "an interface of the host comes, by AF_PACKET"
expect_answers pa 10.2.0.11
expect_answers blue 10.2.0.3

index=$(if_index blue blue0)
PORTS[0]='blue0: {device: "tap:blue0", mtu_bytes: 1400, offload: "off"}'
PORTS[1]='a0: {device: "af_packet:a0", mtu_bytes: 1400}'
config >"$CONFIG"
expect_match "what check says of it" "$(ctl check "$CONFIG" 2>&1)" '[0-9]+ changes, by a reload'
reload "MTU and offload of the TAP change, and the MTU of the interface"
expect "index of the TAP, which is in a namespace" "$(if_index blue blue0)" = "$index"
expect "MTU of adit's end of the TAP" "$(port_field blue0 mtu_bytes)" = 1400
expect "MTU of the interface" "$(N gw cat /sys/class/net/a0/mtu)" = 1400
expect "what the TAP's end of the kernel leaves undone" \
  "$(N blue ethtool -k blue0 | sed -n 's/^tcp-segmentation-offload: \([a-z]*\).*/\1/p')" = off
expect_answers blue 10.2.0.11
expect_answers blue 10.2.0.3
serve_file 300000 blue1
expect_download blue 10.2.0.11 blue1

if [[ $has_xdp == yes ]]; then
  PORTS+=('x1: {device: "af_xdp:x1"}') MEMBERS+=('{port: x1}')
  N px ip addr add 10.2.0.4/24 dev x1
  reload "another NIC that is shared with the kernel comes, by AF_XDP"
  expect_answers px 10.2.0.11
  expect "state of its program" "$(ctl -j show steering | jq -r '.[] | select(.port == "x1") | .state')" = ok
  expect_answers px 10.6.0.254

  PORTS[2]='x1: {device: "af_xdp:x1", steer: all, rx_ring: 512}'
  reload "it is shared no more"
  expect_answers px 10.2.0.11
  expect "ports with a program of ours" "$(ctl -j show steering | jq -r '[.[].port] | join(" ")')" = x0

  unset 'PORTS[2]' 'MEMBERS[2]'
  reload "it goes"
  no_program() { [[ $(N gw ip -j link show x1 | jq '.[0].xdp') == null ]]; }
  wait_for 10 no_program || fail "x1 has an XDP program still"
  note "x1 has no XDP program any more"
  expect_answers px 10.6.0.254
fi

PORTS+=('null0: {device: "vdev:net_null0,no-rx=1"}')
reload "a device of DPDK's comes"
expect "its driver" "$(port_field null0 driver)" = net_null

say "what cannot be opened changes nothing"
last=${#PORTS[@]}
PORTS+=('bad: {device: "af_packet:nosuch"}')
expect_refused "an interface that there is not" "port 'bad': there is no interface 'nosuch'"
PORTS[last]='bad: {device: "tap:bad", mtu_bytes: 9000}'
expect_refused "frames for which the buffers are too small" 'needs packet buffers of [0-9]+ bytes.*needs a restart'
expect_match "what check says of it" "$(ctl check "$CONFIG" 2>&1 || true)" 'needs packet buffers of [0-9]+ bytes'
PORTS[last]='bad: {device: "vdev:net_af_packet1,iface=x"}'
expect_refused "a device that another port has" 'DPDK has a device net_af_packet1 already'
unset 'PORTS[last]'
kept=("${PORTS[@]}")
PORTS[0]='blue0: {device: "af_packet:blue0"}'
expect_refused "a TAP of adit's own, by AF_PACKET" "is a TAP of adit's own"
PORTS[0]='blue0: {device: "tap:blue0", mtu_bytes: 1400, offload: "off", rx_queues: 2}'
expect_refused "more queues of a TAP that is in another namespace" 'is in another network namespace'
expect "TAPs of that name beside adit" "$(N gw ip -o link show blue0 2>/dev/null | wc -l || true)" = 0
PORTS=("${kept[@]}")
PORTS[last]='bad: {device: "vdev:net_nosuch0"}'
PORTS[1]='a0: {device: "af_packet:a0", rx_ring: 256}'
PORTS[0]='blue0: {device: "tap:blue0", mtu_bytes: 1500}'
expect_refused "a driver that there is not, beside ports that change" 'DPDK cannot create net_nosuch0'
expect "MTU of blue0" "$(port_field blue0 mtu_bytes)" = 1400
expect_answers pa 10.2.0.11
expect_answers blue 10.2.0.3
PORTS=("${kept[@]}")

N pa ip link set eth0 down
link_is_down() { [[ $(port_field a0 link) == down ]]; }
wait_for 10 link_is_down || fail "the link of a0 is $(port_field a0 link)"
PORTS[1]='a0: {device: "af_packet:a0", mtu_bytes: 1400, rx_ring: 256}'
reload "a port changes whose link is down: it stays down"
before=$(drops link_down)
N blue ping -q -c 2 -W 1 10.2.0.77 >/dev/null || true
expect "its link" "$(port_field a0 link)" = down
expect "what could not be sent there" "$(drops link_down)" '>' "$before"
N pa ip link set eth0 up
expect_answers pa 10.2.0.11

PORTS[1]='a0: {device: "tap:a1"}'
reload "a port gets another device"
plug_host a1 newcomer 02:00:00:00:20:05 10.2.0.5
expect_answers newcomer 10.2.0.11
expect "promiscuous count of the interface that is free" \
  "$(N gw ip -d -j link show a0 | jq '.[0].promiscuity')" = 0

unset 'PORTS[0]' 'MEMBERS[0]'
reload "the first TAP goes"
expect "blue0 once the reload is answered" "$(N blue ip link show blue0 2>/dev/null | wc -l)" = 0
expect "lines port_closed of blue0" "$(logged port_closed blue0)" = 1

PORTS=('green0: {device: "tap:green0"}' "${PORTS[@]}") MEMBERS=('{port: green0}' "${MEMBERS[@]}")
reload "another one comes, and gets its id"
expect "packets received there" "$(port_field green0 rx_packets)" = 0
plug_host green0 green 02:00:00:00:20:06 10.2.0.6
expect_answers green 10.2.0.11
expect_answers green 10.2.0.5

say "what goes may be taken back at once"
kept=("${PORTS[@]}") kept_members=("${MEMBERS[@]}")
for _ in 1 2 3 4 5; do
  PORTS=("${kept[@]:1}") MEMBERS=("${kept_members[@]:1}")
  reload "green0 goes" >/dev/null
  PORTS=("${kept[@]}") MEMBERS=("${kept_members[@]}")
  reload "and comes back" >/dev/null
done

expect_numbered "datagrams across all reloads" red0
stop_gateway || fail "aditd ended with $?"

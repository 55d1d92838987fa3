#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
# What adit says and does when the interface under a port goes down, loses its carrier, is deleted
# and is made again: for TAP (moved to another namespace), AF_PACKET and AF_XDP ports.
# shellcheck source=tests/lab/lib.sh
source "$(dirname "$0")/lib.sh"

# kind -> interface; AF_XDP only where the kernel has it.
declare -A DEVICE=([t0]=tap [a0]=af_packet)
if python3 -c 'import socket; socket.socket(44, socket.SOCK_RAW)' 2>/dev/null; then DEVICE[x0]=af_xdp; fi
declare -A NET=([t0]=10.4.0 [a0]=10.5.0 [x0]=10.6.0) HOST=([t0]=host [a0]=pa [x0]=px)
PORTS=("${!DEVICE[@]}")

{
  system_config
  echo "ports:"
  for port in "${PORTS[@]}"; do
    echo "  $port: {device: \"${DEVICE[$port]}:$port\", addresses: [${NET[$port]}.254/24]}"
  done
  cat <<YAML
  c0: {device: "tap:c0", addresses: [10.7.0.254/24]}
  m0: {device: "tap:m0"}
  m1: {device: "tap:m1"}
vrfs: {t: {ports: [$(IFS=,; echo "${PORTS[*]}"), c0]}}
networks: {red: {vni: 100, members: [{port: m0}, {port: m1}]}}
services:
  web:
    vrf: t
    address: 10.7.0.80
    port: 80
    backends: [{address: ${NET[a0]}.1}, {address: ${NET[t0]}.1}]
YAML
} >"$CONFIG"

# make_cable PORT: the veth pair of an AF_PACKET or AF_XDP port, and its peer's address.
make_cable() {
  local peer=${HOST[$1]}
  cable gw "$1" "$peer" eth0 1500
  N "$peer" ethtool -K eth0 tx off >/dev/null
  N "$peer" ip addr add "${NET[$1]}.1/24" dev eth0
  N "$peer" ip route replace 10.7.0.0/24 via "${NET[$1]}.254"
}
link_of() { ctl -j show ports | jq -r --arg p "$1" '.[] | select(.name == $p) | .link'; }
link_is() { [[ $(link_of "$1") == "$2" ]]; }
# expect_links STATE: of all kinds, within some seconds; the machine may be busy.
expect_links() {
  local port
  for port in "${PORTS[@]}"; do
    wait_for 10 link_is "$port" "$1" || fail "link of $port (${DEVICE[$port]}) is $(link_of "$port"), not $1"
    note "link of $port (${DEVICE[$port]}) is $1"
  done
}
# expect_gone: adit makes its TAP again after some seconds, perhaps between two looks at it: the log
# has that it was gone.
expect_gone() {
  local port
  was_lost() { (($(logged port_lost "$1") > 0)); }
  for port in "${PORTS[@]}"; do
    if [[ $port == t0 ]]; then
      wait_for 10 was_lost "$port" || fail "no line port_lost of $port, whose link is $(link_of "$port")"
    else
      wait_for 10 link_is "$port" gone || fail "link of $port (${DEVICE[$port]}) is $(link_of "$port"), not gone"
    fi
    note "$port (${DEVICE[$port]}) is lost"
  done
}
logged() { grep -c "event=$1 port=$2 " "$LAB_TMP/aditd.log" || true; }
expect_logged() { # EVENT COUNT
  local port
  for port in "${PORTS[@]}"; do
    expect "lines $1 of $port" "$(logged "$1" "$port")" = "$2"
  done
}
answers() { N "$1" ping -q -c 1 -W 1 "$2"; }
expect_answers() {
  local port
  for port in "${PORTS[@]}"; do
    wait_for 15 answers "${HOST[$port]}" "${NET[$port]}.254" || fail "no answer from adit by $port"
    note "adit answers by $port"
  done
}
backend_state() {
  ctl -j show backends | jq -r --arg a "$1" '[.[] | select(.address == $a) | .state][0]'
}
backend_is() { [[ $(backend_state "$1") == "$2" ]]; }
# expect_dropped PORT: what c sends to a host behind it is counted as link_down, not as tx_full.
expect_dropped() {
  local before full
  before=$(drops link_down)
  full=$(drops tx_full)
  grew() {
    answers c "${NET[$1]}.1" && return 1
    (($(drops link_down) > before))
  }
  wait_for 10 grew "$1" || fail "no drop link_down for $1"
  note "drops link_down for $1: $(($(drops link_down) - before))"
  expect "drops tx_full meanwhile" "$(($(drops tx_full) - full))" = 0
}
set_ends() { # up|down
  N host ip link set t0 "$1"
  local port
  for port in "${PORTS[@]}"; do [[ $port == t0 ]] || N gw ip link set "$port" "$1"; done
}

ns gw pa px
for port in "${PORTS[@]}"; do [[ $port == t0 ]] || make_cable "$port"; done
start_gateway "$CONFIG"
plug_t0() {
  plug_host t0 host 02:00:00:00:40:01 "${NET[t0]}.1"
  N host ip route replace 10.7.0.0/24 via "${NET[t0]}.254"
}
plug_t0
plug_host c0 c 02:00:00:00:70:01 10.7.0.1
N c ip route add 10.0.0.0/8 via 10.7.0.254
plug_host m0 m0 02:00:00:00:80:01 10.8.0.1
plug_host m1 m1 02:00:00:00:80:02 10.8.0.2

say "all links are up"
expect_links up
expect_answers
for port in "${PORTS[@]}"; do
  wait_for 10 answers c "${NET[$port]}.1" || fail "c does not reach the host behind $port"
done
wait_for 10 answers m0 10.8.0.2 || fail "m0 does not reach m1"
expect_place "place of m1's MAC" red 02:00:00:00:80:02 "port m1"
expect "state of the backend behind a0" "$(backend_state "${NET[a0]}.1")" = up

say "interfaces go down: the log says so, and what depends on them is withdrawn"
went_down=$(logged link_down a0)
set_ends down
N m1 ip link set m1 down
expect_links down
wait_for 10 link_is m1 down || fail "link of m1 is $(link_of m1)"
for port in "${PORTS[@]}"; do
  expect "lines link_down of $port" "$(logged link_down "$port")" '>=' 1
  expect "neighbour behind $port" "$(neighbour_state "${NET[$port]}.1")" = none
  expect_dropped "$port"
done
expect "lines link_down of a0 since" "$(($(logged link_down a0) - went_down))" = 1
expect_place "place of m1's MAC" red 02:00:00:00:80:02 nowhere
wait_for 5 backend_is "${NET[a0]}.1" unreachable || fail "the backend is $(backend_state "${NET[a0]}.1")"

say "they come up, and all is as before"
set_ends up
N host ip route replace 10.7.0.0/24 via "${NET[t0]}.254"
N m1 ip link set m1 up
expect_links up
expect_answers
expect "lines link_up of a0" "$(logged link_up a0)" '>=' 1
wait_for 10 answers m0 10.8.0.2 || fail "m0 does not reach m1"
expect "state of the backend behind a0" "$(backend_state "${NET[a0]}.1")" = up
for port in "${PORTS[@]}"; do
  wait_for 10 answers c "${NET[$port]}.1" || fail "c does not reach the host behind $port"
done

say "cables are pulled: no carrier"
for port in "${PORTS[@]}"; do
  [[ $port == t0 ]] && continue
  N "${HOST[$port]}" ip link set eth0 down
  wait_for 10 link_is "$port" down || fail "link of $port without a carrier is $(link_of "$port")"
  N "${HOST[$port]}" ip link set eth0 up
  N "${HOST[$port]}" ip route replace 10.7.0.0/24 via "${NET[$port]}.254"
done
expect_links up
expect_answers

say "what a TAP's own queue drops is counted, also in another namespace"
missed() { ctl -j show ports | jq -r --arg p "$1" '.[] | select(.name == $p) | .rx_missed'; }
before=$(missed t0)
queue=$(N host cat /sys/class/net/t0/tx_queue_len)
kill -STOP "$GATEWAY_PID"
# shellcheck disable=SC2046  # words
N host $(ping_burst $((queue * 8)) "${NET[t0]}.254") >/dev/null 2>&1 || true
kill -CONT "$GATEWAY_PID"
expect "frames missed at t0" "$(($(missed t0) - before))" '>' 0

say "interfaces are deleted: the ports are gone, and others go on"
N host ip link del t0
for port in "${PORTS[@]}"; do [[ $port == t0 ]] || N gw ip link del "$port"; done
expect_gone
expect_logged port_lost 1
expect_dropped a0
expect_ping m0 10.8.0.2 5

say "they are made again, AF_PACKET's and AF_XDP's by their names, and the TAP by adit itself"
for port in "${PORTS[@]}"; do [[ $port == t0 ]] || make_cable "$port"; done
tap_is_back() { N gw ip link show t0; }
wait_for 30 tap_is_back || fail "adit does not make its TAP again"
plug_t0
expect_links up
expect_logged port_reopened 1
expect_answers
wait_for 15 answers c "${NET[a0]}.1" || fail "c does not reach the host behind a0"

say "again and again: no buffer is lost on the way"
for round in 1 2 3 4 5; do
  for port in "${PORTS[@]}"; do [[ $port == t0 ]] || N gw ip link del "$port"; done
  for port in "${PORTS[@]}"; do
    [[ $port == t0 ]] || wait_for 10 link_is "$port" gone || fail "round $round: $port is $(link_of "$port")"
  done
  for port in "${PORTS[@]}"; do [[ $port == t0 ]] || make_cable "$port"; done
  expect_links up
  expect_answers
done
stop_gateway || fail "aditd did not end well: $?"

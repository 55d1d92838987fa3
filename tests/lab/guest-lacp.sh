#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
# LACP with the bonding driver of a Debian kernel: two members, flows over both in both directions, a
# cable that is cut under pings, and the other modes that need no more than two cables.
# shellcheck source=tests/lab/lib.sh
source "$(dirname "$0")/lib.sh"
# shellcheck source=tests/lab/guest-lib.sh
source "$LAB_TESTS/guest-lib.sh"
lab_why=$(guest_needs) || skip "$lab_why"

GUEST_NS=gw GUEST_TAPS=(g0 g1)
readonly GUEST=10.1.0.1 HOST=10.3.0.1 PER_SECOND=50
UNDERLAY_MTU=1500

config() { # MODE [OPTION...]
  system_config
  cat <<YAML
ports:
  pair:
    bond: {mode: $1, members: ["af_packet:g0", "af_packet:g1"]${2-}}
    addresses: [10.1.0.254/24]
  c0: {device: "tap:c0", addresses: [10.3.0.254/24]}
vrfs: {t: {ports: [pair, c0]}}
YAML
}
bonds() { ctl -j show bonds; }
active() { bonds | jq -r '[.[] | select(.active) | .member] | join(" ")'; }
active_is() { [[ $(active) == "$1" ]]; }
expect_active() { # MEMBERS
  wait_for 20 active_is "$1" || {
    ctl show bonds --wide >&2
    guest cat /proc/net/bonding/bond0 >&2
    fail "active are '$(active)', not '$1'"
  }
  note "active: $1"
}
counter() { N gw cat "/sys/class/net/$1/statistics/$2"; }
guest_ports() { guest "grep -c 'MII Status: up' /proc/net/bonding/bond0"; }

# guest_bond OPTION...: what the guest's two interfaces are.
guest_bond() {
  guest "ip link del bond0 2>/dev/null
    ip link add bond0 type bond miimon 100 $*
    for i in eth0 eth1; do ip link set \$i down && ip link set \$i master bond0 && ip link set \$i up; done
    ip link set bond0 up && ip addr add $GUEST/24 dev bond0 && ip route add 10.3.0.0/24 via 10.1.0.254" ||
    fail "the guest's kernel refused a bond of $*"
}

# grew TAP tx|rx LEAST: by what there was `before`.
grew() { (($(counter "$1" "$2_packets") - before[$1$2] >= $3)); }

# expect_both WHAT: datagrams to many ports, and connections from many, take both members each way.
expect_both() {
  local tap direction
  local -A before=()
  for tap in g0 g1; do
    for direction in rx tx; do before[$tap$direction]=$(counter "$tap" ${direction}_packets); done
  done
  N c python3 -c "
import socket
for port in range(2000, 2400):
    s = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
    s.sendto(b'x', ('$GUEST', port))"
  guest "i=2000; while [ \$i -lt 2030 ]; do nc -w 1 -p \$i $HOST 9 </dev/null >/dev/null 2>&1 & i=\$((i + 1)); done; wait" || true
  # What aditd sends, the kernel's TAP has transmitted; what the guest sends, it has received.
  for tap in g0 g1; do
    wait_for 5 grew "$tap" tx 50 || true
    expect "$1: frames by $tap to the guest" \
      $(($(counter "$tap" tx_packets) - before[${tap}tx])) '>=' 50
    wait_for 5 grew "$tap" rx 5 || true
    expect "$1: frames by $tap from the guest" \
      $(($(counter "$tap" rx_packets) - before[${tap}rx])) '>=' 5
  done
}

# cut NUMBER off|on: at both ends.
cut() {
  guest_link "$1" "$2"
  N gw ip link set "g$1" "$([[ $2 == on ]] && echo up || echo down)"
}

# outage NUMBER: pings each way while that cable is cut; their number is the time that was lost: within
# a second, on a machine that does nothing else.
outage() {
  local other=$((1 - $1)) count=$((8 * PER_SECOND)) got
  pings_begin c "to-guest-$1" 0.02 "$GUEST"
  guest "ping -n -q -c $count -i 0.02 -W 1 $HOST >/run/pings 2>&1 &"
  sleep 2
  cut "$1" off
  expect_active "af_packet:g$other"
  end_pings "to-guest-$1" "$count"
  got=$(pings_answered "to-guest-$1" "$count")
  note "g$1 is cut: $(((count - got) * 1000 / PER_SECOND)) ms of pings to the guest were lost"
  expect "pings lost, of $PER_SECOND a second, to the guest" $((count - got)) '<=' $((PER_SECOND * LAB_PATIENCE))
  pings_ended() { guest "grep -q received /run/pings"; }
  wait_for 20 pings_ended || fail "the guest's pings do not end"
  got=$(guest cat /run/pings | received)
  note "g$1 is cut: $(((count - got) * 1000 / PER_SECOND)) ms of pings from the guest were lost"
  expect "pings lost, of $PER_SECOND a second, from the guest" $((count - got)) '<=' $((PER_SECOND * LAB_PATIENCE))
  expect "lines bond_member_down of g$1" \
    "$(grep -c "event=bond_member_down port=pair member=af_packet:g$1" "$LAB_TMP/aditd.log")" = 1
  cut "$1" on
  expect_active "af_packet:g0 af_packet:g1"
}

config 802.3ad >"$CONFIG"
ns gw
guest_boot
guest_bond mode 802.3ad lacp_rate fast xmit_hash_policy layer3+4
start_gateway "$CONFIG"
plug_host c0 c 02:00:00:00:30:01 "$HOST"
N c ip route add 10.0.0.0/8 via 10.3.0.254

say "both agree"
expect_active "af_packet:g0 af_packet:g1"
ctl show bonds --wide
guest_mac=$(guest cat /sys/class/net/bond0/address)
expect "partner of each member" "$(bonds | jq -r '[.[].partner] | unique | join(" ")')" = "$guest_mac"
expect "what aditd tells of its partner" \
  "$(bonds | jq -r '[.[].partner_state | split(",") | contains(["in-sync", "collecting", "distributing"])] | all')" = true
# The address that the port's interface has, as it is the first member's.
expect_match "the guest's word" "$(guest cat /proc/net/bonding/bond0)" 'Number of ports: 2'
expect_match "the guest's partner" "$(guest cat /proc/net/bonding/bond0)" \
  "Partner Mac Address: $(ctl -j show ports | jq -r '.[] | select(.name == "pair") | .mac')"
expect_ping c "$GUEST" 20
expect_guest_ping "$HOST" 20
expect_both "802.3ad"

say "a cable is cut, and plugged again"
outage 0
outage 1
expect_both "802.3ad, after all"

# The kernel's modes of these names are plain: frames by both cables.
for mode in balance round-robin; do
  say "$mode"
  config "$mode" >"$CONFIG"
  ctl reload || fail "adit refused $mode"
  guest_bond mode balance-xor xmit_hash_policy layer3+4
  expect_active "af_packet:g0 af_packet:g1"
  expect_ping c "$GUEST" 20
  expect_guest_ping "$HOST" 20
  expect_both "$mode"
done

say "broadcast: the guest, which uses one cable, gets each frame once"
config broadcast >"$CONFIG"
ctl reload || fail "adit refused broadcast"
guest_bond mode active-backup
expect_active "af_packet:g0 af_packet:g1"
expect_ping c "$GUEST" 20
expect_guest_ping "$HOST" 20

say "tlb and alb"
for mode in tlb alb; do
  config "$mode" >"$CONFIG"
  ctl reload || fail "adit refused $mode"
  guest_bond mode balance-xor xmit_hash_policy layer3+4
  answered() { (($(guest "ping -q -c 1 -W 1 $HOST" | received) == 1)); }
  wait_for 15 answered || fail "no answer by $mode"
  note "$mode answers"
done
stop_gateway || fail "aditd did not end well: $?"

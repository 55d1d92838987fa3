#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
# Bonds of mode active-backup, over TAPs and over interfaces of the host: a member that dies under
# datagrams and pings, what is lost meanwhile, the log, the primary, and reloads.
# shellcheck source=tests/lab/lib.sh
source "$(dirname "$0")/lib.sh"

# kind -> its members; what stands for the switch is a bridge: of the TAPs beside aditd, as the driver
# of a bond's TAPs knows them by their names there.
declare -A BOND=([tap]="m0 m1" [af_packet]="v0 v1") NET=([tap]=10.1.0 [af_packet]=10.2.0)
declare -A SWITCH=([tap]=gw [af_packet]=sw)
readonly RATE=200 # datagrams a second

members() { # KIND
  local first second
  read -r first second <<<"${BOND[$1]}"
  echo "\"$1:$first\", \"$1:$second\""
}
OPTIONS= # of both bonds
config() {
  local kind first
  system_config
  echo "ports:"
  for kind in tap af_packet; do
    read -r first _ <<<"${BOND[$kind]}"
    cat <<YAML
  $kind:
    bond: {mode: active-backup, members: [$(members "$kind")], primary: "$kind:$first"$OPTIONS}
    addresses: [${NET[$kind]}.254/24]
YAML
  done
  cat <<YAML
  c0: {device: "tap:c0", addresses: [10.3.0.254/24]}
vrfs: {t: {ports: [tap, af_packet, c0]}}
YAML
}

bond_field() { # PORT MEMBER FIELD
  ctl -j show bonds | jq -r --arg p "$1" --arg m "$2" ".[] | select(.port == \$p and .member == \$m) | .$3"
}
active() { ctl -j show bonds | jq -r --arg p "$1" '[.[] | select(.port == $p and .active) | .member] | join(" ")'; }
active_is() { [[ $(active "$1") == "$2" ]]; }
expect_active() { # KIND MEMBER
  wait_for 10 active_is "$1" "$1:$2" || fail "the active member of $1 is $(active "$1"), not $1:$2"
  note "the active member of $1 is $1:$2"
}
logged() { grep -c "event=$1 port=$2 $3" "$LAB_TMP/aditd.log" || true; }
# has_logged EVENT PORT MORE COUNT
has_logged() { (($(logged "$1" "$2" "$3") >= $4)); }
answers() { N "$1" ping -q -c 1 -W 1 "$2"; }
expect_answers() { # HOST ADDRESS
  wait_for 15 answers "$1" "$2" || fail "$1 gets no answer of $2"
  note "$2 answers $1"
}

# cut KIND MEMBER down|up: a TAP's own end; of the others the far one, which takes the carrier away.
cut() {
  if [[ $1 == tap ]]; then N gw ip link set "$2" "$3"; else N sw ip link set "to-$2" "$3"; fi
}

# move KIND FROM TO: FROM dies while datagrams pass in both directions; at the fixed rate their number
# is the time that was lost.
move() {
  local kind=$1 from=$2 to=$3 h=h-$1 direction result missing
  for direction in "c $h ${NET[$kind]}.1" "$h c 10.3.0.1"; do
    # shellcheck disable=SC2086  # words
    numbered_begin $direction "$RATE" 200
    sleep 1
    cut "$kind" "$from" down
    expect_active "$kind" "$to"
    sleep 1
    kill -TERM "$NUMBERED_SENDER"
    wait "$NUMBERED_SENDER" || fail "numbered-udp could not send"
    wait "$NUMBERED_RECEIVER" || fail "numbered-udp received no end: $(<"$NUMBERED_LOG")"
    result=$(tail -n 1 "$NUMBERED_LOG")
    missing=$(jq .missing <<<"$result")
    note "$kind, from ${direction% *}: $result"
    note "$kind, from ${direction% *}: $((missing * 1000 / RATE)) ms were lost"
    expect "datagrams that were sent" "$(jq .sent <<<"$result")" '>=' "$RATE"
    # Within a second, on a machine that does nothing else.
    expect "datagrams lost, of $RATE a second" "$missing" '<=' $((RATE * LAB_PATIENCE))
    expect "link of the dead member" "$(bond_field "$kind" "$kind:$from" link)" = down
    cut "$kind" "$from" up
    wait_for 10 is_up "$kind" "$kind:$from" || fail "link of $kind:$from stays down"
    # Until the primary is used again, or it is not the primary.
    [[ $kind:$from == "$PRIMARY" ]] && expect_active "$kind" "$from"
    [[ $kind:$from == "$PRIMARY" ]] || expect_active "$kind" "$to"
  done
}
is_up() { [[ $(bond_field "$1" "$2" link) == up ]]; }
link_of() { ctl -j show ports | jq -r --arg p "$1" '.[] | select(.name == $p) | .link'; }
link_is() { [[ $(link_of "$1") == "$2" ]]; }

config >"$CONFIG"
ns gw sw
bridge gw sw0
bridge sw sw0
for member in ${BOND[af_packet]}; do
  cable gw "$member" sw "to-$member" 1500
  N sw ip link set "to-$member" master sw0
done
for kind in tap af_packet; do
  ns "h-$kind"
  cable "h-$kind" eth0 "${SWITCH[$kind]}" "to-h" 1500
  N "h-$kind" ethtool -K eth0 tx off >/dev/null
  N "${SWITCH[$kind]}" ip link set to-h master sw0
  N "h-$kind" ip addr add "${NET[$kind]}.1/24" dev eth0
  N "h-$kind" ip route add 10.3.0.0/24 via "${NET[$kind]}.254"
done
macs() { N gw ip -j link show "$1" | jq -r '.[0].address'; }
start_gateway "$CONFIG"
for member in ${BOND[tap]}; do N gw ip link set "$member" master sw0; done
plug_host c0 c 02:00:00:00:30:01 10.3.0.1
N c ip route add 10.0.0.0/8 via 10.3.0.254

say "both bonds are up, by their primaries"
for kind in tap af_packet; do
  read -r first second <<<"${BOND[$kind]}"
  wait_for 10 link_is "$kind" up || fail "link of $kind is $(link_of "$kind")"
  expect_active "$kind" "$first"
  expect_answers "h-$kind" "${NET[$kind]}.254"
  expect_answers "h-$kind" 10.3.0.1
  expect "link of $kind:$second, which waits" "$(bond_field "$kind" "$kind:$second" link)" = up
  expect "lines bond_member_down of $kind" "$(logged bond_member_down "$kind" "")" = 0
  expect "lines link_down of $kind" "$(logged link_down "$kind" "")" = 0
done
ctl show bonds

for kind in tap af_packet; do
  read -r first second <<<"${BOND[$kind]}"
  PRIMARY=$kind:$first
  say "$kind: the primary dies, and comes back"
  move "$kind" "$first" "$second"
  wait_for 5 has_logged bond_member_down "$kind" "member=$kind:$first" 2 || fail "no lines of it in the log"
  expect "lines bond_member_down of $kind:$first" "$(logged bond_member_down "$kind" "member=$kind:$first")" = 2
  expect "lines bond_member_up of $kind:$first" "$(logged bond_member_up "$kind" "member=$kind:$first")" = 2
  expect "lines that $kind:$second is active" "$(logged bond_active "$kind" "members=$kind:$second")" '>=' 2
  expect "lines link_down of $kind" "$(logged link_down "$kind" "")" = 0

  say "$kind: the other one dies, and nothing moves"
  cut "$kind" "$second" down
  member_is_down() { [[ $(bond_field "$kind" "$kind:$second" link) == down ]]; }
  wait_for 10 member_is_down || fail "link of $kind:$second stays up"
  expect_active "$kind" "$first"
  expect_ping "h-$kind" 10.3.0.1 20

  say "$kind: both are dead, and so is the port"
  cut "$kind" "$first" down
  wait_for 10 link_is "$kind" down || fail "link of $kind without members is $(link_of "$kind")"
  expect "lines link_down of $kind" "$(logged link_down "$kind" "")" = 1
  expect_active_none() { [[ -z $(active "$kind") ]]; }
  wait_for 5 expect_active_none || fail "active members of $kind: $(active "$kind")"
  cut "$kind" "$first" up
  cut "$kind" "$second" up
  wait_for 10 link_is "$kind" up || fail "link of $kind is $(link_of "$kind")"
  expect_answers "h-$kind" 10.3.0.1
  wait_for 10 is_up "$kind" "$kind:$second" || fail "link of $kind:$second stays down"
done

say "a bond changes by reload: without a primary, nothing moves back"
PRIMARY=none
config | sed 's/, primary: "[^"]*"//' >"$CONFIG"
expect_match "what check says" "$(ctl check "$CONFIG" 2>&1)" '2 changes, by a reload'
expect_match "what reload says" "$(ctl reload 2>&1)" 'ports.tap.bond.primary: tap:m0 -> none'
for kind in tap af_packet; do
  read -r first second <<<"${BOND[$kind]}"
  [[ $kind != tap ]] || for member in ${BOND[tap]}; do N gw ip link set "$member" master sw0; done
  expect_answers "h-$kind" 10.3.0.1
  wait_for 10 is_up "$kind" "$kind:$second" || fail "link of $kind:$second stays down"
  expect_active "$kind" "$first"
  move_once() {
    cut "$kind" "$first" down
    expect_active "$kind" "$second"
    cut "$kind" "$first" up
    wait_for 10 is_up "$kind" "$kind:$first" || fail "link of $kind:$first stays down"
    expect_active "$kind" "$second"
    expect_answers "h-$kind" 10.3.0.1
  }
  move_once
done

say "members come and go by reload, and the others lose nothing"
cable gw v2 sw to-v2 1500
N sw ip link set to-v2 master sw0
without_primary() { config | sed 's/, primary: "[^"]*"//'; }
second=v1
numbered_begin h-af_packet c 10.3.0.1 "$RATE" 200
without_primary | sed 's/"af_packet:v0", "af_packet:v1"/"af_packet:v1", "af_packet:v2"/' >"$CONFIG"
expect_match "what reload says" "$(ctl reload 2>&1)" 'member af_packet:v2 added'
members_are() { [[ $(ctl -j show bonds | jq -r '[.[] | select(.port == "af_packet") | .member] | join(" ")') == "$1" ]]; }
members_are "af_packet:v1 af_packet:v2" || fail "members are $(ctl -j show bonds)"
wait_for 10 is_up af_packet af_packet:v2 || fail "link of v2 stays down"
expect_active af_packet v1
sleep 1
expect_numbered "the member that is used stays, others come and go" eth0
cut af_packet v1 down
expect_active af_packet v2
expect_answers h-af_packet 10.3.0.1
cut af_packet v1 up
without_primary >"$CONFIG"
ctl reload || fail "aditctl reload ended with $?"
wait_for 10 is_up af_packet af_packet:v0 || fail "link of v0 stays down"
wait_for 10 is_up af_packet af_packet:v1 || fail "link of v1 stays down"
expect_answers h-af_packet 10.3.0.1

say "an interface that is deleted is taken back when it is there again"
N gw ip link del v1
member_is_gone() { [[ $(bond_field af_packet af_packet:v1 link) == gone ]]; }
wait_for 10 member_is_gone || fail "link of v1 is $(bond_field af_packet af_packet:v1 link)"
expect_active af_packet v0
expect_answers h-af_packet 10.3.0.1
cable gw v1 sw to-v1 1500
N sw ip link set to-v1 master sw0
wait_for 10 is_up af_packet af_packet:v1 || fail "link of v1 is $(bond_field af_packet af_packet:v1 link)"
cut af_packet v0 down
expect_active af_packet v1
expect_answers h-af_packet 10.3.0.1
cut af_packet v0 up
wait_for 10 is_up af_packet af_packet:v0 || fail "link of v0 stays down"

say "what cannot be opened changes nothing"
config | sed 's/"af_packet:v1"/"af_packet:none"/; s/, primary: "[^"]*"//' >"$CONFIG"
out=$(ctl reload 2>&1) && fail "the reload was accepted: $out"
expect_match "the refusal" "$out" "there is no interface 'none'"
config | sed 's/"af_packet:v1"/"vdev:net_nonsense0"/; s/, primary: "[^"]*"//' >"$CONFIG"
out=$(ctl reload 2>&1) && fail "the reload was accepted: $out"
expect_match "the refusal" "$out" "DPDK cannot create net_nonsense0"
for kind in tap af_packet; do expect_answers "h-$kind" 10.3.0.1; done
config | sed 's/c0: {device: "tap:c0"/c0: {device: "af_packet:v1"/; s/, primary: "[^"]*"//' >"$CONFIG"
out=$(ctl reload 2>&1) && fail "the reload was accepted: $out"
expect_match "the refusal" "$out" "device af_packet:v1 is already that of port 'af_packet'"

say "bonds go by reload, and their interfaces are the kernel's, as they were"
config | sed '/^  af_packet:/,/addresses/d; s/, primary: "[^"]*"//; s/ports: \[tap, af_packet, c0\]/ports: [tap, c0]/' >"$CONFIG"
ctl reload || fail "aditctl reload ended with $?"
expect "ports" "$(ctl -j show ports | jq -r '[.[].name] | sort | join(" ")')" = "c0 tap"
expect "rows of bonds" "$(ctl -j show bonds | jq length)" = 2
expect_answers h-tap 10.3.0.1
macs_are_back() { [[ $(macs v0) != "$(macs v1)" ]]; }
wait_for 10 macs_are_back || fail "both have the MAC $(macs v0)"
stop_gateway || fail "aditd did not end well: $?"

# shellcheck shell=bash
# SPDX-License-Identifier: Apache-2.0
# What the lab tests share: the usual topology and configuration, and assertions that give figures.
# Each test is a script that sources this, and runs alone too: ADIT_BUILD=build tests/lab/ping.sh
set -Eeuo pipefail
# What ends a test without a word of its own.
trap 'echo "FAIL: line $LINENO of ${BASH_SOURCE[0]##*/}: $BASH_COMMAND (exit code $?)" >&2' ERR
LAB_TESTS=$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)
# shellcheck source=scripts/lab-lib.sh
source "$LAB_TESTS/../../scripts/lab-lib.sh"

lab_why=$(lab_needs) || skip "$lab_why"
# Absolute: tests change their directory.
lab_build=$(realpath -m "${ADIT_BUILD:-$LAB_ROOT/build}")
lab_why=$(lab_binaries "$lab_build") || fail "$lab_why"
lab_binaries "$lab_build"
lab_init "adit-$(basename "$0" .sh)-$$"
CONFIG=$LAB_TMP/adit.yaml

# The access host of network red, its addresses behind v1 and v2, and their MACs.
readonly RED=10.1.0.1 RED1=10.1.0.11 RED2=10.1.0.12
readonly RED_MAC=02:00:00:00:10:01 RED1_MAC=02:00:00:00:10:11 RED2_MAC=02:00:00:00:10:12

# system_config: the part of the configuration that all tests share.
system_config() {
  cat <<YAML
system:
  poll: adaptive
  socket: $LAB_TMP/adit.sock
  log: {target: stderr, level: info}
YAML
}

# Of the underlay, and of what rides on it: 50 bytes less (RFC 7348 section 4.3).
UNDERLAY_MTU=${UNDERLAY_MTU:-1550}
ACCESS_MTU=$((UNDERLAY_MTU - 50))
# shellcheck disable=SC2034  # for the tests
readonly FULL=(-M "do" -s $((ACCESS_MTU - 28))) # ping's options for a full-size frame

# red_config VNI "ADDRESS, ..." REMOTE...: network red with an access port, the uplink's addresses,
# and remotes as in YAML: "address: 192.0.2.2, kind: gre".
red_config() {
  local vni=$1 addresses=$2
  shift 2
  system_config
  cat <<YAML
ports:
  uplink:
    device: tap:up0
    mtu_bytes: $UNDERLAY_MTU
    mac: 02:00:00:00:00:01
    addresses: [$addresses]
  red0: {device: "tap:red0", mtu_bytes: $ACCESS_MTU}
networks:
  red:
    vni: $vni
    members: [{port: red0}]
    remotes:
$(printf '      - {%s}\n' "$@")
YAML
}

# usual_config: the same with two remotes that speak VXLAN.
usual_config() {
  red_config 100 192.0.2.1/24 "address: 192.0.2.2" "address: 192.0.2.3"
}

# usual_world: the namespaces for usual_config. v2 sends UDP checksums, v1 does not.
usual_world() {
  underlay "$UNDERLAY_MTU"
  ns gw
  vtep v1 192.0.2.2 02:00:00:00:00:02
  vtep v2 192.0.2.3 02:00:00:00:00:03
  vtep_host v1 red1 100 "$RED1_MAC" "$RED1" noudpcsum
  vtep_host v2 red2 100 "$RED2_MAC" "$RED2" udpcsum
}

# usual_start [REMOTE...]: start the gateway and plug its cables; adit knows its next hops afterwards.
usual_start() {
  start_gateway "$CONFIG"
  plug_uplink up0
  plug_host red0 red "$RED_MAC" "$RED"
  if (($# == 0)); then set -- 192.0.2.2 192.0.2.3; fi
  wait_neighbours "$@"
}

# --- assertions --------------------------------------------------------------------------------

# expect WHAT GOT OPERATOR WANT, with numbers; or = and != with words.
expect() {
  local held=no
  case $3 in
    =) [[ $2 == "$4" ]] && held=yes ;;
    !=) [[ $2 != "$4" ]] && held=yes ;;
    '<') (($2 < $4)) && held=yes ;;
    '<=') (($2 <= $4)) && held=yes ;;
    '>') (($2 > $4)) && held=yes ;;
    '>=') (($2 >= $4)) && held=yes ;;
    *) fail "expect: no operator $3" ;;
  esac
  [[ $held == yes ]] || fail "$1: $2, should be $3 $4"
  note "$1: $2 ($3 $4)"
}

# expect_match WHAT TEXT REGEX
expect_match() {
  [[ $2 =~ $3 ]] || fail "$1: no match of '$3' in: $2"
  note "$1: '${BASH_REMATCH[0]}'"
}

# ping_burst COUNT ADDRESS [OPTION...]: sends all at once, and ends with the last answer. Else, after
# its last packet, ping waits for `-W` only where no answer came at all, and for `-i` where some did:
# this machine may be busy for as long. By itself its send buffer has place for one packet, and that
# one may be waiting for ARP.
PING_PATIENCE_S=2 # for the first answer; expect_ping has more
ping_burst() {
  local count=$1 address=$2
  shift 2
  echo ping -q -c "$count" -l "$count" -S 1048576 -i 3 -W "$PING_PATIENCE_S" "$@" "$address"
}
# received: the number of answers, from ping's last lines.
received() { sed -n 's/.* \([0-9]*\) received.*/\1/p'; }

# ping_loss HOST ADDRESS COUNT [OPTION...]: how many of COUNT pings got no answer.
ping_loss() {
  local host=$1 address=$2 count=$3 got
  shift 3
  # shellcheck disable=SC2046  # words
  got=$(N "$host" $(ping_burst "$count" "$address" "$@") 2>&1 | received) || true
  echo $((count - ${got:-0}))
}
expect_ping() { # HOST ADDRESS COUNT [OPTION...]
  local PING_PATIENCE_S=10
  expect "$1 pings $2 $3 times${4:+ with ${*:4}}: lost" "$(ping_loss "$@")" = 0
}
expect_no_ping() { # HOST ADDRESS COUNT
  expect "$1 pings $2 $3 times, in vain: lost" "$(ping_loss "$@")" = "$3"
}

# pings_begin HOST NAME INTERVAL_S ADDRESS [OPTION...] pings in the background, until end_pings or
# expect_pings.
pings_begin() {
  local host=$1 name=$2 interval_s=$3 address=$4
  shift 4
  bg "$host" "$name" ping -n -i "$interval_s" "$@" "$address"
  PINGS[$name]=$BG_PID
}
declare -A PINGS=()
ping_answers() { sed -n 's/.*icmp_seq=\([0-9]*\) ttl=.*/\1/p' "$LAB_TMP/$1.log" | sort -nu; } # NAME
# How many of the first COUNT were answered.
pings_answered() { ping_answers "$1" | awk -v n="$2" '$1 <= n' | wc -l; } # NAME COUNT
pings_past() { (($(ping_answers "$1" | tail -n 1) > $2)); } # NAME NUMBER
# After one of the later ones was answered, none of the first COUNT will be.
end_pings() { # NAME COUNT
  wait_for 20 pings_past "$1" $(($2 + 20)) || true
  kill -INT "${PINGS[$1]}" 2>/dev/null || true
  wait "${PINGS[$1]}" || true
}
expect_pings() { # WHAT NAME COUNT [LOST_BEFORE_ADIT]
  end_pings "$2" "$3"
  expect "$1: answers to the first $3${4:+, $4 may have been lost before adit}" \
    "$(pings_answered "$2" "$3")" '>=' $(($3 - ${4:-0}))
}

# drops REASON: packets that adit dropped for it.
drops() {
  ctl -j show drops | jq --arg r "$1" '[.[] | select(.reason == $r) | .packets] | add // 0'
}

has_dropped() { (($(drops "$1") >= $2)); } # REASON LEAST

# expect_drops REASON OPERATOR WANT, as expect(), but awaits that many: the worker may be behind what
# was sent to it by all that its machine was busy with.
expect_drops() {
  local least=$3
  [[ $2 != '>' ]] || least=$((least + 1))
  wait_for 10 has_dropped "$1" "$least" || true
  expect "drops $1" "$(drops "$1")" "$2" "$3"
}

# expect_drops_only WHAT [REASON...]: adit dropped packets for no other reason; but a TAP is down while
# it is plugged, and what is for it meanwhile is no fault.
expect_drops_only() {
  local what=$1 others
  shift
  others=$(ctl -j show drops | jq -r '[.[] | select(.packets > 0 and (.reason | IN($ARGS.positional[]) | not))
    | "\(.packets) of \(.reason)"] | join(", ")' --args link_down "$@")
  [[ -z $others ]] || fail "$what: $others; should be none"
  note "$what: none${1:+, beside $*}"
}

# serve_file BYTES HOST...: each serves a file of its own; expect_download fetches and compares it.
serve_file() {
  local bytes=$1 host
  shift
  for host; do
    serve_web "$host"
    head -c "$bytes" /dev/urandom >"$LAB_TMP/www-$host/file"
  done
}
expect_download() { # FROM ADDRESS SERVER
  local got want
  want=$(sha256sum <"$LAB_TMP/www-$3/file")
  N "$1" curl -sS -m 60 -o "$LAB_TMP/got" "http://$2/file" || fail "curl from $1 to $2 failed"
  got=$(sha256sum <"$LAB_TMP/got")
  expect "SHA-256 of $(stat -c %s "$LAB_TMP/got") bytes from $3 to $1" "${got%% *}" = "${want%% *}"
}

# web_answers COUNT URL: what the namespace `client` is answered, each over a connection of its own; an
# answer that does not come is a line "failed". One process: to start a hundred takes longer than all else.
web_answers() {
  local i
  for ((i = 0; i < $1; i++)); do printf 'url = "%s"\n' "$2"; done |
    { N client curl -sS -m 60 -H 'Connection: close' -K - 2>&1 || true; } | sed 's/^curl: .*/failed/'
}

# fdb_place NETWORK MAC: where adit has learned it: port NAME, remote ADDRESS, or nowhere.
fdb_place() {
  ctl -j show fdb | jq -r --arg n "$1" --arg m "$2" '
    [.[] | select(.network == $n and (.mac | ascii_downcase) == $m)][0]
    | if . == null then "nowhere" elif .kind == "remote" then "remote " + .remote
      else "port " + .port end'
}
# expect_place WHAT NETWORK MAC PLACE, awaited: control learns it a moment after the workers saw it.
expect_place() {
  wait_for 5 is_at "$2" "$3" "$4" || true
  expect "$1" "$(fdb_place "$2" "$3")" = "$4"
}
is_at() { [[ $(fdb_place "$1" "$2") == "$3" ]]; }

# capture HOST INTERFACE FILE [TCPDUMP ARGUMENT...]: starts a capture, each packet written at once,
# and waits until it runs. end_capture ends the last one, and makes sure that it missed nothing.
capture() {
  local host=$1 interface=$2 file=$3
  shift 3
  # Before all others, and with room: what it misses cannot be judged.
  bg "$host" "tcpdump-${file##*/}" nice -n -15 tcpdump -U --immediate-mode -B 131072 -s 0 -n \
    -i "$interface" -w "$file" "$@"
  CAPTURE_PID=$BG_PID
  CAPTURE_LOG[$BG_PID]=$LAB_TMP/tcpdump-${file##*/}.log
  wait_for 5 grep -q 'listening on' "$LAB_TMP/tcpdump-${file##*/}.log" ||
    fail "tcpdump did not start on $interface"
}
declare -A CAPTURE_LOG=()
least_loops() { ctl -j show workers 2>/dev/null | jq '[.[].loops] | min'; }
has_looped() { (($(least_loops || echo 0) > $1)); }
# await_workers: what waits before adit by now is through. A worker may be without a processor for a while.
await_workers() {
  local before
  before=$(least_loops) && [[ -n $before ]] || return 0 # no aditd runs
  wait_for 10 has_looped $((before + 100)) || true
}
end_capture() { # [PID...]
  local pid
  (($# > 0)) || set -- "$CAPTURE_PID"
  sleep 0.3 # what was sent has to arrive
  await_workers
  kill -INT "$@"
  for pid; do
    wait "$pid" || true
    grep -q '^0 packets dropped by kernel' "${CAPTURE_LOG[$pid]}" ||
      fail "tcpdump missed packets, says ${CAPTURE_LOG[$pid]##*/}: this machine is too busy"
  done
}
# captured FILE [FILTER]: the number of packets in it.
captured() {
  local file=$1
  shift
  tcpdump -n -r "$file" "$@" 2>/dev/null | wc -l
}

# Datagrams with numbers, of UDP at a fixed rate: what is lost on the way is seen however busy the
# machine is, and TCP's own mind has no part in it.
# numbered_begin FROM TO ADDRESS RATE [BYTES]: RATE a second, in the background, until
# expect_numbered WHAT TAP ends them: each has to come once, and some have. The kernel's own losses before
# adit, at the queue of the sender's TAP, do not count; what was lost there of others is NUMBERED_OTHERS.
numbered_begin() {
  local from=$1 to=$2 address=$3 rate=$4
  NUMBERED_FROM=$from NUMBERED_LOG=$LAB_TMP/numbered-$to.log
  bg "$to" "numbered-$to" "$LAB_TESTS/numbered-udp" receive 5999
  NUMBERED_RECEIVER=$BG_PID
  wait_for 5 grep -q ready "$NUMBERED_LOG" || fail "numbered-udp does not listen in $to"
  bg "$from" "numbered-$from" "$LAB_TESTS/numbered-udp" send "$address" 5999 "$rate" "${@:5}"
  NUMBERED_SENDER=$BG_PID
}
expect_numbered() {
  local result lost
  kill -TERM "$NUMBERED_SENDER"
  wait "$NUMBERED_SENDER" || fail "numbered-udp could not send: $(<"$LAB_TMP/numbered-$NUMBERED_FROM.log")"
  wait "$NUMBERED_RECEIVER" || fail "numbered-udp received no end: $(<"$NUMBERED_LOG")"
  result=$(tail -n 1 "$NUMBERED_LOG")
  note "$result"
  lost=$(N "$NUMBERED_FROM" cat "/sys/class/net/$2/statistics/tx_dropped")
  expect "$1: sent" "$(jq .sent <<<"$result")" '>=' 100
  expect "$1: lost, beside $lost that the kernel had no place for" \
    $(($(jq .missing <<<"$result") - lost)) '<=' 0
  # shellcheck disable=SC2034  # labs read it
  NUMBERED_OTHERS=$((lost - $(jq .missing <<<"$result")))
  expect "$1: came twice" "$(jq .twice <<<"$result")" = 0
}

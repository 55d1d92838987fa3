#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
# TCP with full-size frames in both directions across both VTEPs, and a file that arrives unchanged.
# shellcheck source=tests/lab/lib.sh
source "$(dirname "$0")/lib.sh"

usual_config >"$CONFIG"
usual_world
usual_start
serve_iperf red1
serve_iperf red2

# counter NAME: of the access host's card.
counter() { N red cat "/sys/class/net/red0/statistics/$1"; }

# transfer WHERE ADDRESS SIDE [-R]: SIDE (tx or rx) of the access host carries the data.
transfer() {
  local where=$1 address=$2 side=$3 bytes packets result
  shift 3
  bytes=$(counter "${side}_bytes")
  packets=$(counter "${side}_packets")
  result=$(iperf red -c "$address" -n 64M "$@") ||
    fail "iperf3 $where: $(jq -r '.error // "failed"' <<<"$result")"
  note "bit/s: $(jq '.end.sum_received.bits_per_second | floor' <<<"$result")"
  bytes=$(($(counter "${side}_bytes") - bytes))
  packets=$(($(counter "${side}_packets") - packets))
  expect "TCP $where, bytes" "$bytes" '>=' $((32 << 20))
  # Data frames are full-size, but for the handshake and a few more.
  expect "TCP $where, bytes per frame" $((bytes / packets)) '>=' $((ACCESS_MTU * 95 / 100))
}
transfer "to v1" "$RED1" tx
transfer "from v1" "$RED1" rx -R
transfer "to v2" "$RED2" tx
transfer "from v2" "$RED2" rx -R

say "the same file comes and goes unchanged"
serve_web red1
serve_web red2
serve_web red
head -c 8M /dev/urandom | tee "$LAB_TMP/www-red1/file" "$LAB_TMP/www-red2/file" >"$LAB_TMP/www-red/file"
want=$(sha256sum <"$LAB_TMP/www-red/file")
download() { # HOST ADDRESS
  local got
  N "$1" curl -sS -m 60 -o "$LAB_TMP/got" "http://$2/file" || fail "curl from $1 to $2 failed"
  got=$(sha256sum <"$LAB_TMP/got")
  expect "SHA-256 of 8 MiB from $2 to $1" "${got%% *}" = "${want%% *}"
}
download red "$RED1"
download red "$RED2"
download red1 "$RED"
download red2 "$RED"

say "no checksum was wrong on the way"
for host in red red1 red2; do
  expect "TCP checksum errors in $host" "$(N "$host" nstat -az TcpInCsumErrors | awk '/^Tcp/ { print $2 }')" = 0
done
expect "drops udp_checksum" "$(drops udp_checksum)" = 0

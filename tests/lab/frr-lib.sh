# shellcheck shell=bash
# SPDX-License-Identifier: Apache-2.0
# FRR's zebra and bgpd in a namespace. Source it after lib.sh.
FRR=/usr/lib/frr

# frr NAME BGP-LINE...: zebra and bgpd in a namespace; the lines stand in bgpd's configuration.
declare -A BGPD=() # pids
frr() {
  local name=$1 dir=$LAB_TMP/frr-$1 common
  shift
  mkdir -p "$dir"
  chmod 755 "$LAB_TMP"
  chown frr:frr "$dir"
  common=(-A 127.0.0.1 -P 0 --vty_socket "$dir" -z "$dir/zserv.api" --log stdout)
  printf 'hostname %s\n' "$name" >"$dir/zebra.conf"
  printf '%s\n' "$@" >"$dir/bgpd.conf"
  bg "$name" "zebra-$name" "$FRR/zebra" "${common[@]}" -f "$dir/zebra.conf" -i "$dir/zebra.pid"
  wait_for 10 test -S "$dir/zserv.api" || fail "zebra of $name does not start"
  bg "$name" "bgpd-$name" "$FRR/bgpd" "${common[@]}" -f "$dir/bgpd.conf" -i "$dir/bgpd.pid"
  # shellcheck disable=SC2034  # for the tests
  BGPD[$name]=$BG_PID
}

# shellcheck shell=bash
# shellcheck disable=SC2119,SC2120  # tests give config an argument
# SPDX-License-Identifier: Apache-2.0
# A VRF with a host inside and two routers outside, and beside adit, on the routers' subnet, a
# namespace whose kernel has the routes. Source it after lib.sh.
#
#   [inside]--tap inside0--[aditd in gw]--tap outside0--[wan: bridge]--[r1], [r2]: both have FAR
#                                                                   `--[daemon]: its routes are followed

readonly FAR=198.51.100.1 FAR6=2001:db8:51::1

# config [LINE]: LINE is one more of the VRF.
config() {
  system_config
  cat <<YAML
ports:
  inside: {device: "tap:inside0", addresses: [10.1.0.254/24, "fd01::fe/64"]}
  outside: {device: "tap:outside0", addresses: [10.9.0.254/24, "fd09::fe/64"]}
vrfs:
  tenant:
    ports: [inside, outside]
    kernel_routes: {table: $TABLE, namespace: $LAB-daemon}
${1:-}
YAML
}

# on_wan NAME NUMBER: a namespace on the routers' subnet.
on_wan() {
  ns "$1"
  N "$1" sysctl -qw net.ipv6.conf.all.disable_ipv6=0 net.ipv6.conf.default.disable_ipv6=0
  cable "$1" eth0 wan "to-$1" 1500
  N wan ip link set "to-$1" master sw
  N "$1" ip addr add "10.9.0.$2/24" dev eth0
  N "$1" ip -6 addr add "fd09::$2/64" dev eth0 nodad
}
# router NAME NUMBER: it has the far addresses, and an interface whose answers tell it from others.
router() {
  on_wan "$1" "$2"
  N "$1" sysctl -qw net.ipv4.ip_forward=1
  N "$1" ip addr add "$FAR/32" dev lo
  N "$1" ip -6 addr add "$FAR6/128" dev lo nodad
  N "$1" ip route add 10.1.0.0/24 via 10.9.0.254
  N "$1" ip -6 route add fd01::/64 via fd09::fe
}
routes() { ctl -j show routes | jq -r "[.[] | select(.origin == \"netlink\")] | $1"; }
# state_of PREFIX: how adit has it; "none": not at all.
state_of() { routes "map(select(.to == \"$1\") | .state + \" \" + (.via // \"-\")) | .[0] // \"none\""; }
is_state() { [[ $(state_of "$1") == "$2" ]]; }
expect_state() { # PREFIX "STATE VIA"
  wait_for 30 is_state "$1" "$2" || fail "$1 is '$(state_of "$1")', should be '$2': $(routes .)"
  note "$1: $2"
}
pings() { N inside ping -q -c 1 -W 1 "$1"; }
expect_way() { wait_for 5 pings "$1" || fail "$1 does not answer"; expect_ping inside "$1" 10; }
no_way() { ! pings "$1"; }
expect_no_way() { wait_for 5 no_way "$1" || fail "$1 still answers"; }
answers_of() { N "$1" nstat -asz Icmp6InEchos IcmpInEchos 2>/dev/null | awk 'NR > 1 { n += $2 } END { print n }'; }
# Once those that were under way have come: pings that have ended may wait before adit.
settled_answers_of() {
  local was='' now
  now=$(answers_of "$1")
  while [[ $now != "$was" ]]; do
    was=$now
    sleep 0.5
    now=$(answers_of "$1")
  done
  echo "$now"
}
generation() { ctl -j version | jq .generation; }

# routers_world: aditd, a host inside, and outside two routers and a namespace with the kernel that is
# followed, table TABLE of it.
routers_world() {
  ns gw wan
  bridge wan sw
  on_wan daemon 9
  router r1 1
  router r2 2
  config >"$CONFIG"
  start_gateway "$CONFIG"
  N gw ip link set outside0 netns "$LAB-wan"
  N wan ip link set outside0 address 02:00:00:00:ff:01
  N wan ip link set outside0 master sw up
  plug_host inside0 inside 02:00:00:00:10:01 10.1.0.1
  N inside sysctl -qw net.ipv6.conf.all.disable_ipv6=0 net.ipv6.conf.inside0.disable_ipv6=0
  N inside ip -6 addr add fd01::1/64 dev inside0 nodad
  N inside ip route add default via 10.1.0.254
  N inside ip -6 route add default via fd01::fe
  expect_way 10.9.0.1
  expect_way fd09::1
  expect "routes of the kernel before there are any" "$(routes length)" = 0
}

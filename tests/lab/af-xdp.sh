#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
# Ports on existing interfaces by AF_XDP.
# shellcheck source=tests/lab/lib.sh
source "$(dirname "$0")/lib.sh"
# shellcheck source=tests/lab/veth-world.sh
source "$(dirname "$0")/veth-world.sh"

python3 -c 'import socket; socket.socket(44, socket.SOCK_RAW)' 2>/dev/null ||
  skip "this kernel has no AF_XDP sockets"
veth_config af_xdp >"$CONFIG"
veth_world
tags_taken_off() { N gw ethtool -k up0 | sed -n 's/^rx-vlan-offload: //p'; }
expect "rxvlan of up0, before" "$(tags_taken_off)" = on
start_gateway "$CONFIG"
wait_neighbours 192.0.2.2 192.0.2.3
expect "rxvlan of up0" "$(tags_taken_off)" = off
veth_traffic
expect "rxvlan of up0, afterwards" "$(tags_taken_off)" = on

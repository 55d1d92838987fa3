#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
# AF_PACKET with jumbo frames, whose places in the ring are no power of two: packets go on after the
# first block of it.
UNDERLAY_MTU=9050
# shellcheck source=tests/lab/lib.sh
source "$(dirname "$0")/lib.sh"
# shellcheck source=tests/lab/veth-world.sh
source "$(dirname "$0")/veth-world.sh"

veth_config af_packet >"$CONFIG"
veth_world
start_gateway "$CONFIG"
wait_neighbours 192.0.2.2 192.0.2.3
veth_traffic

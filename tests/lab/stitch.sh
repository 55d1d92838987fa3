#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
# One network of three: an access port, a host behind the kernel's VXLAN, and a host behind
# Open vSwitch's GRE (its userspace datapath). All talk to each other, through adit.
# shellcheck source=tests/lab/lib.sh
source "$(dirname "$0")/lib.sh"
# shellcheck source=tests/lab/ovs-lib.sh
source "$LAB_TESTS/ovs-lib.sh"
lab_why=$(ovs_needs) || skip "$lab_why"

usual_config | sed 's/{address: 192.0.2.3}/{address: 192.0.2.3, kind: gre}/' >"$CONFIG"
underlay "$UNDERLAY_MTU"
ns gw
vtep v1 192.0.2.2 02:00:00:00:00:02
vtep_host v1 red1 100 "$RED1_MAC" "$RED1" noudpcsum

ovs_vtep
ovs_tunnel gre 192.0.2.1

usual_start

say "all ping each other, up to full-size frames"
for pair in "red $RED1" "red $RED2" "red1 $RED" "red1 $RED2" "red2 $RED" "red2 $RED1"; do
  read -r from to <<<"$pair"
  expect_ping "$from" "$to" 10
  expect_ping "$from" "$to" 10 "${FULL[@]}"
done

say "the MAC table has each behind its own"
expect_place "place of the access host" red "$RED_MAC" "port red0"
expect_place "place of the host behind VXLAN" red "$RED1_MAC" "remote 192.0.2.2"
expect_place "place of the host behind GRE" red "$RED2_MAC" "remote 192.0.2.3"

say "a file goes each way unchanged"
serve_file "$((2 << 20))" red red1 red2
expect_download red "$RED1" red1
expect_download red "$RED2" red2
expect_download red1 "$RED" red
expect_download red1 "$RED2" red2
expect_download red2 "$RED" red
expect_download red2 "$RED1" red1
ctl show remotes
expect_drops_only "packets dropped"

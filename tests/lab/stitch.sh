#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
# One network of three: an access port, a host behind the kernel's VXLAN, and a host behind
# Open vSwitch's GRE (its userspace datapath). All talk to each other, through adit.
# shellcheck source=tests/lab/lib.sh
source "$(dirname "$0")/lib.sh"

for tool in ovs-vswitchd ovsdb-server ovsdb-tool ovs-vsctl ovs-appctl; do
  type -P "$tool" >/dev/null || skip "$tool is not installed (scripts/setup installs it)"
done

usual_config | sed 's/{address: 192.0.2.3}/{address: 192.0.2.3, kind: gre}/' >"$CONFIG"
underlay "$UNDERLAY_MTU"
ns gw v2 red2
vtep v1 192.0.2.2 02:00:00:00:00:02
vtep_host v1 red1 100 "$RED1_MAC" "$RED1" noudpcsum

# Open vSwitch: bridge phy owns the VTEP's address, so that the datapath finds route and neighbour
# through it; bridge int has the host and the tunnel.
cable v2 eth0 under to-v2 "$UNDERLAY_MTU"
N under ip link set to-v2 master sw
cable v2 host red2 eth0 "$ACCESS_MTU"
# The datapath sends what the kernel hands over, unfinished checksums included.
N red2 ethtool -K eth0 tx off >/dev/null
N red2 ip link set eth0 address "$RED2_MAC"
N red2 ip addr add "$RED2/24" dev eth0
export OVS_RUNDIR=$LAB_TMP/ovs OVS_DBDIR=$LAB_TMP/ovs OVS_LOGDIR=$LAB_TMP/ovs
mkdir -p "$LAB_TMP/ovs"
ovsdb-tool create "$LAB_TMP/ovs/conf.db" /usr/share/openvswitch/vswitch.ovsschema
bg v2 ovsdb ovsdb-server "$LAB_TMP/ovs/conf.db" --remote="punix:$LAB_TMP/ovs/db.sock"
wait_for 5 test -S "$LAB_TMP/ovs/db.sock" || fail "ovsdb-server did not start"
vsctl() { ovs-vsctl --timeout=10 --db="unix:$LAB_TMP/ovs/db.sock" "$@"; }
vsctl --no-wait init
bg v2 vswitchd ovs-vswitchd "unix:$LAB_TMP/ovs/db.sock"
vsctl add-br phy -- set bridge phy datapath_type=netdev other_config:hwaddr=02:00:00:00:00:03 \
  -- add-port phy eth0 \
  -- add-br int -- set bridge int datapath_type=netdev -- add-port int host \
  -- add-port int gre0 -- set interface gre0 type=gre options:remote_ip=192.0.2.1
N v2 ip link set phy mtu "$UNDERLAY_MTU" up
N v2 ip addr add 192.0.2.3/24 dev phy
N v2 ip link set int up

usual_start

say "all ping each other, up to full-size frames"
for pair in "red $RED1" "red $RED2" "red1 $RED" "red1 $RED2" "red2 $RED" "red2 $RED1"; do
  read -r from to <<<"$pair"
  expect_ping "$from" "$to" 10
  expect_ping "$from" "$to" 10 "${FULL[@]}"
done

say "the MAC table has each behind its own"
expect "place of the access host" "$(fdb_place red "$RED_MAC")" = "port red0"
expect "place of the host behind VXLAN" "$(fdb_place red "$RED1_MAC")" = "remote 192.0.2.2"
expect "place of the host behind GRE" "$(fdb_place red "$RED2_MAC")" = "remote 192.0.2.3"

say "a file goes each way unchanged"
for host in red red1 red2; do
  serve_web "$host"
  head -c 2M /dev/urandom >"$LAB_TMP/www-$host/file"
done
download() { # HOST ADDRESS SERVER
  local got want
  want=$(sha256sum <"$LAB_TMP/www-$3/file")
  N "$1" curl -sS -m 15 -o "$LAB_TMP/got" "http://$2/file" || fail "curl from $1 to $2 failed"
  got=$(sha256sum <"$LAB_TMP/got")
  expect "SHA-256 of 2 MiB from $3 to $1" "${got%% *}" = "${want%% *}"
}
download red "$RED1" red1
download red "$RED2" red2
download red1 "$RED" red
download red1 "$RED2" red2
download red2 "$RED" red
download red2 "$RED1" red1
ctl show remotes
ctl show drops

# shellcheck shell=bash
# SPDX-License-Identifier: Apache-2.0
# Open vSwitch's userspace datapath as the VTEP v2, with the host red2 behind it. Source lib.sh
# first, then this; the configuration has set UNDERLAY_MTU and ACCESS_MTU by then.

# ovs_needs: says what the machine lacks and returns 1, or returns 0.
ovs_needs() {
  local tool
  for tool in ovs-vswitchd ovsdb-server ovsdb-tool ovs-vsctl ovs-appctl; do
    type -P "$tool" >/dev/null ||
      { echo "$tool is not installed (scripts/setup installs it)"; return 1; }
  done
}

ovs_control() { ovs-appctl --timeout=10 --target="$LAB_TMP/ovs/vswitchd.ctl" "$@"; }
vsctl() { ovs-vsctl --timeout=10 --db="unix:$LAB_TMP/ovs/db.sock" "$@"; }

# ovs_vtep: v2 with 192.0.2.3 on the underlay, and red2. Bridge phy owns the VTEP's address, so
# that the datapath finds route and neighbour through it; bridge int has the host and the tunnel.
ovs_vtep() {
  ns v2 red2
  # The kernel sees what arrives at eth0 too, and would answer ARP there with eth0's MAC.
  N v2 sysctl -qw net.ipv4.conf.all.arp_ignore=1
  cable v2 eth0 under to-v2 "$UNDERLAY_MTU"
  N under ip link set to-v2 master sw
  cable v2 host red2 eth0 "$ACCESS_MTU"
  # The datapath sends what the kernel hands over, pending checksums included.
  N red2 ethtool -K eth0 tx off >/dev/null
  N red2 ip link set eth0 address "$RED2_MAC"
  N red2 ip addr add "$RED2/24" dev eth0
  export OVS_RUNDIR=$LAB_TMP/ovs OVS_DBDIR=$LAB_TMP/ovs OVS_LOGDIR=$LAB_TMP/ovs
  mkdir -p "$LAB_TMP/ovs"
  ovsdb-tool create "$LAB_TMP/ovs/conf.db" /usr/share/openvswitch/vswitch.ovsschema
  bg v2 ovsdb ovsdb-server "$LAB_TMP/ovs/conf.db" --remote="punix:$LAB_TMP/ovs/db.sock"
  wait_for 5 test -S "$LAB_TMP/ovs/db.sock" || fail "ovsdb-server did not start"
  vsctl --no-wait init
  bg v2 vswitchd ovs-vswitchd --unixctl="$LAB_TMP/ovs/vswitchd.ctl" "unix:$LAB_TMP/ovs/db.sock"
  vsctl add-br phy -- set bridge phy datapath_type=netdev other_config:hwaddr=02:00:00:00:00:03 \
    -- add-port phy eth0 \
    -- add-br int -- set bridge int datapath_type=netdev -- add-port int host
  N v2 ip link set phy mtu "$UNDERLAY_MTU" up
  N v2 ip addr add 192.0.2.3/24 dev phy
  N v2 ip link set int up
}

# ovs_tunnel TYPE ADDRESS [OPTION...]: the one tunnel to adit's ADDRESS, instead of the last one.
# While the datapath does over its flows, it drops what none of them matches yet: that ends first.
ovs_tunnel() {
  local type=$1 address=$2
  shift 2
  vsctl --if-exists del-port int tun -- add-port int tun \
    -- set interface tun "type=$type" "options:remote_ip=\"$address\"" "$@"
  ovs_control revalidator/wait >/dev/null || fail "Open vSwitch does not come to rest"
}

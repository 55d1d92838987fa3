#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
# Open vSwitch's userspace datapath as the peer: GRE without key, GRE with key and checksum,
# VXLAN and Geneve, over IPv4 and IPv6. One vSwitch, its tunnel made anew for each.
# shellcheck source=tests/lab/lib.sh
source "$(dirname "$0")/lib.sh"

for tool in ovs-vswitchd ovsdb-server ovsdb-tool ovs-vsctl ovs-appctl; do
  type -P "$tool" >/dev/null || skip "$tool is not installed (scripts/setup installs it)"
done

# The largest encapsulation here takes 70 bytes (VXLAN and Geneve over IPv6).
ACCESS_MTU=$((UNDERLAY_MTU - 70))
readonly FULL_OVS=(-M "do" -s $((ACCESS_MTU - 28)))

config() { # REMOTE
  system_config
  cat <<YAML
ports:
  uplink:
    device: tap:up0
    mtu_bytes: $UNDERLAY_MTU
    mac: 02:00:00:00:00:01
    addresses: [192.0.2.1/24, "2001:db8::1/64"]
  red0: {device: "tap:red0", mtu_bytes: $ACCESS_MTU}
networks:
  red:
    vni: 100
    members: [{port: red0}]
    remotes:
      - {$1}
YAML
}

config "address: 192.0.2.3, kind: gre" >"$CONFIG"
underlay "$UNDERLAY_MTU"
ns gw v2 red2
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
  -- add-br int -- set bridge int datapath_type=netdev -- add-port int host
N v2 ip link set phy mtu "$UNDERLAY_MTU" up
N v2 sysctl -qw net.ipv6.conf.all.disable_ipv6=0 net.ipv6.conf.phy.disable_ipv6=0
N v2 ip addr add 192.0.2.3/24 dev phy
N v2 ip addr add 2001:db8::3/64 dev phy nodad
N v2 ip link set int up

usual_start 192.0.2.3
for host in red red2; do
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

# peer WHAT ADDRESS REMOTE TYPE [OPTION...]: the same tunnel at both ends, then traffic through it.
peer() {
  local what=$1 address=$2 remote=$3 type=$4 us=192.0.2.1 counter
  shift 4
  [[ $address != *:* ]] || us=2001:db8::1
  say "$what over $([[ $address == *:* ]] && echo IPv6 || echo IPv4)"
  vsctl --if-exists del-port int tun -- add-port int tun \
    -- set interface tun "type=$type" "options:remote_ip=\"$us\"" "$@"
  config "address: \"$address\", $remote" >"$CONFIG"
  ctl reload >/dev/null || fail "adit refused $remote"
  wait_neighbours "$address"
  expect_ping red "$RED2" 5
  expect_ping red2 "$RED" 5
  expect_ping red "$RED2" 5 "${FULL_OVS[@]}"
  expect_ping red2 "$RED" 5 "${FULL_OVS[@]}"
  download red "$RED2" red2
  download red2 "$RED" red
  for counter in rx_packets tx_packets; do
    expect "$counter of the remote" "$(ctl -j show remotes | jq "[.[].$counter] | add")" '>=' 20
  done
}

for address in 192.0.2.3 2001:db8::3; do
  peer "GRE without key" "$address" "kind: gre" gre
  peer "GRE with key and checksum" "$address" "kind: gre, id: 4711, checksum: true" gre \
    options:key=4711 options:csum=true
  peer "VXLAN" "$address" "kind: vxlan, id: 101" vxlan options:key=101 options:csum=true
  peer "Geneve" "$address" "kind: geneve, id: 102" geneve options:key=102 options:csum=true
done
ctl show drops

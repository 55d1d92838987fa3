#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
# aditd in the guest, on NICs that are PCI devices to it, as on a machine of its own: QEMU's, behind an
# IOMMU, bound to vfio-pci by scripts/vfio-bind, and driven by DPDK. Their other ends are TAPs here,
# where the hosts and the kernel's VXLAN are.
#
#   [red]--g1--[vmxnet3: red0][aditd in the guest][virtio, e1000, a bond of e1000e and e1000: uplink]--g0, g2, g3--[under]
# shellcheck source=tests/lab/lib.sh
source "$(dirname "$0")/lib.sh"
# shellcheck source=tests/lab/guest-lib.sh
source "$LAB_TESTS/guest-lib.sh"
lab_why=$(guest_needs) || skip "$lab_why"
readonly DRIVERS=(mempool_ring net_virtio net_vmxnet3 net_e1000 net_af_xdp)
drivers=()
for name in "${DRIVERS[@]}"; do
  # That file of DPDK's which EAL loads has the ABI's whole version in its name.
  file=$(compgen -G "/usr/lib/*/dpdk/pmds-*/librte_$name.so.*.*" | sed -n 1p) ||
    skip "DPDK has no $name here (scripts/setup installs it)"
  drivers+=("$file")
done

GUEST_TAPS=(g0 g1 g2 g3)
GUEST_NICS=("virtio-net-pci,mq=on,vectors=6,addr=04.0" "vmxnet3,addr=05.0" "e1000e,addr=06.0" "e1000,addr=07.0")
readonly VIRTIO=0000:00:04.0 VMXNET3=0000:00:05.0 E1000E=0000:00:06.0 E1000=0000:00:07.0
# Of aditd's own the control thread and two workers; DPDK needs more than Nehalem has.
GUEST_CPUS=3 GUEST_MEMORY_MB=768 GUEST_CPU=max GUEST_IOMMU=yes
GUEST_MODULES=(virtio_pci virtio_net virtio_console vmxnet3 tun vfio_iommu_type1 vfio_pci)
GUEST_PROGRAMS=(dash bash find flock ip ping setpriv "$ADITD" "$ADITCTL")
GUEST_LIBRARIES=("${drivers[@]}")
GUEST_FILES=("$LAB_ROOT/scripts/vfio-bind /bin" "$LAB_ROOT/scripts/hugepages /bin")

ACCOUNT=root
config() { # WORKERS PORT...
  cat <<YAML
system:
  workers: $1
  hugepages: yes
  memory_mb: 160
  mbufs: 16384
  user: $ACCOUNT
  socket: /run/adit/adit.sock
  log: {target: stderr, level: info}
ports:
$(printf '  %s\n' "${@:2}")
networks:
  red: {vni: 100, remotes: [{address: 192.0.2.2}]$([[ "${*:2}" != *red0* ]] || echo ', members: [{port: red0}]')}
YAML
}
UPLINK_OPTIONS="mtu_bytes: $UNDERLAY_MTU, mac: 02:00:00:00:00:01, addresses: [192.0.2.1/24]"
UPLINK="uplink: {device: \"$VIRTIO\", $UPLINK_OPTIONS}"
RED0="red0: {device: \"$VMXNET3\", mtu_bytes: $ACCESS_MTU}"

# Those of lib.sh, of the aditd in the guest.
ctl() { guest "aditctl --socket /run/adit/adit.sock $*"; }
put_config() { guest "echo $(base64 -w 0) | base64 -d >/run/adit.yaml"; }
# gateway_begin AS...: by those words, which say as whom. Its log goes to the guest's console.
gateway_begin() {
  guest "$* aditd --config /run/adit.yaml >/dev/ttyS0 2>&1 </dev/null & echo \$! >/run/pid"
  answers_or_ended() { guest "aditctl --socket /run/adit/adit.sock show ports || ! kill -0 \$(cat /run/pid)"; }
  wait_for 30 answers_or_ended || fail "aditd does not answer"
}
gateway_start() {
  gateway_begin "$@"
  ctl show ports
}
gateway_stop() {
  guest "kill \$(cat /run/pid); while kill -0 \$(cat /run/pid) 2>/dev/null; do usleep 50000; done"
  wait_for 10 log_has 'event=stopped' || fail "aditd did not stop by itself"
}
LOG='' log_from=0 # the guest's console, and how many of its lines were there before
log_since() { tail -n +$((log_from + 1)) "$LOG" | tr -d '\r'; }
log_new() { log_from=$(wc -l <"$LOG"); }
log_has() { log_since | has_line "$1"; }
reload() { # WHAT PORT...
  say "$1"
  config "$WORKERS" "${@:2}" | put_config
  ctl reload || fail "the reload was refused"
}
port_field() { ctl -j show ports | jq -r --arg p "$1" ".[] | select(.name == \$p) | .$2"; }
port_is() { [[ $(port_field "$1" "$2") == "$3" ]]; }
expect_port() { # PORT FIELD VALUE
  wait_for 10 port_is "$@" || fail "$2 of $1 is $(port_field "$1" "$2"), not $3"
  note "$2 of $1 is $3"
}

# difference HOST TAP PORT: what the TAP has more than adit's port, each way. There is no other loss.
difference() {
  local tx rx ports
  ports=$(ctl -j show ports)
  tx=$(N "$1" cat "/sys/class/net/$2/statistics/tx_packets") rx=$(N "$1" cat "/sys/class/net/$2/statistics/rx_packets")
  jq -r --arg p "$3" --argjson tx "$tx" --argjson rx "$rx" \
    '.[] | select(.name == $p) | "\($tx - .rx_packets - .rx_missed) \($rx - .tx_packets)"' <<<"$ports"
}
# difference_begin HOST TAP PORT: when nothing is on its way.
declare -A DIFFERENCE=()
difference_begin() {
  is_quiet() {
    DIFFERENCE[$3]=$(difference "$@")
    [[ $(difference "$@") == "${DIFFERENCE[$3]}" ]]
  }
  wait_for 10 is_quiet "$@" || fail "$2 is never quiet"
}
expect_exact() { # HOST TAP PORT
  is_exact() { [[ $(difference "$@") == "${DIFFERENCE[$3]}" ]]; }
  wait_for 10 is_exact "$@" ||
    fail "$3 and $2 differ by $(difference "$@") packets, at first by ${DIFFERENCE[$3]}"
  note "$3 counts what $2 counts: $(port_field "$3" rx_packets) packets received, $(port_field "$3" tx_packets) sent"
}
received_by() { ctl -j show workers | jq -r '[.[].received] | join(" ")'; }

answers() { N red ping -q -c 1 -W 1 "$RED1"; }
traffic() {
  # A device that was opened just now may have no link yet.
  wait_for 15 answers || fail "red gets no answer of $RED1"
  expect_ping red "$RED1" 20
  expect_ping red "$RED1" 5 "${FULL[@]}"
  expect_ping red1 "$RED" 5 "${FULL[@]}"
  expect_download red "$RED1" red1
  expect_download red1 "$RED" red
}

# expect_both_queues: of many flows each worker receives some.
expect_both_queues() {
  local first second now_first=0 now_second=0
  bg red silent python3 -c "
import socket, time
s = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
s.bind(('$RED', 9))
time.sleep(60)"
  is_bound() { [[ -n $(N red ss -Hlun 'sport = :9') ]]; }
  wait_for 10 is_bound
  read -r first second <<<"$(received_by)"
  N red1 python3 -c "
import socket
for port in range(2000, 2200):
    s = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
    s.bind(('', port))
    s.sendto(b'x', ('$RED', 9))"
  all_came() {
    read -r now_first now_second <<<"$(received_by)"
    ((now_first - first + now_second - second >= 200))
  }
  wait_for 10 all_came || fail "of 200 datagrams $((now_first - first)) and $((now_second - second)) came"
  expect "of 200 flows by the first worker" $((now_first - first)) '>=' 20
  expect "of 200 flows by the second worker" $((now_second - second)) '>=' 20
  kill "$BG_PID"
}

underlay "$UNDERLAY_MTU"
vtep v1 192.0.2.2 02:00:00:00:00:02
vtep_host v1 red1 100 "$RED1_MAC" "$RED1" noudpcsum
guest_boot
LOG=$LAB_TMP/qemu-$GUEST_ACCEL.log
ns red
N under ip link set g1 nomaster netns "$LAB-red"
N red ip link set g1 address "$RED_MAC" mtu "$ACCESS_MTU" up
N red ip addr add "$RED/24" dev g1
serve_file 500000 red red1
guest "mkdir -p /etc /run/adit && printf 'root:x:0:0::/:/bin/sh\nadit:x:990:990::/:/bin/sh\n' >/etc/passwd &&
  chown adit /run/adit && chmod 666 /dev/net/tun && hugepages 180M" || fail "the guest can not be prepared"
guest "aditd --version" || {
  (($? != 132)) || skip "aditd was built for more than the emulated processor has (-Dcpu=generic)"
  fail "aditd does not run in the guest"
}

say "NICs are taken from the kernel"
guest vfio-bind --status
guest "ip link set eth0 up"
out=$(guest vfio-bind eth0 eth1 2>&1) && fail "vfio-bind has taken an interface that is up"
expect_match "the refusal" "$out" "its interface eth0 is up"
guest "ip link set eth0 down; vfio-bind --user adit eth0 eth1" || fail "vfio-bind failed"

say "a device with fewer queues than workers is refused, and that is all there is to read"
WORKERS=2
guest "vfio-bind $E1000E $E1000" || fail "vfio-bind failed"
config 2 "$UPLINK" "bad: {device: \"$E1000\"}" | put_config
log_new
gateway_begin ""
wait_for 10 log_has event=failed || fail "aditd has not refused it"
log_since | grep event=failed
log_has "port bad: the device has 1 receive and 1 transmit queues" || fail "the reason is another one"
expect "DPDK's lines about its devices" "$(log_since | grep -c 'event=dpdk.*EAL' || true)" '<=' 5

say "two workers, two queues, not as root"
ACCOUNT=adit
config 2 "$UPLINK" "$RED0" | put_config
capabilities=-all,+net_admin,+net_raw,+ipc_lock,+sys_admin,+bpf,+perfmon # as adit.service has them
log_new
gateway_start RUNTIME_DIRECTORY=/run/adit setpriv --reuid 990 --regid 990 --clear-groups \
  --inh-caps $capabilities --ambient-caps $capabilities --bounding-set $capabilities
for port in "uplink net_virtio" "red0 net_vmxnet3"; do
  expect "driver of ${port% *}" "$(port_field "${port% *}" driver)" = "${port#* }"
  for field in rx_queues tx_queues; do
    expect "$field of ${port% *}" "$(port_field "${port% *}" $field)" = 2
  done
done
wait_neighbours 192.0.2.2
expect_ping red "$RED1" 1
difference_begin under g0 uplink
difference_begin red g1 red0
traffic
expect_exact under g0 uplink
expect_exact red g1 red0
expect_drops_only "drops"

say "both queues are received on"
expect_both_queues

say "cables are pulled and plugged"
for port in "0 uplink" "1 red0"; do
  guest_link "${port% *}" off
  expect_port "${port#* }" link down
  expect "speed of ${port#* } then" "$(port_field "${port#* }" speed_mbps)" = 0
  wait_for 5 log_has "event=link_down port=${port#* } " || fail "no line link_down of ${port#* }"
  guest_link "${port% *}" on
  expect_port "${port#* }" link up
  wait_for 5 log_has "event=link_up port=${port#* } " || fail "no line link_up of ${port#* }"
done
wait_neighbours 192.0.2.2
traffic

reload "a NIC goes by a reload, and is the kernel's again" "$UPLINK"
out=$(guest "vfio-bind --undo $VIRTIO" 2>&1) && fail "vfio-bind has taken a NIC from aditd"
expect_match "the refusal" "$out" 'is in use by [0-9]+ \(aditd\)'
guest "vfio-bind --undo $VMXNET3" || fail "the NIC can not be given back"
interface=$(guest "ls /sys/bus/pci/devices/$VMXNET3/net") # the next free name, without udev
guest "ip addr add 10.1.0.99/24 dev $interface && ip link set $interface up" || fail "the kernel can not use it"
expect_guest_ping "$RED" 3
guest "ip link set $interface down; vfio-bind --user adit $interface" || fail "vfio-bind failed"
reload "it comes by a reload" "$UPLINK" "$RED0"
traffic
reload "it is opened anew" "$UPLINK" "red0: {device: \"$VMXNET3\", mtu_bytes: $ACCESS_MTU, rx_ring: 256}"
traffic
gateway_stop

say "one worker, and an uplink by e1000"
WORKERS=1 ACCOUNT=root
config 1 "uplink: {device: \"$E1000\", $UPLINK_OPTIONS}" "$RED0" | put_config
log_new
gateway_start ""
expect "driver of uplink" "$(port_field uplink driver)" = net_e1000_em
wait_neighbours 192.0.2.2
traffic
guest_link 3 off
expect_port uplink link down
guest_link 3 on
expect_port uplink link up
gateway_stop

say "the uplink is a bond of e1000e and e1000"
bond_of() { # MEMBER...
  echo "uplink: {bond: {mode: active-backup, members: [$(printf '"%s", ' "$@")], primary: \"$E1000E\"}, $UPLINK_OPTIONS}"
}
active() { ctl -j show bonds | jq -r '[.[] | select(.active) | .member] | join(" ")'; }
active_is() { [[ $(active) == "$1" ]]; }
expect_active() {
  wait_for 10 active_is "$1" || fail "the active member is $(active), not $1"
  note "the active member is $1"
}
config 1 "$(bond_of "$E1000E" "$E1000")" "$RED0" | put_config
log_new
gateway_start ""
expect_active "$E1000E"
wait_neighbours 192.0.2.2
traffic
pings_begin red over 0.05 "$RED1"
wait_for 10 pings_past over 10
guest_link 2 off
expect_active "$E1000"
expect "link of the bond" "$(port_field uplink link)" = up
count=$(($(ping_answers over | tail -n 1) + 20))
end_pings over "$count"
expect "pings lost, of 20 a second" $((count - $(pings_answered over "$count"))) '<=' $((20 * LAB_PATIENCE))
expect_ping red "$RED1" 5 "${FULL[@]}"
guest_link 2 on
expect_active "$E1000E"
expect_ping red "$RED1" 5
guest_link 2 off
guest_link 3 off
expect_port uplink link down
guest_link 3 on
expect_port uplink link up
expect_ping red "$RED1" 5
guest_link 2 on
gateway_stop

say "the kernel's NIC by AF_XDP: two queues, a worker each"
guest "vfio-bind --undo $VIRTIO" || fail "the NIC can not be given back"
interface=$(guest "ls /sys/bus/pci/devices/$VIRTIO/virtio*/net")
guest "ip link set $interface up" || fail "the kernel can not use it"
WORKERS=2
config 2 "uplink: {device: \"af_xdp:$interface\", ${UPLINK_OPTIONS/mac: 02:00:00:00:00:01, /}}" "$RED0" | put_config
log_new
gateway_start ""
for field in rx_queues tx_queues; do
  expect "$field of uplink" "$(port_field uplink $field)" = 2
done
ctl show steering
wait_neighbours 192.0.2.2
traffic
expect_both_queues
gateway_stop

say "all are the kernel's again"
guest "vfio-bind --undo; vfio-bind --status; hugepages --undo" || fail "not all could be given back"
interface=$(guest "ls /sys/bus/pci/devices/$VIRTIO/virtio*/net")
guest "ip addr add 192.0.2.9/24 dev $interface && ip link set $interface up" || fail "the kernel can not use it"
expect_guest_ping 192.0.2.2 3

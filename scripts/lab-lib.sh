# shellcheck shell=bash
# SPDX-License-Identifier: Apache-2.0
# Helpers of the demo and the lab tests: network namespaces, aditd on TAP ports, and peers
# that are the Linux kernel's own VXLAN devices. Source it, then call lab_init.
#
#   access host            gateway                   underlay            VTEPs: the kernel's VXLAN
#   [red]--tap red0--[aditd in gw]--tap up0--[under: bridge]--veth--[v1]--vxlan--[red1], [blue1]
#                                                           `--veth--[v2]--vxlan--[red2], [blue2]
#
# Every interface is made inside a namespace of ours; those of the machine are never touched.
# A TAP port is made by aditd in gw and then moved to where its cable would lead ("plugged").

# shellcheck disable=SC2034  # for those who source this
LAB_ROOT=$(cd "$(dirname "${BASH_SOURCE[0]}")/.." && pwd)
LAB=        # prefix of all our namespaces
LAB_TMP=    # everything we write
LAB_KEEP=no # yes: a shell that ends well leaves everything as it is
GATEWAY_PID=

say() { echo "== $*"; }
note() { echo "   $*"; }
fail() {
  echo "FAIL: $*" >&2
  exit 1
}
skip() {
  echo "SKIP: $*"
  exit 77 # meson reads it as skipped
}

# has_line GREP'S-ARGUMENT...: whether what comes through the pipe has such a line. Unlike grep -q it reads
# all: else the writer ends by SIGPIPE, and the pipe fails although the line is there.
has_line() {
  local lines
  lines=$(grep "$@")
}

# lab_init PREFIX [TMPDIR]: after this, everything is removed when the shell ends, however it ends.
lab_init() {
  LAB=$1
  LAB_TMP=${2:-$(mktemp -d "${TMPDIR:-/tmp}/$1.XXXXXX")}
  export STATE_DIRECTORY=$LAB_TMP/state # where aditd keeps its revisions
  trap lab_cleanup EXIT
  trap 'exit 130' INT
  trap 'exit 143' TERM
  trap 'exit 129' HUP
}

# lab_needs: says what the machine lacks and returns 1, or returns 0.
lab_needs() {
  local tool
  ((EUID == 0)) || { echo "network namespaces need root"; return 1; }
  for tool in ip ping tcpdump iperf3 curl jq ethtool nginx; do
    [[ -x $(PATH=$PATH:/usr/sbin:/sbin type -P "$tool") ]] ||
      { echo "$tool is not installed (scripts/setup installs it)"; return 1; }
  done
  [[ -c /dev/net/tun ]] || { echo "/dev/net/tun is missing (modprobe tun)"; return 1; }
  local probe=adit-probe-$$ what=
  ip netns add "$probe" 2>/dev/null || { echo "network namespaces can not be made here"; return 1; }
  ip -n "$probe" link add v0 type veth peer name v1 2>/dev/null || what="veth"
  ip -n "$probe" link add b0 type bridge 2>/dev/null || what="bridge"
  ip -n "$probe" link add x0 type vxlan id 1 remote 192.0.2.1 dstport 4789 2>/dev/null ||
    what="VXLAN"
  ip netns del "$probe"
  [[ -z $what ]] || { echo "this kernel has no $what devices"; return 1; }
}

# lab_kill PID...: TERM, five seconds of patience, KILL. Who has ended already is no error.
lab_kill() {
  local pid tries
  kill "$@" 2>/dev/null || true
  for pid in "$@"; do
    for ((tries = 0; tries < 50; ++tries)); do
      kill -0 "$pid" 2>/dev/null || break
      sleep 0.1
    done
    kill -KILL "$pid" 2>/dev/null || true
    wait "$pid" 2>/dev/null || true
  done
}

# lab_remove PREFIX: end what runs in the namespaces PREFIX-*, then remove them. They are ours
# by name, so what runs in them is ours too.
lab_remove() {
  local name pids=()
  local -a names=()
  mapfile -t names < <(ip netns list 2>/dev/null | awk '{ print $1 }' | grep "^$1-" || true)
  for name in ${names[@]+"${names[@]}"}; do
    mapfile -t -O "${#pids[@]}" pids < <(ip netns pids "$name" 2>/dev/null)
  done
  ((${#pids[@]} == 0)) || lab_kill "${pids[@]}"
  for name in ${names[@]+"${names[@]}"}; do ip netns del "$name" 2>/dev/null || true; done
}

# lab_sweep: remove what a lab test left that was killed hard: its namespaces carry its pid.
lab_sweep() {
  local prefix
  while read -r prefix; do
    kill -0 "${prefix##*-}" 2>/dev/null || lab_remove "$prefix"
  done < <(ip netns list 2>/dev/null | sed -nE 's/^(adit-[a-z0-9-]+-[0-9]+)-.*/\1/p' | sort -u)
}

lab_cleanup() {
  local rc=$? log
  trap - EXIT
  trap '' INT TERM HUP # a second Ctrl-C must not leave half of it behind
  if [[ $LAB_KEEP == yes && $rc == 0 ]]; then exit 0; fi
  if ((rc == 129 || rc == 130 || rc == 143)); then
    echo "interrupted: taking all of it down" >&2
  elif ((rc != 0 && rc != 77)); then
    if [[ -n ${GATEWAY_PID-} && -d /proc/$GATEWAY_PID ]]; then
      echo "--- threads of aditd: state, processor, seconds of it, where they wait; load $(</proc/loadavg)" >&2
      ps -L -p "$GATEWAY_PID" -o tid,stat,psr,time,wchan:20,comm >&2 || true
    fi
    echo "--- what the lab has started and has not ended:" >&2
    ps --ppid "$$" -o pid,stat,psr,time,etime,wchan:20,args >&2 || true
    if [[ -S $LAB_TMP/adit.sock ]]; then
      for log in workers ports neighbours fdb drops; do
        echo "--- aditctl show $log:" >&2
        # The lab has failed: perhaps it is adit that does not answer.
        timeout 5 "$ADITCTL" --socket "$LAB_TMP/adit.sock" show "$log" >&2 || true
      done
    fi
    for log in "$LAB_TMP"/*.log; do
      [[ -s $log ]] || continue
      echo "--- the end of ${log##*/}:" >&2
      tail -n 30 "$log" >&2
    done
  fi
  lab_remove "$LAB"
  awk -v below="$LAB_TMP/" 'index($2, below) == 1 { print $2 }' /proc/self/mounts |
    xargs -r umount -l || true
  rm -rf "$LAB_TMP"
  exit "$rc"
}

# --- namespaces, cables, processes -----------------------------------------------------------

# ns NAME...: make namespaces, without IPv6: its unasked chatter has no place in our counts.
ns() {
  local name
  for name; do
    ip netns add "$LAB-$name"
    N "$name" sysctl -qw net.ipv6.conf.all.disable_ipv6=1 net.ipv6.conf.default.disable_ipv6=1 \
      2>/dev/null || true
    N "$name" ip link set lo up
  done
}

# N NAME COMMAND...: run in a namespace.
N() {
  local name=$1 tool=$2
  shift
  case $tool in
    # These enter a namespace by themselves: one process less.
    ip | bridge) command "$tool" -n "$LAB-$name" "${@:2}" ;;
    *) ip netns exec "$LAB-$name" "$@" ;;
  esac
}

# bg NAME LOG COMMAND...: run in a namespace until the end; BG_PID is its pid.
bg() {
  local name=$1 log=$2
  shift 2
  ip netns exec "$LAB-$name" "$@" >"$LAB_TMP/$log.log" 2>&1 </dev/null &
  BG_PID=$!
}

# bridge NAME BRIDGE [MTU]: a plain learning bridge.
bridge() {
  N "$1" ip link add "$2" mtu "${3:-1500}" type bridge stp_state 0 forward_delay 0 mcast_snooping 0
  N "$1" ip link set "$2" up
}

# cable NAME1 IF1 NAME2 IF2 MTU: a veth pair.
cable() {
  ip link add "$2" netns "$LAB-$1" mtu "$5" type veth peer name "$4" netns "$LAB-$3" mtu "$5"
  N "$1" ip link set "$2" up
  N "$3" ip link set "$4" up
}

# wait_for SECONDS COMMAND...: until COMMAND succeeds; SECONDS on a machine that does nothing else, and
# LAB_PATIENCE times as long on any other. Nothing is judged by how long it took: what holds in the
# end is right.
LAB_PATIENCE=${LAB_PATIENCE:-6}
wait_for() {
  local seconds=$1 end=$((${EPOCHREALTIME/./} + $1 * LAB_PATIENCE * 1000000))
  shift
  until "$@" >/dev/null 2>&1; do
    ((${EPOCHREALTIME/./} < end)) || {
      note "waited $((seconds * LAB_PATIENCE)) s in vain for: $*"
      return 1
    }
    sleep 0.1
  done
}

# --- the underlay and the VTEPs ----------------------------------------------------------------

# underlay MTU: namespace under, with the bridge that stands for the rack's switch.
underlay() {
  ns under
  bridge under sw "$1"
  UNDERLAY_MTU=$1
}

# vtep NAME ADDRESS MAC: a host on the underlay that speaks VXLAN.
vtep() {
  ns "$1"
  cable "$1" eth0 under "to-$1" "$UNDERLAY_MTU"
  N "$1" ip link set eth0 address "$3"
  N "$1" ip addr add "$2/24" dev eth0
  N under ip link set "to-$1" master sw
}

# vtep_host VTEP HOST VNI MAC ADDRESS [VXLAN OPTION...]: a tenant's host behind a VTEP. Its eth0
# is the VTEP's VXLAN device, which keeps sending through the namespace that it was made in.
vtep_host() {
  local vtep=$1 host=$2 vni=$3 mac=$4 address=$5 local_address
  shift 5
  [[ -e /run/netns/$LAB-$host ]] || ns "$host"
  local_address=$(N "$vtep" ip -j -4 addr show dev eth0 | jq -r '.[0].addr_info[0].local')
  N "$vtep" ip link add "vx$vni" type vxlan id "$vni" dev eth0 local "$local_address" \
    remote 192.0.2.1 dstport 4789 "$@"
  N "$vtep" ip link set "vx$vni" netns "$LAB-$host" name eth0
  N "$host" ip link set eth0 address "$mac"
  N "$host" ip addr add "$address/24" dev eth0
  N "$host" ip link set eth0 up
}

# --- aditd -------------------------------------------------------------------------------------

# lab_binaries BUILD_DIR: finds aditd, aditctl and adit-replay in a build directory.
lab_binaries() {
  local build=$1 name
  for name in aditd aditctl adit-replay; do
    local path
    path=$(find "$build" -name "$name" -perm -u+x -not -type d -print -quit 2>/dev/null)
    [[ -n $path ]] || { echo "no $name in $build: build first (ninja -C $build)"; return 1; }
    case $name in
      aditd) ADITD=$path ;;
      aditctl) ADITCTL=$path ;;
      adit-replay) ADIT_REPLAY=$path ;;
    esac
  done
  export ADITD ADITCTL ADIT_REPLAY
}

ctl() {
  local tries rc
  if [[ ${1-} != reload ]]; then
    "$ADITCTL" --socket "$LAB_TMP/adit.sock" "$@"
    return
  fi
  # On a machine that gives a worker no time for seconds a reload is refused, and changes nothing.
  for tries in {1..30}; do
    rc=0
    "$ADITCTL" --socket "$LAB_TMP/adit.sock" "$@" 2>"$LAB_TMP/reload.err" || rc=$?
    if ((rc == 0)) || ! grep -q "has made no pass" "$LAB_TMP/reload.err"; then break; fi
    ((tries == 30)) || sleep 1
  done
  cat "$LAB_TMP/reload.err" >&2
  return "$rc"
}

# in_own_session: what begins a command's line for it. Linux shares processors out among sessions first, and within one by what
# it has on each processor. A worker that stays on one of them would get next to nothing for seconds
# where the lab's other processes are busy on others. And aditd gets more than others, as on a
# machine that has processors for it alone.
# shellcheck disable=SC2016  # the other shell's words
in_own_session=(setsid bash -c 'echo -5 2>/dev/null >/proc/self/autogroup || true; exec "$0" "$@"')

# start_gateway CONFIG: aditd in namespace gw, and wait until its socket answers.
start_gateway() {
  local end=$((SECONDS + 15 * LAB_PATIENCE))
  bg gw aditd "${in_own_session[@]}" "$ADITD" --config "$1"
  GATEWAY_PID=$BG_PID
  until ctl show ports >/dev/null 2>&1; do
    kill -0 "$GATEWAY_PID" 2>/dev/null || fail "aditd ended at the start; its words are in aditd.log"
    ((SECONDS < end)) || fail "aditd did not answer on its socket within $((15 * LAB_PATIENCE)) seconds"
    sleep 0.1
  done
}

# stop_gateway: SIGTERM; the exit code is aditd's.
stop_gateway() {
  local rc=0
  kill -TERM "$GATEWAY_PID"
  wait "$GATEWAY_PID" || rc=$?
  GATEWAY_PID=
  return "$rc"
}

# plug_uplink TAP: lead aditd's TAP port from gw to the underlay's switch. The TAP shows adit's
# own MAC on the kernel's side too, where a bridge would take frames to it for its own: it gets
# another one there.
plug_uplink() {
  N gw ip link set "$1" netns "$LAB-under"
  N under ip link set "$1" address 02:00:00:00:ff:01
  N under ip link set "$1" master sw up
}

# plug_host TAP HOST MAC ADDRESS: the kernel's side of the TAP is the host's network card.
plug_host() {
  [[ -e /run/netns/$LAB-$2 ]] || ns "$2"
  N gw ip link set "$1" netns "$LAB-$2"
  N "$2" ip link set "$1" address "$3"
  N "$2" ip addr add "$4/24" dev "$1"
  N "$2" ip link set "$1" up
}

# neighbour_state ADDRESS: as adit sees it.
neighbour_state() {
  ctl -j show neighbours | jq -r --arg a "$1" '[.[] | select(.address == $a) | .state][0] // "none"'
}
neighbour_ready() { [[ $(neighbour_state "$1") =~ ^(reachable|static)$ ]]; }

# wait_neighbours ADDRESS...: until adit knows the way to these VTEPs.
wait_neighbours() {
  local address
  for address; do
    wait_for 10 neighbour_ready "$address" ||
      fail "adit found no way to $address: its state is $(neighbour_state "$address"), should be reachable or static"
  done
}

# --- servers -----------------------------------------------------------------------------------

# serve_iperf HOST
serve_iperf() {
  bg "$1" "iperf3-$1" iperf3 -s
  wait_for 5 lab_listens "$1" 5201 || fail "iperf3 does not listen in $1"
}

# iperf HOST OPTION...: what iperf3 has to say, as JSON. Its server takes nobody for a moment after each
# test: then once more.
iperf() {
  local host=$1 result error i
  shift
  for ((i = 0; i < 50; i++)); do
    result=$(N "$host" iperf3 -J "$@") || true
    error=$(jq -r '.error // ""' <<<"$result")
    [[ $error =~ 'unable to connect'|'busy' ]] || break
    sleep 0.1
  done
  echo "$result"
  [[ -z $error && -n $result ]]
}

lab_listens() { [[ -n $(N "$1" ss -Hltn "sport = :$2") ]]; }

# serve_web HOST: nginx on port 80 with the files of $LAB_TMP/www-HOST.
serve_web() {
  local listen6=
  [[ ! -e /proc/net/if_inet6 ]] || listen6='listen [::]:80;'
  mkdir -p "$LAB_TMP/www-$1"
  chmod 755 "$LAB_TMP" "$LAB_TMP/www-$1"
  lab_nginx "$1" 80 "server { listen 80; $listen6 root $LAB_TMP/www-$1; }"
}

# lab_nginx HOST PORT SERVERS: nginx with those blocks, which listens on the port. LAB_NGINX: more of its
# settings.
LAB_NGINX=
lab_nginx() {
  local dir=$LAB_TMP/nginx-$1
  mkdir -p "$dir"
  cat >"$dir/nginx.conf" <<CONF
user root;
daemon off;
worker_processes 1;
pid $dir/nginx.pid;
error_log stderr;
events { worker_connections 64; }
http {
  access_log off;
  $LAB_NGINX
  client_body_temp_path $dir/body;
  proxy_temp_path $dir/proxy;
  fastcgi_temp_path $dir/fastcgi;
  uwsgi_temp_path $dir/uwsgi;
  scgi_temp_path $dir/scgi;
$3
}
CONF
  bg "$1" "nginx-$1" nginx -p "$dir" -c "$dir/nginx.conf"
  wait_for 5 lab_listens "$1" "$2" || fail "nginx does not listen in $1"
}

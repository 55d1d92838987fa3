# shellcheck shell=bash
# SPDX-License-Identifier: Apache-2.0
# A guest: a Debian kernel under QEMU, as a host on the underlay. It brings the tunnels that the
# machine's own kernel may lack, and nobody here wrote it. Source lib.sh first, then this.
#
#   [under: bridge sw]--tap to-guest--[QEMU: eth0 of the guest, tunnel devices, tenant's addresses]
#
# With GUEST_TAPS set to several, it has as many interfaces, and their TAPs are left alone in
# namespace GUEST_NS unless that is `under`. GUEST_NICS says which NICs the guest has.
#
# QEMU runs in that namespace and ends with it. The guest has no disk: its root is an initramfs
# made here of busybox, ip and ping. Commands reach it over a virtio port, one line each way.
readonly GUEST_MAC=02:00:00:00:00:04 # of the first interface; that of the next ends in 5
GUEST_NS=under GUEST_TAPS=(to-guest)
# Of each TAP the model of the NIC and its options, virtio-net-pci by itself; `mq=on,...` makes two queues.
GUEST_NICS=()
GUEST_CPUS=1 GUEST_MEMORY_MB=192 GUEST_CPU=Nehalem
GUEST_IOMMU=no # yes: Intel's, which vfio-pci needs
# virtio to talk to us, what stands behind a tunnel, then the tunnels.
GUEST_MODULES=(
  virtio_pci virtio_net virtio_console dummy bridge bonding
  ip_gre ip6_gre ipip sit ip6_tunnel
)
# Busybox has an ip and a ping too, but no tunnels with a key, and no choice of the DF bit. Its
# shell would take its own before any in PATH, hence another shell.
GUEST_PROGRAMS=(dash ip ping)
GUEST_LIBRARIES=() # beside those that programs are linked with
GUEST_FILES=()     # "FILE FOLDER" of the guest
GUEST_TIMEOUT_S=180 # for one command; the machine may be busy
GUEST_PID=
GUEST_DIR=

# guest_needs: says what the machine lacks and returns 1, or returns 0.
guest_needs() {
  local tool
  for tool in qemu-system-x86_64 busybox modprobe; do
    PATH=$PATH:/usr/sbin:/sbin type -P "$tool" >/dev/null ||
      { echo "$tool is not installed (scripts/setup installs it)"; return 1; }
  done
  "$LAB_ROOT/scripts/guest-kernel" --find >/dev/null ||
    { echo "there is no kernel for the guest (scripts/setup fetches it)"; return 1; }
}

# guest_boot: from nothing to a guest that takes commands, its eth0 up and without addresses; with
# GUEST_NICS all its interfaces are down.
guest_boot() {
  local kernel
  kernel=$("$LAB_ROOT/scripts/guest-kernel" --find)
  GUEST_DIR=$LAB_TMP/guest
  mkdir -p "$GUEST_DIR"
  guest_initramfs "$(tail -n 1 <<<"$kernel")" "$GUEST_DIR/initramfs"
  local tap i queues
  for i in "${!GUEST_TAPS[@]}"; do
    tap=${GUEST_TAPS[i]} queues=
    ! guest_has_queues "$i" || queues=multi_queue
    # shellcheck disable=SC2086  # nothing or a word
    N "$GUEST_NS" ip tuntap add dev "$tap" mode tap $queues
    N "$GUEST_NS" ip link set "$tap" mtu "$UNDERLAY_MTU" up
    [[ $GUEST_NS != under ]] || N "$GUEST_NS" ip link set "$tap" master sw
  done
  # Opened for both directions, so that neither side waits for the other, nor sees an end.
  mkfifo "$GUEST_DIR/port.in" "$GUEST_DIR/port.out"
  exec {GUEST_IN}<>"$GUEST_DIR/port.in" {GUEST_OUT}<>"$GUEST_DIR/port.out"
  guest_start "$(head -n 1 <<<"$kernel")"
  ((${#GUEST_NICS[@]} > 0)) || guest ip link set eth0 mtu "$UNDERLAY_MTU" up
  note "the guest runs $(guest uname -r), by $GUEST_ACCEL, for $(guest "cut -d. -f1 /proc/uptime") s"
}

# guest_start KERNEL: by KVM where that runs a stock kernel, else by emulation. /dev/kvm alone
# tells little: nested in some clouds it is there, and the guest stops at its first instruction.
# What was found is remembered until the machine's next start; ADIT_GUEST_ACCEL says it instead.
readonly GUEST_ACCEL_FILE=/run/adit-guest-accel
guest_start() {
  local accel
  local -a accels=(tcg)
  [[ ! -w /dev/kvm ]] || accels=(kvm tcg)
  [[ ! -s $GUEST_ACCEL_FILE ]] || accels=("$(<"$GUEST_ACCEL_FILE")")
  [[ -z ${ADIT_GUEST_ACCEL-} ]] || accels=("$ADIT_GUEST_ACCEL")
  for accel in "${accels[@]}"; do
    GUEST_ACCEL=$accel
    guest_qemu "$1" "$accel"
    if guest_ready "$([[ $accel == kvm ]] && echo 6 || echo 60)"; then
      [[ -n ${ADIT_GUEST_ACCEL-} ]] || echo "$accel" >"$GUEST_ACCEL_FILE"
      return
    fi
    lab_kill "$GUEST_PID"
  done
  [[ -n ${ADIT_GUEST_ACCEL-} ]] || rm -f "$GUEST_ACCEL_FILE"
  fail "the guest did not boot; its console is in qemu-$accel.log"
}

guest_has_queues() { [[ ${GUEST_NICS[$1]-} == *mq=on* ]]; }

guest_qemu() { # KERNEL ACCEL
  local cpu=$GUEST_CPU accel=tcg,tb-size=128 options=
  # Frames as they are on a wire: no checksum is left for somebody else, none is beyond the MTU.
  local plain=csum=off,gso=off,guest_csum=off,guest_tso4=off,guest_tso6=off,guest_ufo=off
  plain+=,host_tso4=off,host_tso6=off,host_ufo=off,mrg_rxbuf=on
  [[ $2 == tcg ]] || { accel=$2 cpu=host; }
  local -a nics=() iommu=()
  local i nic queues
  if [[ $GUEST_IOMMU == yes ]]; then
    [[ $2 == tcg ]] || accel+=,kernel-irqchip=split
    # Before the NICs, which look for it. Devices of virtio go by it only if told to.
    iommu=(-device "intel-iommu,intremap=on")
    plain+=,iommu_platform=on,disable-legacy=on
    # The kernel would give up where the timer's interrupts come late, as on a busy machine.
    options=" intel_iommu=on no_timer_check"
  fi
  for i in "${!GUEST_TAPS[@]}"; do
    nic=${GUEST_NICS[i]:-virtio-net-pci} queues=
    # Others have no options for that, but the TAP has.
    if [[ $nic == virtio-net-pci* ]]; then nic+=,speed=10000,duplex=full,$plain; else queues=,vnet_hdr=off; fi
    ! guest_has_queues "$i" || queues=,queues=2
    nics+=(-netdev "tap,id=net$i,ifname=${GUEST_TAPS[i]},script=no,downscript=no,vhost=off$queues"
      -device "$nic,id=nic$i,netdev=net$i,mac=${GUEST_MAC%?}$((4 + i)),romfile=")
  done
  bg "$GUEST_NS" "qemu-$2" qemu-system-x86_64 -nodefaults -no-user-config -display none -no-reboot \
    -machine q35 -accel "$accel" -cpu "$cpu" -smp "$GUEST_CPUS" -m "$GUEST_MEMORY_MB" \
    -kernel "$1" -initrd "$GUEST_DIR/initramfs" -serial stdio \
    -append "console=ttyS0 quiet loglevel=4 panic=-1 mitigations=off random.trust_cpu=on audit=0$options" \
    ${iommu[@]+"${iommu[@]}"} "${nics[@]}" -chardev "socket,id=monitor,path=$GUEST_DIR/monitor,server=on,wait=off" \
    -mon chardev=monitor,mode=control \
    -device virtio-serial-pci -chardev "pipe,id=port,path=$GUEST_DIR/port" \
    -device virtserialport,chardev=port,name=adit
  GUEST_PID=$BG_PID
}

# guest_ready SECONDS: until the guest's first line.
guest_ready() {
  local end=$((SECONDS + $1)) line=
  while ((SECONDS < end)) && kill -0 "$GUEST_PID" 2>/dev/null; do
    if read -r -t 1 line <&"$GUEST_OUT" && [[ $line == ready ]]; then return 0; fi
  done
  return 1
}

# guest COMMAND...: run shell text in the guest; its output and errors, its exit code.
guest() {
  local tag=$EPOCHREALTIME got what value
  kill -0 "$GUEST_PID" 2>/dev/null || fail "the guest is gone; command: $*"
  printf '%s %s\n' "$tag" "$(base64 -w 0 <<<"$*")" >&"$GUEST_IN"
  while read -r -t "$GUEST_TIMEOUT_S" got what value <&"$GUEST_OUT"; do
    [[ $got == "$tag" ]] || continue # an answer that came too late for its question
    [[ $what == output ]] || return "$value"
    base64 -d <<<"$value"
  done
  fail "no answer from the guest within $GUEST_TIMEOUT_S seconds to: $*"
}

# guest_link NUMBER on|off: the cable of the guest's interface, as the guest sees it.
guest_link() {
  python3 - "$GUEST_DIR/monitor" "nic$1" "$([[ $2 == on ]] && echo true || echo false)" <<'QMP'
import json, socket, sys
monitor = socket.socket(socket.AF_UNIX)
monitor.connect(sys.argv[1])
lines = monitor.makefile("rw")
lines.readline()
for command in ({"execute": "qmp_capabilities"},
                {"execute": "set_link", "arguments": {"name": sys.argv[2], "up": sys.argv[3] == "true"}}):
    lines.write(json.dumps(command) + "\n")
    lines.flush()
    while True:
        answer = json.loads(lines.readline())
        if "error" in answer:
            sys.exit(answer["error"]["desc"])
        if "return" in answer:
            break
QMP
}

expect_guest_ping() { # ADDRESS COUNT [OPTION...]
  local address=$1 count=$2 got
  # shellcheck disable=SC2034  # for ping_burst
  local PING_PATIENCE_S=10
  shift 2
  # shellcheck disable=SC2046  # words
  got=$(guest $(ping_burst "$count" "$address" "$@") | received) || true
  expect "the guest pings $address $count times${1:+ with $*}: lost" "$((count - ${got:-0}))" = 0
}

# guest_serve_file BYTES: on all its addresses. A MiB takes about a second with an emulated CPU.
guest_serve_file() {
  guest "head -c $1 /dev/urandom >/www/file; httpd -h /www"
  GUEST_FILE_SUM=$(guest sha256sum /www/file)
}
expect_from_guest() { # HOST ADDRESS
  local got
  N "$1" curl -g -sS -m 60 -o "$LAB_TMP/got" "http://$2/file" || fail "curl from $1 to $2 failed"
  got=$(sha256sum <"$LAB_TMP/got")
  expect "SHA-256 of $(stat -c %s "$LAB_TMP/got") bytes from the guest, $2, to $1" \
    "${got%% *}" = "${GUEST_FILE_SUM%% *}"
}
expect_to_guest() { # ADDRESS HOST
  local got want
  want=$(sha256sum <"$LAB_TMP/www-$2/file")
  # Without wget's own -T, which crashes where busybox is linked statically.
  guest "timeout 20 wget -q -O /run/got http://$1/file" || fail "wget from the guest to $1 failed"
  got=$(guest sha256sum /run/got)
  expect "SHA-256 of $(guest stat -c %s /run/got) bytes from $2, $1, to the guest" \
    "${got%% *}" = "${want%% *}"
}

# --- its root ----------------------------------------------------------------------------------

guest_initramfs() { # MODULES_FOLDER FILE
  local root=$GUEST_DIR/root name file
  mkdir -p "$root"/{bin,dev,proc,sys,run,tmp,www,modules}
  cp -L "$(type -P busybox)" "$root/bin/busybox"
  for name in $(busybox --list); do
    [[ -e $root/bin/$name ]] || ln -s busybox "$root/bin/$name"
  done
  for name in "${GUEST_PROGRAMS[@]}"; do
    file=$(PATH=/usr/bin:/usr/sbin:/bin:/sbin type -P "$name")
    rm -f "$root/bin/$name"
    guest_copy_program "$file" "$root"
  done
  for file in ${GUEST_LIBRARIES[@]+"${GUEST_LIBRARIES[@]}"}; do
    mkdir -p "$root$(dirname "$file")"
    cp -L "$file" "$root$file"
    guest_copy_libraries "$file" "$root"
  done
  for file in ${GUEST_FILES[@]+"${GUEST_FILES[@]}"}; do
    mkdir -p "$root${file#* }"
    cp -L "${file% *}" "$root${file#* }/"
  done
  ln -sf dash "$root/bin/sh"
  guest_copy_modules "$1" "$root"
  guest_init >"$root/init"
  chmod 755 "$root/init"
  (cd "$root" && find . | busybox cpio -o -H newc -F "$2" 2>/dev/null)
  rm -rf "$root"
}

guest_copy_program() { # FILE ROOT: with the libraries that it is linked with
  cp -L "$1" "$2/bin/"
  guest_copy_libraries "$1" "$2"
}

guest_copy_libraries() { # FILE ROOT
  local library
  while read -r library; do
    [[ ! -e $2$library ]] || continue
    mkdir -p "$2$(dirname "$library")"
    cp -L "$library" "$2$library"
  done < <(ldd "$1" | grep -o '/[^ ]*')
}

# guest_copy_modules FOLDER ROOT: and /modules/list, the order to load them in.
guest_copy_modules() {
  local name action file base=${1%/lib/modules/*}
  for name in "${GUEST_MODULES[@]}"; do
    # A module may as well be built in.
    while read -r action file _; do
      [[ $action == insmod ]] || continue
      file=${file#"$base"}
      [[ -e $2/modules/${file##*/} ]] && continue
      cp "$base$file" "$2/modules/"
      echo "/modules/${file##*/}" >>"$2/modules/list"
    done < <(PATH=$PATH:/usr/sbin:/sbin modprobe -C /dev/null -d "${base:-/}" -S "${1##*/}" \
      --show-depends "$name")
  done
}

guest_init() {
  cat <<'INIT'
#!/bin/sh
# SPDX-License-Identifier: Apache-2.0
export PATH=/bin HOME=/
mount -t devtmpfs dev /dev
mount -t proc proc /proc
mount -t sysfs sys /sys
ln -s /proc/self/fd /dev/fd
mkdir -p /var && ln -s /run /var/run
mount -t tmpfs run /run
while read -r module; do insmod "$module" || echo "can not load $module"; done </modules/list
ip link set lo up
port=
until [ -n "$port" ]; do
  for name in /sys/class/virtio-ports/*/name; do
    [ "$(cat "$name" 2>/dev/null)" = adit ] || continue
    port=${name%/name} port=/dev/${port##*/}
  done
  [ -n "$port" ] || usleep 20000
done
until [ -e /sys/class/net/eth0 ]; do usleep 20000; done
sysctl -qw net.ipv6.conf.default.accept_dad=0 net.ipv6.conf.all.accept_dad=0 \
  net.ipv6.conf.eth0.accept_dad=0 net.ipv6.conf.eth0.router_solicitations=0
exec 3<>"$port"
echo ready >&3
while read -r tag command <&3; do
  echo "$command" | base64 -d >/run/command
  sh /run/command >/run/output 2>&1 </dev/null 3>&-
  code=$?
  printf '%s output %s\n%s code %d\n' "$tag" "$(base64 -w 0 /run/output)" "$tag" "$code" >&3
done
INIT
}

#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
# TCP in frames of up to 64 KiB between adit and the kernel's end of its TAPs: whole from TAP to TAP,
# cut for VXLAN, and intact in all directions. With offload: off, none.
# shellcheck source=tests/lab/lib.sh
source "$(dirname "$0")/lib.sh"

usual_config >"$CONFIG"
sed -i 's|^networks:|  green0: {device: "tap:green0", mtu_bytes: '"$ACCESS_MTU"'}\n  off0: {device: "tap:off0", mtu_bytes: '"$ACCESS_MTU"', offload: off}\n&|
  s|members: .*|members: [{port: red0}, {port: green0}, {port: off0}]|' "$CONFIG"
usual_world
usual_start
readonly GREEN=10.1.0.2 OFF=10.1.0.3
plug_host green0 green 02:00:00:00:10:02 "$GREEN"
plug_host off0 off 02:00:00:00:10:03 "$OFF"

say "the kernel knows what adit takes"
feature() { # HOST INTERFACE FEATURE
  N "$1" ethtool -k "$2" | awk -v f="$3:" '$1 == f { print $2 }'
}
for feature in tcp-segmentation-offload tx-checksum-ip-generic; do
  expect "$feature of red0" "$(feature red red0 "$feature")" = on
  expect "$feature of off0, offload: off" "$(feature off off0 "$feature")" = off
done

readonly BYTES=$((16 << 20))
# What it takes at least in full-size frames.
readonly FULL_FRAMES=$((BYTES / (ACCESS_MTU - 52)))
serve_file "$BYTES" red green off red1

port_packets() { # PORT COUNTER
  ctl -j show ports | jq --arg p "$1" ".[] | select(.name == \$p) | .$2"
}
retransmitted() { N "$1" nstat -az TcpRetransSegs | awk '/^Tcp/ { print $2 }'; }

# download TO ADDRESS FROM: the file arrives intact. What is sent again is TCP's affair, on a busy
# machine: that adit has lost nothing is seen at the end.
download() {
  local again
  again=$(retransmitted "$3")
  expect_download "$1" "$2" "$3"
  note "segments that $3 sent again: $(($(retransmitted "$3") - again))"
}

# counted PORT COUNTER OPERATOR WANT COMMAND...: packets of the port while COMMAND runs.
counted() {
  local port=$1 counter=$2 operator=$3 want=$4 before
  shift 4
  before=$(port_packets "$port" "$counter")
  "$@"
  expect "$counter of $port" $(($(port_packets "$port" "$counter") - before)) "$operator" "$want"
}

say "TAP to TAP: GSO frames from end to end"
capture green green0 "$LAB_TMP/green.pcap" -Q in -s 96 tcp
counted red0 rx_packets '<' $((FULL_FRAMES / 2)) counted green0 tx_packets '<' $((FULL_FRAMES / 2)) \
  download green "$RED" red
end_capture
expect "frames above the MTU in green" \
  "$(captured "$LAB_TMP/green.pcap" "greater $((ACCESS_MTU + 15))")" '>' 100

say "TAP to VXLAN: cut to what fits, both ways"
capture under up0 "$LAB_TMP/uplink.pcap" -s 96
counted red0 rx_packets '<' $((FULL_FRAMES / 2)) counted uplink tx_packets '>=' "$FULL_FRAMES" \
  download red1 "$RED" red
download red "$RED1" red1
end_capture
expect "packets on the underlay" "$(captured "$LAB_TMP/uplink.pcap")" '>' "$FULL_FRAMES"
expect "packets above the underlay's MTU" \
  "$(captured "$LAB_TMP/uplink.pcap" "greater $((UNDERLAY_MTU + 15))")" = 0

say "a TAP without offload gets and gives finished frames"
capture off off0 "$LAB_TMP/off.pcap" -s 96
counted off0 tx_packets '>=' "$FULL_FRAMES" download off "$RED" red
counted off0 rx_packets '>=' "$FULL_FRAMES" download red "$OFF" off
end_capture
expect "frames above the MTU in off" \
  "$(captured "$LAB_TMP/off.pcap" "greater $((ACCESS_MTU + 15))")" = 0

say "small segments: more of them in a GSO frame"
N red1 ip route add "$RED/32" dev eth0 advmss 100
head -c 1M /dev/urandom >"$LAB_TMP/www-red/file"
counted uplink tx_packets '>=' 10000 counted red0 rx_packets '<' 5000 expect_download red1 "$RED" red

say "UDP, whose checksum the kernel leaves to adit"
numbered_begin red red1 "$RED1" 500 1400
sleep 2
expect_numbered "datagrams" red0

say "no checksum was wrong, and nothing was dropped"
for host in red red1 green off; do
  expect "TCP checksum errors in $host" \
    "$(N "$host" nstat -az TcpInCsumErrors | awk '/^Tcp/ { print $2 }')" = 0
  expect "UDP checksum errors in $host" \
    "$(N "$host" nstat -az UdpInCsumErrors | awk '/^Udp/ { print $2 }')" = 0
done
expect_drops_only "packets dropped"

#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
# Two tenants whose hosts have the same MACs and addresses on every side stay apart: no frame of one
# is ever seen by the other, and each reaches its own hosts.
# shellcheck source=tests/lab/lib.sh
source "$(dirname "$0")/lib.sh"

usual_config >"$CONFIG"
sed -i 's|^networks:|  blue0: {device: "tap:blue0", mtu_bytes: '"$ACCESS_MTU"'}\n&|' "$CONFIG"
cat >>"$CONFIG" <<'YAML'
  blue:
    vni: 200
    members: [{port: blue0}]
    remotes: [{address: 192.0.2.2}, {address: 192.0.2.3}]
YAML
usual_world
vtep_host v1 blue1 200 "$RED1_MAC" "$RED1"
vtep_host v2 blue2 200 "$RED2_MAC" "$RED2"
usual_start
plug_host blue0 blue "$RED_MAC" "$RED"

say "both ping at the same time, each with its own pattern in the payload"
declare -A pattern=([red]=7265642d7265642d [blue]=626c75652d626c75)
declare -A text=([red]=red-red- [blue]=blue-blu) pids=()
for tenant in red blue; do
  interface=${tenant}0
  capture "$tenant" "$interface" "$LAB_TMP/$tenant.pcap"
  pids[$tenant]=$CAPTURE_PID
  capture "${tenant}1" eth0 "$LAB_TMP/${tenant}1.pcap"
  pids[${tenant}1]=$CAPTURE_PID
done
for tenant in red blue; do
  for address in "$RED1" "$RED2"; do
    pings_begin "$tenant" "ping-$tenant-$address" 0.01 "$address" -s 200 -p "${pattern[$tenant]}"
  done
done
for tenant in red blue; do
  for address in "$RED1" "$RED2"; do
    expect_pings "$tenant pings $address" "ping-$tenant-$address" 100
  done
done
end_capture "${pids[red]}" "${pids[blue]}" "${pids[red1]}" "${pids[blue1]}"

# frames_with FILE TEXT: packets whose payload has it.
frames_with() { tshark -r "$1" -Y "frame contains \"$2\"" 2>/dev/null | wc -l; }
for host in red red1 blue blue1; do
  own=${host%1}
  other=$([[ $own == red ]] && echo blue || echo red)
  expect "frames of $own seen at $host" "$(frames_with "$LAB_TMP/$host.pcap" "${text[$own]}")" '>=' 200
  expect "frames of $other seen at $host" "$(frames_with "$LAB_TMP/$host.pcap" "${text[$other]}")" = 0
done

say "the same address is another server to each"
for tenant in red blue; do
  serve_web "${tenant}1"
  echo "$tenant" >"$LAB_TMP/www-${tenant}1/index.html"
done
for tenant in red blue; do
  expect "answer to $tenant" "$(N "$tenant" curl -sS -m 60 "http://$RED1/")" = "$tenant"
done

say "a MAC table each"
for tenant in red blue; do
  expect_place "place of $RED1_MAC in $tenant" "$tenant" "$RED1_MAC" "remote 192.0.2.2"
  expect_place "place of $RED_MAC in $tenant" "$tenant" "$RED_MAC" "port ${tenant}0"
done

say "one tenant's host goes: the other's host with the same address does not answer for it"
N red1 ip link set eth0 down
expect_no_ping red "$RED1" 5
expect_ping blue "$RED1" 5

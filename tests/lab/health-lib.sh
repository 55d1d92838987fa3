# shellcheck shell=bash
# SPDX-License-Identifier: Apache-2.0
# What the labs of health checks share: a client, adit, and web servers that it asks through a port
# of their VRF that leads to its own host. Source lib.sh first.
readonly CLIENT=198.51.100.1 SERVICE=198.51.100.80
# A server has half a second to answer in, on a machine that may be busy with something else.
readonly INTERVAL_MS=500 TIMEOUT_MS=500 RISE=2 FALL=2

# health_config: the part of the configuration that all have.
health_config() {
  system_config
  cat <<YAML
ports:
  client0: {device: "tap:client0", addresses: [198.51.100.254/24]}
  server0: {device: "tap:server0", addresses: [10.1.0.254/24]}
  check0: {device: "tap:check0", addresses: [10.8.0.254/24]}
vrfs:
  shop: {ports: [client0, server0, check0]}
YAML
}
# web_service NAME PORT PATH: the beginning of a service that is checked by asking for PATH.
web_service() {
  cat <<YAML
  $1:
    vrf: shop
    address: $SERVICE
    port: $2
    health:
      kind: http
      interval_ms: $INTERVAL_MS
      timeout_ms: $TIMEOUT_MS
      rise: $RISE
      fall: $FALL
      device: check0
      source: 10.8.0.1
      damping: {changes: 0}
      http: {path: $3, status: [200]}
YAML
}

# health_world HOST...: the gateway by $CONFIG, and servers at 10.1.0.1 and on.
health_world() {
  local host number=0
  ns gw lan
  start_gateway "$CONFIG"
  plug_host client0 client 02:00:00:00:51:01 "$CLIENT"
  N client ip route add default via 198.51.100.254
  bridge lan sw
  N gw ip link set server0 netns "$LAB-lan"
  N lan ip link set server0 address 02:00:00:00:ff:02
  N lan ip link set server0 master sw up
  # The host's own way into the VRF.
  N gw ip link set check0 address 02:00:00:00:08:01
  N gw ip addr add 10.8.0.1/24 dev check0
  N gw ip link set check0 up
  N gw ip route add 10.1.0.0/24 via 10.8.0.254 dev check0
  for host; do
    number=$((number + 1))
    ns "$host"
    cable "$host" eth0 lan "to-$host" 1500
    N lan ip link set "to-$host" master sw
    N "$host" ip addr add "10.1.0.$number/24" dev eth0
    N "$host" ip route add default via 10.1.0.254
    serve "$host"
  done
}

declare -A SERVER_PID=()
serve() { # HOST, which answers with its name
  serve_web "$1"
  echo "$1" >"$LAB_TMP/www-$1/index.html"
  SERVER_PID[$1]=$BG_PID
}
kill_server() { # HOST
  kill "${SERVER_PID[$1]}"
  wait "${SERVER_PID[$1]}" 2>/dev/null || true
}

# tally: how often each line is there.
tally() { sort | uniq -c | awk '{printf "%s%s %s", sep, $2, $1; sep = ", "}'; }
# field ADDRESS FIELD of a backend, of the service that comes first.
field() {
  ctl -j show backends | jq -r --arg a "$1" "[.[] | select(.address == \$a)][0].$2"
}
is() { [[ $(field "$1" state) =~ ^($2)$ ]]; }
passed() { [[ $(field "$1" check) == "status 200"* ]]; }
# Half as long again as the checks take, and time for a busy machine.
seconds() { echo $(($1 * INTERVAL_MS * 3 / 2000 + 4)); }
await() { # ADDRESS STATE CHECKS
  wait_for "$(seconds "$3")" is "$1" "$2" || fail "$1 is $(field "$1" state), should be $2"
}

#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
# Health checks by HTTP through a port of the backends' VRF that leads to adit's own host: a dead
# server gets no new connections, one that is back gets its share again, and when none is left
# the sorry server answers.
# shellcheck source=tests/lab/lib.sh
source "$(dirname "$0")/lib.sh"

# shellcheck source=tests/lab/health-lib.sh
source "$(dirname "$0")/health-lib.sh"

{
  health_config
  echo "services:"
  web_service web 80 /index.html
  cat <<YAML
    scheduler: rr
    backends: [{address: 10.1.0.1}, {address: 10.1.0.2}]
    sorry: {address: 10.1.0.3}
YAML
} >"$CONFIG"
health_world s1 s2 sorry

# answers COUNT: who answered, each with how often.
answers() {
  web_answers "$1" "http://$SERVICE/" | tally
}
say "both servers work"
for address in 10.1.0.1 10.1.0.2; do
  wait_for 10 passed "$address" || fail "$address: $(field "$address" check)"
  await "$address" up "$RISE"
done
expect "8 requests" "$(answers 8)" = "s1 4, s2 4"
ctl show backends

say "one dies"
kill_server s1
await 10.1.0.1 down "$FALL"
expect "8 requests" "$(answers 8)" = "s2 8"
expect_match "the last check" "$(field 10.1.0.1 check)" "refused"
grep -q 'event=backend_down service=web backend=10.1.0.1 .*why=' "$LAB_TMP/aditd.log" ||
  fail "the log does not tell"

say "it comes back"
serve s1
await 10.1.0.1 up "$RISE"
expect "8 requests" "$(answers 8)" = "s1 4, s2 4"
grep -q 'event=backend_up service=web backend=10.1.0.1 ' "$LAB_TMP/aditd.log" ||
  fail "the log does not tell"

say "none is left but the sorry server"
kill_server s1
kill_server s2
await 10.1.0.1 down "$FALL"
await 10.1.0.2 down "$FALL"
expect "8 requests" "$(answers 8)" = "sorry 8"
ctl show backends
serve s2
await 10.1.0.2 up "$RISE"
expect "8 requests" "$(answers 8)" = "s2 8"

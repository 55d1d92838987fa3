#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
# Changes that can be taken back, on real packets: diff, a reload that reverts unless it is confirmed, history,
# rollback; and that a start always has a whole configuration: after kill -9 at any moment, with a file that is torn
# or gone, and where there is no room for history.
# shellcheck source=tests/lab/lib.sh
source "$(dirname "$0")/lib.sh"

# A folder of its own with little room, so that it can be full.
mkdir "$LAB_TMP/room"
mount -t tmpfs -o size=1m "adit-lab" "$LAB_TMP/room" 2>/dev/null || skip "no tmpfs can be mounted here"
export STATE_DIRECTORY=$LAB_TMP/room/state

usual_config >"$CONFIG"
cp "$CONFIG" "$LAB_TMP/good.yaml"
without_v1() { sed '/address: 192.0.2.2/d' "$LAB_TMP/good.yaml"; }
usual_world
usual_start
expect_ping red "$RED1" 5

# status KEY; told: "1 good file, 2 left file", with * at the one that runs.
status() { ctl -j show status | jq -r ".[0].$1"; }
told() {
  ctl -j history | jq -r '[.[] | "\(.revision)\(if .running then "*" else "" end) \(.standing) \(.origin)"] | join(", ")'
}
is_told() { [[ $(told) == "$1" ]]; }
expect_told() {
  wait_for 5 is_told "$1" || true
  expect "history" "$(told)" = "$1"
}
expect_told "1* good file"

say "what a reload would change, and what it means"
without_v1 >"$CONFIG"
expect "aditctl diff" "$(ctl diff "$CONFIG")" = "- networks.red: remote 192.0.2.2 (vxlan) removed"
sed 's/poll: adaptive/poll: busy/' "$LAB_TMP/good.yaml" >"$LAB_TMP/other.yaml"
expect_match "a change that takes a restart" "$(ctl diff "$LAB_TMP/other.yaml")" "needs a restart"
expect "nothing is changed by that" "$(ctl diff "$LAB_TMP/good.yaml")" = "no differences"

say "a reload that is not confirmed reverts by itself"
out=$(ctl reload --confirm 3)
expect_match "aditctl reload --confirm 3" "$out" "reverts in 3 s"
expect "it runs" "$(ctl -j show remotes | jq -r '[.[].address] | join(" ")')" = "192.0.2.3"
rc=0
out=$(ctl reload 2>&1) || rc=$?
expect "a reload meanwhile: exit code" "$rc" = 1
expect_match "a reload meanwhile" "$out" "waits for confirmation"
kill -HUP "$GATEWAY_PID" # likewise; its refusal is in the log
expect_told "1 good file, 2 left file, 3* good revert to 1"
expect_ping red "$RED1" 5
expect_match "the log" "$(grep -c 'event=reload result=refused who=SIGHUP' "$LAB_TMP/aditd.log")" "1"
expect_match "the log" "$(grep 'event=revert result=accepted' "$LAB_TMP/aditd.log")" "who=unconfirmed"

say "one that is confirmed stays, and a rollback takes it back"
ctl reload --confirm 60 >/dev/null
expect "seconds until it reverts" "$(status reverts_in_s)" '>' 50
expect_match "aditctl confirm" "$(ctl confirm)" "revision: 4"
expect "seconds until it reverts" "$(status reverts_in_s)" = null
pings_begin red2 over-rollback 0.01 "$RED"
expect_match "aditctl rollback 1" "$(ctl rollback 1)" "remote 192.0.2.2 \(vxlan\) added"
expect_ping red "$RED1" 5
expect_pings "pings of the other remote across it" over-rollback 50
expect "text of revision 4" "$(ctl revision 4)" = "$(without_v1)"
expect_told "1 good file, 2 left file, 3 good revert to 1, 4 left file, 5* good rollback to 1"

say "a start does not take the file that the rollback left"
life() { # the end of the last one, and the next
  kill -KILL "$GATEWAY_PID"
  wait "$GATEWAY_PID" 2>/dev/null || true
  usual_start "$@"
}
life
expect "revision" "$(status revision)" = 5
expect_ping red "$RED1" 5
expect_match "the log" "$(grep event=started_with_revision "$LAB_TMP/aditd.log")" "revision that was left"
say "but one that was edited since"
without_v1 | sed 's/vni: 100/vni: 102/' >"$CONFIG"
life 192.0.2.3
expect "revision" "$(status revision)" = 6

say "a torn file, and none"
torn() { # BYTES: the file as an editor leaves it that ends in the middle
  head -c "$1" "$LAB_TMP/good.yaml"
  printf '\n  {'
}
torn 300 >"$CONFIG"
life 192.0.2.3
expect "revision" "$(status revision)" = 6
expect_match "the log" "$(grep event=started_with_revision "$LAB_TMP/aditd.log")" "file is refused"
expect_match "what is wrong with it" "$(grep event=config_mistake "$LAB_TMP/aditd.log")" "adit.yaml:[0-9]+:"
rm "$CONFIG"
life 192.0.2.3
expect "revision" "$(status revision)" = 6
cp "$LAB_TMP/good.yaml" "$CONFIG"
ctl reload >/dev/null
expect "revision" "$(status revision)" = 7
expect_ping red "$RED1" 5

say "a change that was not confirmed before the end is not taken by the next start"
without_v1 >"$CONFIG"
ctl reload --confirm 600 >/dev/null
expect_told "$(told)" # it is written
is_kept() { [[ -s $STATE_DIRECTORY/revisions/8.json ]]; }
wait_for 5 is_kept || fail "revision 8 is not written"
life
expect "revision" "$(status revision)" = 7
expect_ping red "$RED1" 5

say "no room for history: reloads go on, and it is told"
cp "$LAB_TMP/good.yaml" "$CONFIG"
head -c 2000000 /dev/zero >"$LAB_TMP/room/filler" 2>/dev/null || true
sed 's/vni: 100/vni: 101/' "$LAB_TMP/good.yaml" >"$CONFIG"
ctl reload >/dev/null || fail "aditctl reload ended with $?"
has_error() { [[ $(status history_error) == *"No space left"* ]]; }
wait_for 5 has_error || fail "history_error of show status is '$(status history_error)'"
rm "$LAB_TMP/room/filler"
cp "$LAB_TMP/good.yaml" "$CONFIG"
ctl reload >/dev/null || fail "aditctl reload ended with $?"
has_no_error() { [[ $(status history_error) == null ]]; }
wait_for 5 has_no_error || fail "history_error of show status is '$(status history_error)'"

say "kill -9 at any moment of 200 reloads: each start has a whole configuration"
reloads=0 starts=0
while ((reloads < 200)); do
  for ((i = RANDOM % 30; i >= 0 && reloads < 200; --i)); do
    sed "s/vni: 100/vni: $((1000 + ++reloads))/" "$LAB_TMP/good.yaml" >"$CONFIG"
    ctl reload >/dev/null || fail "reload $reloads ended with $?"
  done
  sed "s/vni: 100/vni: $((2000 + reloads))/" "$LAB_TMP/good.yaml" >"$CONFIG"
  ctl reload >/dev/null 2>&1 &
  caller=$!
  sleep "0.00$((RANDOM % 10))"
  kill -KILL "$GATEWAY_PID"
  wait "$GATEWAY_PID" 2>/dev/null || true
  wait "$caller" 2>/dev/null || true
  if ((RANDOM % 2 == 0)); then torn "$((RANDOM % 300))" >"$CONFIG"; fi
  start_gateway "$CONFIG"
  ((++starts))
  vni=$(ctl -j show networks | jq -r '.[0].vni')
  ((vni >= 1000)) || fail "after $reloads reloads it started with VNI $vni"
done
note "$reloads reloads, $starts times killed and started"
expect "revisions that are kept" "$(ctl -j history | jq length)" = 50
expect "files beside" "$(find "$STATE_DIRECTORY/revisions" -name '*.new' | wc -l)" '<' 2

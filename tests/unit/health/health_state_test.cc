// SPDX-License-Identifier: Apache-2.0
#include "health/health_state.h"

#include <gtest/gtest.h>

namespace adit {
namespace {

using namespace std::chrono_literals;

const HealthState::Time kStart{1000s};

HealthRules rules(InitialState initial = InitialState::kUp) {
  HealthRules rules;
  rules.initial = initial;
  rules.damping.changes = 0;
  return rules;
}

// Feeds '+' and '-' a second apart; up() after each as '1' and '0'.
std::string ups(HealthState& state, std::string_view results, HealthState::Time start = kStart) {
  std::string text;
  for (size_t i = 0; i < results.size(); ++i) {
    const bool before = state.up();
    const bool changed = state.feed(results[i] == '+', start + std::chrono::seconds(i));
    EXPECT_EQ(changed, before != state.up());
    text += state.up() ? '1' : '0';
  }
  return text;
}

TEST(HealthState, IsWhatItInitiallyIsUntilAVerdict) {
  EXPECT_TRUE(HealthState(rules(InitialState::kUp), kStart).up());
  EXPECT_FALSE(HealthState(rules(InitialState::kDown), kStart).up());
  HealthState state(rules(InitialState::kUp), kStart);
  EXPECT_EQ(state.phase(), HealthPhase::kChecking);
  EXPECT_EQ(state.since(), kStart);
}

TEST(HealthState, RisesAndFallsByResultsInARow) {
  const struct {
    InitialState initial;
    const char* results;
    const char* ups;
  } cases[] = {
      {InitialState::kUp, "--", "11"},
      {InitialState::kUp, "---", "110"},
      {InitialState::kUp, "--+--+---", "111111110"},
      {InitialState::kUp, "---+-++", "1100001"},
      {InitialState::kUp, "+---++", "111001"},
      {InitialState::kDown, "+", "1"},          // the first success is a verdict
      {InitialState::kDown, "-+", "01"},        // still the first
      {InitialState::kDown, "---++", "00001"},  // after a verdict it takes `rise`
      {InitialState::kDown, "----", "0000"},
  };
  for (const auto& c : cases) {
    HealthState state(rules(c.initial), kStart);
    EXPECT_EQ(ups(state, c.results), c.ups) << c.results;
  }
}

TEST(HealthState, CountsResultsInARow) {
  HealthState state(rules(), kStart);
  ups(state, "++--");
  EXPECT_EQ(state.failures(), 2u);
  EXPECT_EQ(state.successes(), 0u);
  ups(state, "+");
  EXPECT_EQ(state.failures(), 0u);
  EXPECT_EQ(state.successes(), 1u);
}

TEST(HealthState, TellsItsPhaseAndSinceWhen) {
  HealthState state(rules(), kStart);
  ups(state, "+", kStart + 1s);
  EXPECT_EQ(state.phase(), HealthPhase::kUp);
  EXPECT_EQ(state.since(), kStart);  // it was up before
  ups(state, "---", kStart + 2s);
  EXPECT_EQ(state.phase(), HealthPhase::kDown);
  EXPECT_EQ(state.since(), kStart + 4s);
}

TEST(HealthState, VerdictThatChangesNothingEndsTheChecking) {
  HealthState state(rules(InitialState::kDown), kStart);
  ups(state, "---");
  EXPECT_EQ(state.phase(), HealthPhase::kDown);
  EXPECT_EQ(state.since(), kStart);
}

TEST(HealthState, RiseAndFallOfOneFollowEachResult) {
  HealthRules quick = rules();
  quick.rise = quick.fall = 1;
  HealthState state(quick, kStart);
  EXPECT_EQ(ups(state, "-+-+"), "0101");
}

TEST(HealthState, OtherRulesKeepVerdictAndCounts) {
  HealthState state(rules(), kStart);
  ups(state, "---+");
  HealthRules slow = rules();
  slow.rise = 3;
  slow.initial = InitialState::kUp;
  state.set_rules(slow);
  EXPECT_FALSE(state.up());
  EXPECT_EQ(ups(state, "++", kStart + 10s), "01");
}

TEST(HealthState, StaysWhatItWasWhenRestarted) {
  HealthState state(rules(InitialState::kUp), kStart);
  ups(state, "---");
  state.restart(kStart + 10s);
  EXPECT_FALSE(state.up());
  EXPECT_EQ(state.phase(), HealthPhase::kChecking);
  EXPECT_EQ(state.failures(), 0u);
  EXPECT_EQ(state.since(), kStart + 2s);
  EXPECT_EQ(ups(state, "+", kStart + 11s), "1");
}

HealthRules flapping_rules() {
  HealthRules rules;
  rules.rise = rules.fall = 1;
  rules.initial = InitialState::kDown;
  rules.damping = {.changes = 4, .window_s = 60, .hold_s = 30, .max_hold_s = 100};
  return rules;
}

TEST(HealthDamping, HoldsABackendDownThatFlaps) {
  HealthState state(flapping_rules(), kStart);
  EXPECT_EQ(ups(state, "+-+-"), "1010");
  EXPECT_EQ(state.phase(), HealthPhase::kHeld);
  EXPECT_EQ(state.held_until(), kStart + 3s + 30s);
  EXPECT_EQ(ups(state, "++++", kStart + 10s), "0000");
  EXPECT_FALSE(state.feed(true, kStart + 33s - 1ms));
  EXPECT_TRUE(state.feed(true, kStart + 33s));
  EXPECT_EQ(state.phase(), HealthPhase::kUp);
}

TEST(HealthDamping, FailureAfterTheHoldIsPlainDown) {
  HealthState state(flapping_rules(), kStart);
  ups(state, "+-+-");
  EXPECT_FALSE(state.feed(false, kStart + 40s));
  EXPECT_EQ(state.phase(), HealthPhase::kDown);
  EXPECT_TRUE(state.feed(true, kStart + 41s));
}

TEST(HealthDamping, HoldEndsOnlyWithEnoughSuccesses) {
  HealthRules rules = flapping_rules();
  rules.rise = 2;
  HealthState state(rules, kStart);
  EXPECT_EQ(ups(state, "+-++-"), "10010");
  ASSERT_EQ(state.phase(), HealthPhase::kHeld);
  EXPECT_FALSE(state.feed(false, kStart + 33s));
  EXPECT_FALSE(state.feed(true, kStart + 100s));
  EXPECT_TRUE(state.feed(true, kStart + 101s));
}

TEST(HealthDamping, LeavesSlowChangesAlone) {
  HealthState state(flapping_rules(), kStart);
  for (int i = 0; i < 20; ++i) {
    EXPECT_TRUE(state.feed(i % 2 == 0, kStart + i * 21s));
    EXPECT_NE(state.phase(), HealthPhase::kHeld);
  }
}

TEST(HealthDamping, CountsChangesUpToTheWindowsEnd) {
  HealthState state(flapping_rules(), kStart);
  for (int i = 0; i < 4; ++i) state.feed(i % 2 == 0, kStart + i * 20s);
  EXPECT_EQ(state.phase(), HealthPhase::kHeld);
}

TEST(HealthDamping, DoublesTheHoldUpToItsMost) {
  HealthState state(flapping_rules(), kStart);
  HealthState::Time now = kStart;
  for (const auto hold : {30s, 60s, 100s, 100s}) {
    ups(state, "+-+-", now);
    ASSERT_EQ(state.phase(), HealthPhase::kHeld);
    EXPECT_EQ(state.held_until(), now + 3s + hold);
    now = state.held_until();
  }
}

TEST(HealthDamping, ForgetsHoldsAfterAQuietTime) {
  HealthState state(flapping_rules(), kStart);
  ups(state, "+-+-");
  const HealthState::Time later = state.held_until() + 200s;
  ups(state, "+-+-", later);
  EXPECT_EQ(state.held_until(), later + 3s + 30s);
}

TEST(HealthDamping, CanBeDoneWithout) {
  HealthRules rules = flapping_rules();
  rules.damping.changes = 0;
  HealthState state(rules, kStart);
  EXPECT_EQ(ups(state, "+-+-+-+-+-"), "1010101010");
}

}  // namespace
}  // namespace adit

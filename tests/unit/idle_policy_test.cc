// SPDX-License-Identifier: Apache-2.0
#include "idle_policy.h"

#include <gtest/gtest.h>

namespace adit {
namespace {

constexpr uint64_t kStart = 1'000'000'000'000;
constexpr uint64_t kSecond = 1'000'000'000;

// Passes without packets from `now` to `until`, each as long as its sleep and a microsecond; gives
// the longest sleep, and moves `now`.
uint64_t longest_sleep(IdlePolicy& policy, uint64_t& now, uint64_t until) {
  uint64_t longest = 0;
  while (now < until) {
    const uint64_t sleep = policy.after_pass(false, now, false);
    longest = std::max(longest, sleep);
    now += sleep + 1000;
  }
  return longest;
}

TEST(IdlePolicy, PollsOnAfterAPacket) {
  IdlePolicy policy;
  EXPECT_EQ(policy.after_pass(true, kStart, false), 0U);
  for (unsigned pass = 0; pass < IdlePolicy::kPatience; ++pass)
    EXPECT_EQ(policy.after_pass(false, kStart + pass, false), 0U);
  EXPECT_EQ(policy.after_pass(false, kStart + 300, false), IdlePolicy::kStepNs);
  EXPECT_EQ(policy.after_pass(true, kStart + 400, false), 0U);
  EXPECT_EQ(policy.after_pass(false, kStart + 500, false), 0U);
}

TEST(IdlePolicy, SleepsShortlyWhilePacketsCome) {
  IdlePolicy policy;
  uint64_t now = kStart;
  for (unsigned packet = 0; packet < 100; ++packet) {
    policy.after_pass(true, now, false);
    EXPECT_LE(longest_sleep(policy, now, now + kSecond / 20), IdlePolicy::kMostNs);
  }
}

TEST(IdlePolicy, SleepsLongerWhenNoneHaveComeForAWhile) {
  IdlePolicy policy;
  uint64_t now = kStart;
  policy.after_pass(true, now, false);
  EXPECT_EQ(longest_sleep(policy, now, kStart + IdlePolicy::kQuietNs), IdlePolicy::kMostNs);
  EXPECT_EQ(longest_sleep(policy, now, kStart + kSecond), IdlePolicy::kMostQuietNs);
  policy.after_pass(true, now, false);
  EXPECT_LE(longest_sleep(policy, now, now + kSecond / 20), IdlePolicy::kMostNs);
}

TEST(IdlePolicy, IsQuietFromTheStart) {
  IdlePolicy policy;
  uint64_t now = kStart;
  EXPECT_EQ(longest_sleep(policy, now, kStart + kSecond), IdlePolicy::kMostQuietNs);
}

TEST(IdlePolicy, WhomPacketsWakeSleepsSoonAndLong) {
  IdlePolicy policy;
  for (unsigned packet = 0; packet < 2; ++packet) {
    EXPECT_EQ(policy.after_pass(true, kStart, true), 0U);
    for (unsigned pass = 0; pass < IdlePolicy::kWokenPatience; ++pass)
      EXPECT_EQ(policy.after_pass(false, kStart + pass, true), 0U);
    EXPECT_EQ(policy.after_pass(false, kStart + 100, true), IdlePolicy::kMostWokenNs);
  }
  // What is due at a time waits no longer than for others.
  EXPECT_LE(policy.after_pass(false, kStart + 200, false), IdlePolicy::kMostQuietNs);
}

}  // namespace
}  // namespace adit

// SPDX-License-Identifier: Apache-2.0
#include "running/worker_watch.h"

#include <gtest/gtest.h>

#include <vector>

#include "daemon/watchdog.h"

namespace adit {
namespace {

constexpr uint64_t kMs = 1'000'000;

class Watch : public testing::Test {
 protected:
  // Looks every 10 ms until `ms` have gone; each worker of `moving` makes passes.
  std::vector<WorkerWatch::Change> go(unsigned ms, std::vector<bool> moving) {
    std::vector<WorkerWatch::Change> all;
    for (const uint64_t end_ns = now_ns_ + ms * kMs; now_ns_ < end_ns;) {
      now_ns_ += 10 * kMs;
      for (size_t i = 0; i < moving.size(); ++i) passes_[i] += moving[i] ? 7 : 0;
      for (const auto& change : watch_.look(passes_, now_ns_)) all.push_back(change);
    }
    return all;
  }

  WorkerWatch watch_;
  std::vector<uint64_t> passes_ = {0, 0};
  uint64_t now_ns_ = 5'000'000'000;
};

TEST_F(Watch, SaysOnceThatAWorkerStandsStillAndOnceThatItGoesOn) {
  EXPECT_TRUE(go(10000, {true, true}).empty());
  EXPECT_TRUE(go(1900, {true, false}).empty());
  EXPECT_EQ(watch_.without_pass_ns(1), 1900 * kMs);
  EXPECT_FALSE(watch_.any_stalled());
  auto changes = go(5000, {true, false});
  ASSERT_EQ(changes.size(), 1u);
  EXPECT_EQ(changes[0].worker, 1u);
  EXPECT_TRUE(changes[0].stalled);
  EXPECT_EQ(changes[0].for_ns, 2000 * kMs);
  EXPECT_TRUE(watch_.stalled(1));
  EXPECT_FALSE(watch_.stalled(0));
  changes = go(10, {true, true});
  ASSERT_EQ(changes.size(), 1u);
  EXPECT_FALSE(changes[0].stalled);
  EXPECT_EQ(changes[0].for_ns, 6910 * kMs);
  EXPECT_FALSE(watch_.any_stalled());
  EXPECT_EQ(watch_.without_pass_ns(1), 0u);
}

TEST_F(Watch, StandstillOfControlAsWellIsNoWorkers) {
  go(100, {true, true});
  now_ns_ += 3'600'000 * kMs;  // the machine slept
  EXPECT_TRUE(go(1500, {false, true}).empty());
}

TEST(WatchdogTest, IsFedOnlyWhileAllWorkersAdvance) {
  Watchdog watchdog(4'000'000);
  std::vector<uint64_t> passes = {1, 1};
  uint64_t now_ns = 10'000 * kMs;
  EXPECT_TRUE(watchdog.is_due(passes, now_ns));
  passes = {2, 2};
  EXPECT_FALSE(watchdog.is_due(passes, now_ns + 999 * kMs));
  EXPECT_TRUE(watchdog.is_due(passes, now_ns += 1000 * kMs));
  passes = {3, 2};
  for (int s = 1; s < 100; ++s) EXPECT_FALSE(watchdog.is_due(passes, now_ns += 1000 * kMs));
  passes = {3, 3};
  EXPECT_TRUE(watchdog.is_due(passes, now_ns));
}

TEST(WatchdogTest, IsNotFedWhereNobodyWaits) {
  Watchdog watchdog(0);
  const std::vector<uint64_t> passes = {1};
  EXPECT_FALSE(watchdog.is_due(passes, UINT64_MAX / 2));
}

}  // namespace
}  // namespace adit

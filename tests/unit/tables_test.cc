// SPDX-License-Identifier: Apache-2.0
#include <gtest/gtest.h>

#include <random>
#include <unordered_map>

#include "adit/flat_table.h"
#include "adit/rate_limit.h"
#include "id_allocator.h"
#include "reported_sources.h"

namespace adit {
namespace {

TEST(FlatTable, FindsWhatWasStoredAndNothingElse) {
  std::mt19937_64 random(1);
  for (const size_t size : {0u, 1u, 2u, 3u, 1000u}) {
    std::unordered_map<uint64_t, uint32_t> model;
    while (model.size() < size) model[random() % 5000] = 1 + static_cast<uint32_t>(random() % 99);
    std::vector<std::pair<uint64_t, uint32_t>> entries(model.begin(), model.end());
    const FlatTable<uint64_t> table(entries);
    for (uint64_t key = 0; key < 5000; ++key) {
      const auto found = model.find(key);
      EXPECT_EQ(table.find(key), found == model.end() ? 0 : found->second) << key;
    }
  }
}

TEST(FlatTable, DefaultIsEmpty) {
  EXPECT_EQ(FlatTable<uint64_t>().find(0), 0u);
  EXPECT_TRUE(FlatTable<uint64_t>().empty());
  EXPECT_FALSE(FlatTable<uint64_t>({{7, 1}}).empty());
}

TEST(RateMeter, PassesTheRateOverTimeAndTheBurstAtOnce) {
  const RateLimit limit = RateLimit::per_second(1000);  // bursts of 100 ms: 100 packets
  RateMeter meter;
  uint64_t now_ns = 5'000'000'000;
  unsigned at_once = 0;
  while (meter.allow(limit, now_ns)) ++at_once;
  EXPECT_EQ(at_once, 100u);
  unsigned passed = 0;
  for (int i = 0; i < 100'000; ++i) passed += meter.allow(limit, now_ns += 100'000);  // 10 s
  EXPECT_NEAR(passed, 10'000, 1);
}

TEST(RateMeter, SharersGetTheirPart) {
  EXPECT_EQ(RateLimit::per_second(1000, 4).interval_ns,
            4 * RateLimit::per_second(1000).interval_ns);
}

TEST(RateMeter, NoLimitPassesEverything) {
  RateMeter meter;
  EXPECT_TRUE(meter.allow(RateLimit::per_second(1), 0));
  for (int i = 0; i < 1000; ++i) EXPECT_TRUE(meter.allow(RateLimit{}, 0));
}

TEST(RateMeter, SlowestRateStillPassesTenAtOnce) {
  RateMeter meter;
  const RateLimit limit = RateLimit::per_second(1);
  unsigned at_once = 0;
  while (meter.allow(limit, 0)) ++at_once;
  EXPECT_EQ(at_once, 10u);
  EXPECT_TRUE(meter.allow(limit, 1'000'000'000));
  EXPECT_FALSE(meter.allow(limit, 1'000'000'000));
}

TEST(IdAllocator, GivesTheLowestFreeIdsAndThenNone) {
  IdAllocator ids(6);
  ids.reserve(1);
  ids.reserve(3);
  EXPECT_EQ(ids.allocate(), 2u);
  EXPECT_EQ(ids.allocate(), 4u);
  EXPECT_EQ(ids.allocate(), 5u);
  EXPECT_EQ(ids.allocate(), 0u);
}

TEST(ReportedSources, ReportsEachSourceAndPlaceOncePerSecond) {
  ReportedSources reported;
  const uint64_t key = 0x0001'0200'0000'0001;
  EXPECT_TRUE(reported.first_in(100, key, 7));
  EXPECT_FALSE(reported.first_in(100, key, 7));
  EXPECT_TRUE(reported.first_in(100, key, 8));  // moved
  EXPECT_TRUE(reported.first_in(101, key, 8));
  EXPECT_TRUE(reported.first_in(101, key + (uint64_t{1} << 48), 8));
}

}  // namespace
}  // namespace adit

// SPDX-License-Identifier: Apache-2.0
// How fast sources begin connections: each by its own meter, in bounded room.
#include "worker/source_meters.h"

#include <gtest/gtest.h>

namespace adit {
namespace {

constexpr RateLimit kLimit = RateLimit::per_second(10);  // ten at once, then one in 100 ms
constexpr uint64_t kMs = 1'000'000, kSet = 1u << 14;     // keys so far apart share a set

unsigned allowed(SourceMeters& meters, uint64_t key, unsigned tries, uint64_t now_ns) {
  unsigned count = 0;
  for (unsigned i = 0; i < tries; ++i) count += meters.allow(key, kLimit, now_ns);
  return count;
}

TEST(SourceMeters, EachSourceHasItsOwn) {
  SourceMeters meters;
  const uint64_t now = 5000 * kMs;
  EXPECT_EQ(allowed(meters, 1, 15, now), 10u);
  EXPECT_EQ(allowed(meters, 2, 15, now), 10u);
  EXPECT_EQ(allowed(meters, 1 + kSet, 15, now), 10u) << "of the same set";
  EXPECT_EQ(allowed(meters, 1, 15, now + 250 * kMs), 2u);
  EXPECT_EQ(allowed(meters, 1, 15, now + 5000 * kMs), 10u);
}

TEST(SourceMeters, AFifthOfASetPassesUnmetered) {
  SourceMeters meters;
  const uint64_t now = 5000 * kMs;
  for (unsigned i = 1; i <= 4; ++i) EXPECT_EQ(allowed(meters, 1 + i * kSet, 11, now), 10u);
  EXPECT_EQ(allowed(meters, 1 + 5 * kSet, 100, now), 100u);
  for (unsigned i = 1; i <= 4; ++i) EXPECT_EQ(allowed(meters, 1 + i * kSet, 1, now), 0u);
  // Who was silent for long enough gives way.
  EXPECT_EQ(allowed(meters, 1 + 5 * kSet, 100, now + 1000 * kMs), 10u);
}

}  // namespace
}  // namespace adit

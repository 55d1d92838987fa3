// SPDX-License-Identifier: Apache-2.0
// How fast sources begin connections: each by its own meter, in bounded room.
#include "worker/source_meters.h"

#include <gtest/gtest.h>

namespace adit {
namespace {

constexpr RateLimit kLimit = RateLimit::per_second(10);  // ten at once, then one in 100 ms
constexpr uint64_t kMs = 1'000'000, kSet = 1u << 13;     // keys so far apart share a set
constexpr VrfId kRed = 1, kBlue = 2;

unsigned allowed(SourceMeters& meters, uint64_t key, unsigned tries, uint64_t now_ns,
                 VrfId vrf = kRed) {
  unsigned count = 0;
  for (unsigned i = 0; i < tries; ++i) count += meters.allow(key, vrf, kLimit, now_ns);
  return count;
}

TEST(SourceMeters, EachSourceHasItsOwn) {
  SourceMeters meters;
  const uint64_t now = 5000 * kMs;
  EXPECT_EQ(allowed(meters, 1, 15, now), 10u);
  EXPECT_EQ(allowed(meters, 2, 15, now), 10u);
  EXPECT_EQ(allowed(meters, 1 + kSet, 15, now), 10u) << "of the same set";
  EXPECT_EQ(allowed(meters, 1, 15, now, kBlue), 10u) << "of another VRF";
  EXPECT_EQ(allowed(meters, 1, 15, now + 250 * kMs), 2u);
  EXPECT_EQ(allowed(meters, 1, 15, now + 5000 * kMs), 10u);
}

TEST(SourceMeters, ANinthOfASetPassesUnmetered) {
  SourceMeters meters;
  const uint64_t now = 5000 * kMs;
  for (unsigned i = 1; i <= 8; ++i) EXPECT_EQ(allowed(meters, 1 + i * kSet, 11, now), 10u);
  EXPECT_EQ(allowed(meters, 1 + 9 * kSet, 100, now), 100u);
  for (unsigned i = 1; i <= 8; ++i) EXPECT_EQ(allowed(meters, 1 + i * kSet, 1, now), 0u);
  // Who was silent for long enough gives way.
  EXPECT_EQ(allowed(meters, 1 + 9 * kSet, 100, now + 1000 * kMs), 10u);
}

TEST(SourceMeters, OneVrfsSourcesLeaveAnotherItsPartOfEachSet) {
  SourceMeters meters;
  const uint64_t now = 5000 * kMs;
  for (uint64_t i = 1; i <= 100; ++i) allowed(meters, 1 + i * kSet, 11, now, kRed);
  for (uint64_t i = 1; i <= 4; ++i)
    EXPECT_EQ(allowed(meters, 1 + i * kSet, 11, now, kBlue), 10u) << i;
  EXPECT_EQ(allowed(meters, 1 + 5 * kSet, 100, now, kBlue), 100u) << "more than its part";
  // What the flood goes on with takes nothing back.
  for (uint64_t i = 101; i <= 200; ++i) allowed(meters, 1 + i * kSet, 11, now, kRed);
  for (uint64_t i = 1; i <= 4; ++i)
    EXPECT_EQ(allowed(meters, 1 + i * kSet, 11, now, kBlue), 0u) << i;
}

TEST(SourceMeters, VrfsWithOnePlaceEachKeepIt) {
  SourceMeters meters;
  const uint64_t now = 5000 * kMs;
  for (VrfId vrf = 1; vrf <= 8; ++vrf) EXPECT_EQ(allowed(meters, 1, 11, now, vrf), 10u);
  EXPECT_EQ(allowed(meters, 1, 100, now, 9), 100u);
  for (VrfId vrf = 1; vrf <= 8; ++vrf) EXPECT_EQ(allowed(meters, 1, 11, now, vrf), 0u) << vrf;
}

}  // namespace
}  // namespace adit

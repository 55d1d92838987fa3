// SPDX-License-Identifier: Apache-2.0
// lblc and lblcr, and the table that they keep.
#include "scheduler_test.h"

namespace adit {
namespace {

constexpr uint32_t kDay_s = 24 * 3600;

LocalityKey key_of(uint32_t destination, ServiceId service = 1) {
  LocalityKey key;
  key.destination.low = destination;
  key.service = service;
  return key;
}
FlowKey to(uint32_t destination) {
  return flow_of(1, 1000, destination);
}

TEST(LocalityTable, FindsWhatWasInsertedUnderTheWholeKey) {
  LocalityTable table(1, 8);
  const LocalityKey key = key_of(5);
  EXPECT_EQ(table.find(key, 0), nullptr);
  table.insert(key, 0).add(77, 0);
  ASSERT_NE(table.find(key, 0), nullptr);
  EXPECT_EQ(table.find(key, 0)->ids().front(), 77u);
  LocalityKey other = key;
  other.service = 2;
  EXPECT_EQ(table.find(other, 0), nullptr);
  other = key;
  other.vrf = 1;
  EXPECT_EQ(table.find(other, 0), nullptr);
  other = key;
  other.ipv6 = true;
  EXPECT_EQ(table.find(other, 0), nullptr);
  other = key;
  other.destination.high = 1;
  EXPECT_EQ(table.find(other, 0), nullptr);
}

TEST(LocalityTable, ForgetsADayAfterTheLastUse) {
  LocalityTable table(1, 8);
  table.insert(key_of(1), 100).add(7, 100);
  EXPECT_NE(table.find(key_of(1), 100 + kDay_s - 1), nullptr);
  EXPECT_NE(table.find(key_of(1), 100 + 2 * kDay_s - 2), nullptr);
  EXPECT_EQ(table.find(key_of(1), 100 + 3 * kDay_s - 2), nullptr);
  EXPECT_EQ(table.size(), 0u);
}

TEST(LocalityTable, ForgetsTheLeastRecentlyUsedWhenFull) {
  LocalityTable table(1, 3);
  for (uint32_t i = 0; i < 3; ++i) table.insert(key_of(i), i).add(10 + i, i);
  EXPECT_NE(table.find(key_of(0), 3), nullptr);
  table.insert(key_of(3), 4).add(13, 4);
  EXPECT_EQ(table.size(), 3u);
  EXPECT_EQ(table.find(key_of(1), 5), nullptr);
  for (const uint32_t i : {0u, 2u, 3u}) {
    ASSERT_NE(table.find(key_of(i), 5), nullptr) << i;
    EXPECT_EQ(table.find(key_of(i), 5)->ids().front(), 10 + i);
  }
}

TEST(LocalityTable, LetsWhatIsOverGoAsOthersCome) {
  LocalityTable table(1, 100);
  for (uint32_t i = 0; i < 50; ++i) table.insert(key_of(i), 0);
  for (uint32_t i = 0; i < 25; ++i) table.insert(key_of(100 + i), kDay_s);
  EXPECT_EQ(table.size(), 25u);
}

TEST(LocalityTable, HoldsSixteenThousandUnlessToldOtherwise) {
  LocalityTable table(1);
  for (uint32_t i = 0; i < 20'000; ++i) table.insert(key_of(i), 0);
  EXPECT_EQ(table.size(), 16'384u);
  EXPECT_EQ(table.find(key_of(20'000 - 16'385), 0), nullptr);
  EXPECT_NE(table.find(key_of(20'000 - 16'384), 0), nullptr);
}

TEST(LocalityTable, AVrfThatFillsItReplacesItsOwn) {
  LocalityTable table(1, 100);
  LocalityKey own = key_of(1);
  own.vrf = 1;
  for (uint32_t i = 0; i < 20; ++i, own.destination.low = i + 1) table.insert(own, 0);
  LocalityKey other = key_of(1);
  other.vrf = 2;
  for (uint32_t i = 0; i < 1000; ++i, other.destination.low = i + 1) table.insert(other, 1);
  EXPECT_EQ(table.size(), 100u);
  for (uint32_t i = 0; i < 20; ++i) {
    own.destination.low = i + 1;
    EXPECT_NE(table.find(own, 2), nullptr) << i;
  }
  // And gives way to one that has less.
  own.destination.low = 1000;
  table.insert(own, 3);
  EXPECT_NE(table.find(own, 3), nullptr);
  EXPECT_EQ(table.size(), 100u);
}

TEST(LocalitySet, GivesBackWhatRemains) {
  LocalitySet set;
  for (uint32_t id = 1; id <= LocalitySet::kMost; ++id) set.add(id, id);
  set.remove(LocalitySet::kMost - 1, 20);
  set.remove(0, 21);
  set.remove(2, 22);
  EXPECT_TRUE(std::ranges::equal(set.ids(), std::vector<BackendId>{2, 3, 5, 6, 7}));
  EXPECT_EQ(set.changed_s(), 22u);
  EXPECT_TRUE(set.contains(3));
  EXPECT_FALSE(set.contains(4));
}

class Locality : public testing::TestWithParam<const char*> {};
INSTANTIATE_TEST_SUITE_P(Schedulers, Locality, testing::Values("lblc", "lblcr"));

TEST_P(Locality, KeepsADestinationWithItsBackend) {
  TestService service(GetParam(), {100, 100, 100});
  EXPECT_EQ(service.pick(to(1)), 0u);
  service.set_load(0, 50);
  EXPECT_EQ(service.pick(to(2)), 1u);  // as wlc
  service.set_load(1, 60);
  EXPECT_EQ(service.pick(to(1)), 0u);
  EXPECT_EQ(service.pick(to(2)), 1u);
  service.service = 2;
  EXPECT_EQ(service.pick(to(1)), 2u);
}

TEST_P(Locality, KeepsItThroughAReloadThatMovesBackends) {
  TestService service(GetParam(), {100, 100, 100});
  service.set_load(0, 50);
  EXPECT_EQ(service.pick(to(1)), 1u);
  service.set_load(1, 60);
  std::swap(service.backends[1], service.backends[2]);
  EXPECT_EQ(service.pick(to(1)), 2u);
}

TEST_P(Locality, FindsAnotherWhenItsBackendIsGoneOrTakesNoMore) {
  TestService service(GetParam(), {100, 100, 100});
  EXPECT_EQ(service.pick(to(1)), 0u);
  service.set(0, 0);
  EXPECT_EQ(service.pick(to(1)), 1u);
  service.load(1).overloaded = true;
  EXPECT_EQ(service.pick(to(1)), 2u);
  service.backends.resize(2);
  service.load(1).overloaded = false;
  EXPECT_EQ(service.pick(to(1)), 1u);
  service.set(1, 100, false);
  EXPECT_EQ(service.pick(to(1)), kNoBackend);
}

TEST_P(Locality, RelievesABackendAboveItsWeightBesideOneBelowHalf) {
  TestService service(GetParam(), {10, 10, 10});
  EXPECT_EQ(service.pick(to(1)), 0u);
  service.set_load(0, 10);
  EXPECT_EQ(service.pick(to(1)), 0u);  // not above
  service.set_load(0, 11);
  service.set_load(1, 6);
  service.set_load(2, 5);
  EXPECT_EQ(service.pick(to(1)), 0u);  // nobody is below half
  service.set_load(2, 4);
  EXPECT_EQ(service.pick(to(1)), 2u);
}

TEST_P(Locality, TakesItsLoadForOneWorkersPart) {
  TestService service(GetParam(), {10, 10});
  service.workers = 4;
  EXPECT_EQ(service.pick(to(1)), 0u);
  service.set_load(0, 2);
  EXPECT_EQ(service.pick(to(1)), 0u);
  service.set_load(0, 3);
  service.set_load(1, 2);
  EXPECT_EQ(service.pick(to(1)), 0u);  // 12 of 10, and 8 of 10
  service.set_load(1, 1);
  EXPECT_EQ(service.pick(to(1)), 1u);
}

TEST_P(Locality, ForgetsADestinationAfterADay) {
  TestService service(GetParam(), {10, 10});
  EXPECT_EQ(service.pick(to(1)), 0u);
  service.set_load(0, 5);
  service.now_s += kDay_s - 1;
  EXPECT_EQ(service.pick(to(1)), 0u);
  service.now_s += kDay_s;
  EXPECT_EQ(service.pick(to(1)), 1u);
}

TEST_P(Locality, ServesMoreDestinationsThanTheTableHolds) {
  TestService service(GetParam(), {10, 10});  // a table of 64
  for (uint32_t destination = 0; destination < 65; ++destination)
    EXPECT_EQ(service.pick(to(destination)), 0u);
  EXPECT_EQ(service.localities.size(), 64u);
  service.set_load(0, 5);
  EXPECT_EQ(service.pick(to(64)), 0u);
  EXPECT_EQ(service.pick(to(0)), 1u);  // had to make room
}

TEST(Lblc, LeavesAnOverloadedBackendForGood) {
  TestService service("lblc", {10, 10});
  EXPECT_EQ(service.pick(to(1)), 0u);
  service.set_load(0, 11);
  EXPECT_EQ(service.pick(to(1)), 1u);
  service.set_load(0, 0);
  service.set_load(1, 9);
  EXPECT_EQ(service.pick(to(1)), 1u);
}

TEST(Lblcr, AddsToTheSetAndTakesItsLeastLoaded) {
  TestService service("lblcr", {10, 10, 10});
  EXPECT_EQ(service.pick(to(1)), 0u);
  service.set_load(0, 11);
  EXPECT_EQ(service.pick(to(1)), 1u);
  service.set_load(0, 3);
  service.set_load(1, 4);
  EXPECT_EQ(service.pick(to(1)), 0u);
  service.set_load(0, 5);
  EXPECT_EQ(service.pick(to(1)), 1u);  // never the third, which has none
}

TEST(Lblcr, TakesTheMostLoadedOutOfASetThatADayDidNotChange) {
  TestService service("lblcr", {10, 10, 10});
  EXPECT_EQ(service.pick(to(1)), 0u);
  service.set_load(0, 11);
  EXPECT_EQ(service.pick(to(1)), 1u);  // the set is A and B
  service.set_load(1, 4);
  service.now_s += kDay_s - 1;
  EXPECT_EQ(service.pick(to(1)), 1u);
  service.set_load(0, 0);
  EXPECT_EQ(service.pick(to(1)), 0u);  // still both
  service.set_load(0, 9);
  service.now_s += 1;
  EXPECT_EQ(service.pick(to(1)), 1u);  // and A goes
  service.set_load(0, 0);
  EXPECT_EQ(service.pick(to(1)), 1u);
  for (const uint32_t active : {0u, 0u, 4u}) {
    service.set_load(1, active);
    service.now_s += kDay_s / 2;
    EXPECT_EQ(service.pick(to(1)), 1u);  // a set of one stays
  }
}

TEST(Lblcr, AddsABackendToTheSetOnce) {
  TestService service("lblcr", {10, 10, 100});
  EXPECT_EQ(service.pick(to(1)), 0u);
  service.set_load(0, 11);
  service.set_load(1, 12);
  service.set_load(2, 40, 100'000);  // below half, and yet not the one that wlc takes
  EXPECT_EQ(service.pick(to(1)), 0u);
  EXPECT_EQ(service.pick(to(1)), 0u);
  service.set_load(1, 0);
  EXPECT_EQ(service.pick(to(1)), 1u);
  service.now_s += kDay_s / 2;
  EXPECT_EQ(service.pick(to(1)), 1u);
  service.now_s += kDay_s / 2;
  EXPECT_EQ(service.pick(to(1)), 1u);  // the first goes, and nothing of it stays
  service.set_load(0, 0);
  service.set_load(1, 5);
  EXPECT_EQ(service.pick(to(1)), 1u);
}

TEST(Lblcr, ReplacesTheMostLoadedOfAFullSet) {
  TestService service("lblcr", std::vector<uint16_t>(LocalitySet::kMost + 2, 10));
  constexpr uint32_t kMost = LocalitySet::kMost;
  for (uint32_t i = 0; i < kMost; ++i) {
    EXPECT_EQ(service.pick(to(1)), i);
    service.set_load(i, i == 3 ? 40 : 20);
  }
  EXPECT_EQ(service.pick(to(1)), kMost);  // in the place of the fourth
  service.set_load(kMost, 20);
  service.set_load(kMost + 1, 5);  // nobody is below half
  service.set_load(3, 5);
  EXPECT_EQ(service.pick(to(1)), 0u);
  // The set has one that is gone now: that one makes room, not one of those that are there.
  service.backends[5].id = TestService::kFirstId + 50;
  service.set_load(kMost + 1, 0);
  EXPECT_EQ(service.pick(to(1)), kMost + 1);
  for (const uint32_t member : {0u, 1u, 2u, 4u, 6u, 7u, 8u, 9u}) {
    for (uint32_t i = 0; i < service.backends.size(); ++i) service.set_load(i, i == member ? 6 : 9);
    EXPECT_EQ(service.pick(to(1)), member);
  }
}

}  // namespace
}  // namespace adit

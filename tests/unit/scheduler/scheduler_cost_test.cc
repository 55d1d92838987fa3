// SPDX-License-Identifier: Apache-2.0
// lc, wlc, sed, nq, fo and ovf: whoever costs least.
#include "scheduler_test.h"

namespace adit {
namespace {

using Counts = std::vector<unsigned>;
constexpr auto kStay = TestService::Connections::kStay;

TEST(Lc, PicksTheFewestConnectionsWhateverTheWeights) {
  TestService service("lc", {1, 9, 9});
  service.set_load(0, 4);
  service.set_load(1, 5);
  service.set_load(2, 6);
  EXPECT_EQ(service.sequence(1), "A");
  service.set_load(2, 3, 255);
  EXPECT_EQ(service.sequence(1), "C");
}

TEST(Lc, TakesOneActiveConnectionFor256Others) {
  TestService service("lc", {1, 1});
  service.set_load(0, 1);
  service.set_load(1, 0, 255);
  EXPECT_EQ(service.sequence(1), "B");
  service.set_load(1, 0, 257);
  EXPECT_EQ(service.sequence(1), "A");
}

TEST(Lc, SpreadsEvenly) {
  EXPECT_EQ(TestService("lc", {1, 2, 3}).count(300, kStay), (Counts{100, 100, 100}));
}

TEST(Wlc, PicksTheFewestConnectionsForTheWeight) {
  TestService service("wlc", {1, 3});
  service.set_load(0, 2);
  service.set_load(1, 5);
  EXPECT_EQ(service.sequence(1), "B");
  service.set_load(1, 7);
  EXPECT_EQ(service.sequence(1), "A");
}

TEST(Wlc, SpreadsByWeight) {
  EXPECT_EQ(TestService("wlc", {1, 2, 3}).count(600, kStay), (Counts{100, 200, 300}));
}

TEST(Wlc, ComparesTheLargestNumbersRightly) {
  TestService service("wlc", {65534, 65535});
  service.set_load(0, UINT32_MAX, UINT32_MAX);
  service.set_load(1, UINT32_MAX, UINT32_MAX);
  EXPECT_EQ(service.sequence(1), "B");
  service.set(0, 65535);
  EXPECT_EQ(service.sequence(1), "A");
}

TEST(Wlc, FollowsLiveWeights) {
  TestService service("wlc", {4, 4});
  service.set(0, 1);  // slow start
  EXPECT_EQ(service.count(500, kStay), (Counts{100, 400}));
}

TEST(Sed, CountsTheNewConnectionIn) {
  TestService service("sed", {1, 2, 3});
  EXPECT_EQ(service.sequence(1), "C");
  service.set_load(2, 1);  // 2/3 against 1/2
  EXPECT_EQ(service.sequence(1), "B");
  service.set_load(1, 1);  // 2/3, 2/2 and 1/1
  EXPECT_EQ(service.sequence(1), "C");
}

TEST(Sed, DoesNotLookAtInactiveConnections) {
  TestService service("sed", {1, 1});
  service.set_load(0, 0, 1000);
  EXPECT_EQ(service.sequence(1), "A");
}

TEST(Sed, SpreadsByWeight) {
  EXPECT_EQ(TestService("sed", {1, 2, 3}).count(600, kStay), (Counts{100, 200, 300}));
}

TEST(Nq, PrefersAnIdleOneToAFasterOne) {
  TestService service("nq", {1, 100, 1});
  service.set_load(0, 1);
  service.set_load(1, 1);
  EXPECT_EQ(service.sequence(1), "C");
  service.set_load(2, 1);
  EXPECT_EQ(service.sequence(1), "B");
}

TEST(Nq, PicksTheFirstOfIdleOnes) {
  EXPECT_EQ(TestService("nq", {1, 100}).sequence(1), "A");
}

TEST(Fo, PicksTheHighestWeightThatIsUp) {
  TestService service("fo", {10, 30, 20});
  service.set_load(1, 1'000'000);
  EXPECT_EQ(service.sequence(2), "BB");
  service.set(1, 30, false);
  EXPECT_EQ(service.sequence(2), "CC");
  service.load(2).overloaded = true;
  EXPECT_EQ(service.sequence(2), "AA");
  service.set(1, 30);
  EXPECT_EQ(service.sequence(2), "BB");
}

TEST(Ovf, FlowsOverWhereActiveConnectionsExceedTheWeight) {
  TestService service("ovf", {10, 30, 20});
  service.set_load(1, 30, 1000);
  EXPECT_EQ(service.sequence(1), "B");
  service.set_load(1, 31);
  EXPECT_EQ(service.sequence(1), "C");
  service.set_load(2, 21);
  EXPECT_EQ(service.sequence(1), "A");
  service.set_load(0, 11);
  EXPECT_EQ(service.sequence(1), "-");
}

TEST(Ovf, FillsOneAfterTheOther) {
  EXPECT_EQ(TestService("ovf", {10, 30, 20}).count(100, kStay), (Counts{11, 31, 21}));
}

TEST(Ovf, TakesItsLoadForOneWorkersPart) {
  TestService service("ovf", {10, 30});
  service.workers = 4;
  service.set_load(1, 7);
  EXPECT_EQ(service.sequence(1), "B");
  service.set_load(1, 8);
  EXPECT_EQ(service.sequence(1), "A");
}

class Ties : public testing::TestWithParam<const char*> {};
INSTANTIATE_TEST_SUITE_P(Costs, Ties, testing::Values("lc", "wlc", "sed", "nq", "fo", "ovf"));

TEST_P(Ties, GoToTheFirst) {
  TestService service(GetParam(), {5, 5, 5});
  for (unsigned worker = 0; worker < 4; ++worker) {
    service.worker = worker;
    EXPECT_EQ(service.sequence(1), "A");
  }
  for (uint32_t i = 0; i < 3; ++i) service.set_load(i, 3);
  EXPECT_EQ(service.sequence(1), "A");
  service.set(0, 0);
  EXPECT_EQ(service.sequence(1), "B");
}

}  // namespace
}  // namespace adit

// SPDX-License-Identifier: Apache-2.0
// rr and wrr.
#include <numeric>
#include <random>

#include "scheduler_test.h"

namespace adit {
namespace {

// The LVS documentation's algorithm, word for word, for weights that stay.
std::vector<uint32_t> documented_sequence(const std::vector<uint16_t>& weights, size_t picks) {
  const int highest = *std::ranges::max_element(weights);
  const int step = std::accumulate(weights.begin(), weights.end(), 0,
                                   [](int gcd, int weight) { return std::gcd(gcd, weight); });
  std::vector<uint32_t> sequence;
  int level = 0;
  for (int i = -1; sequence.size() < picks;) {
    i = (i + 1) % static_cast<int>(weights.size());
    if (i == 0) {
      level -= step;
      if (level <= 0) level = highest;
    }
    if (weights[static_cast<size_t>(i)] >= level) sequence.push_back(static_cast<uint32_t>(i));
  }
  return sequence;
}

TEST(Rr, GoesRound) {
  EXPECT_EQ(TestService("rr", {1, 1, 1}).sequence(7), "ABCABCA");
}

TEST(Rr, LooksAtWeightsForZeroAlone) {
  TestService service("rr", {5, 0, 1});
  EXPECT_EQ(service.sequence(4), "ACAC");
  service.set(1, 2);
  EXPECT_EQ(service.sequence(4), "ABCA");
}

TEST(Rr, GoesOnBehindOneThatIsDown) {
  TestService service("rr", {1, 1, 1});
  EXPECT_EQ(service.sequence(2), "AB");
  service.set(2, 1, false);
  EXPECT_EQ(service.sequence(3), "ABA");
  service.set(2, 1);
  EXPECT_EQ(service.sequence(3), "BCA");
}

TEST(Rr, SurvivesAReloadWithFewerBackends) {
  TestService service("rr", {1, 1, 1, 1});
  EXPECT_EQ(service.sequence(3), "ABC");
  service.backends.resize(2);
  EXPECT_EQ(service.sequence(3), "ABA");
}

TEST(Wrr, GivesTheDocumentedSequence) {
  EXPECT_EQ(TestService("wrr", {4, 3, 2}).sequence(18), "AABABCABCAABABCABC");
  EXPECT_EQ(TestService("wrr", {400, 300, 200}).sequence(18), "AABABCABCAABABCABC");
  EXPECT_EQ(TestService("wrr", {1, 1, 1}).sequence(4), "ABCA");
}

// A worker may begin in the middle of it.
TEST(Wrr, GoesThroughTheDocumentedCycle) {
  std::mt19937 random(3);
  for (unsigned round = 0; round < 200; ++round) {
    const auto factor = static_cast<unsigned>(1 + random() % 100);
    std::vector<uint16_t> weights(1 + random() % 10);
    for (uint16_t& weight : weights) weight = static_cast<uint16_t>(random() % 12 * factor);
    weights[random() % weights.size()] = static_cast<uint16_t>(factor);  // not all are 0
    const unsigned cycle = std::accumulate(weights.begin(), weights.end(), 0u) / factor;
    const auto expected = documented_sequence(weights, 2 * cycle);
    TestService service("wrr", weights);
    service.worker = round % 40;
    std::vector<uint32_t> sequence;
    while (sequence.size() < cycle) sequence.push_back(service.pick());
    EXPECT_NE(std::search(expected.begin(), expected.end(), sequence.begin(), sequence.end()),
              expected.end())
        << "round " << round;
  }
}

TEST(Wrr, CountsLiveWeightsThatTheConfiguredOnesDoNotDivide) {
  TestService service("wrr", {100, 200});
  EXPECT_EQ(service.sequence(6), "ABBABB");
  service.set(0, 30);
  EXPECT_EQ(service.sequence(1), "B");  // ends the cycle, of levels 200 and 100
  EXPECT_EQ(service.count(23), (std::vector<unsigned>{3, 20}));
  EXPECT_EQ(service.count(230), (std::vector<unsigned>{30, 200}));
  service.set(0, 7);
  EXPECT_EQ(service.count(207), (std::vector<unsigned>{7, 200}));
}

TEST(Wrr, GoesOnWithTheOthersAtOnceWhenTheHeaviestGoes) {
  TestService service("wrr", {65535, 3, 2});
  EXPECT_EQ(service.sequence(3), "AAA");
  service.set(0, 65535, false);
  EXPECT_EQ(service.sequence(5), "BBCBC");
  service.load(1).overloaded = service.load(2).overloaded = true;
  EXPECT_EQ(service.sequence(2), "--");
  service.load(2).overloaded = false;
  EXPECT_EQ(service.sequence(2), "CC");
}

TEST(Wrr, SurvivesAReloadToOtherWeights) {
  TestService service("wrr", {60000, 60000, 60000, 59999});
  service.sequence(7);
  service.backends.resize(2);
  service.set(0, 2);
  service.set(1, 1);
  EXPECT_EQ(service.sequence(6), "AABAAB");
}

TEST(Wrr, BeginsAtAnotherLevelWhereThereAreMoreWorkersThanBackends) {
  TestService service("wrr", {4, 3});
  EXPECT_EQ(service.sequence(7), "AABABAB");
  service.state = {};
  service.worker = 2;
  EXPECT_EQ(service.sequence(7), "ABABABA");
}

class Workers : public testing::TestWithParam<const char*> {};
INSTANTIATE_TEST_SUITE_P(Turns, Workers, testing::Values("rr", "wrr"));

TEST_P(Workers, BeginWithDifferentBackends) {
  std::vector<unsigned> firsts(4);
  for (unsigned worker = 0; worker < 8; ++worker) {
    TestService service(GetParam(), {4, 3, 2, 5});
    service.worker = worker;
    ++firsts[service.pick()];
  }
  EXPECT_EQ(firsts, (std::vector<unsigned>{2, 2, 2, 2}));
}

TEST_P(Workers, BeginElsewhereWhereTheirBackendIsDown) {
  TestService service(GetParam(), {1, 1, 1});
  service.worker = 1;
  service.set(1, 1, false);
  EXPECT_EQ(service.sequence(3), "CAC");
}

}  // namespace
}  // namespace adit

// SPDX-License-Identifier: Apache-2.0
// dh, sh and mh: whoever the packet's hash says.
#include <numeric>
#include <random>

#include "scheduler_test.h"

namespace adit {
namespace {

const std::vector<uint16_t> kTen(10, 1);

// Who serves each of so many clients.
std::vector<uint32_t> picks(TestService& service, uint32_t clients = 20'000) {
  std::vector<uint32_t> all;
  for (uint32_t client = 0; client < clients; ++client)
    all.push_back(service.pick(flow_of(client, 1000, client)));
  return all;
}

// Clients, or slots, of others than `gone` that are not served by whom they were.
template <class List>
size_t moved(const List& before, const List& after, uint32_t gone) {
  size_t count = 0;
  for (size_t i = 0; i < before.size(); ++i) count += before[i] != gone && before[i] != after[i];
  return count;
}

std::vector<unsigned> slots_of(const TestService& service) {
  std::vector<unsigned> slots(service.backends.size());
  for (const uint16_t index : service.table) ++slots[index];
  return slots;
}

class Hashed : public testing::TestWithParam<const char*> {};
INSTANTIATE_TEST_SUITE_P(Hashes, Hashed, testing::Values("dh", "sh", "mh"));

TEST_P(Hashed, SpreadsByWeight) {
  TestService service(GetParam(), {1, 2, 5, 0});
  const auto counts = service.count(80'000);
  EXPECT_NEAR(counts[0], 10'000, 500);
  EXPECT_NEAR(counts[1], 20'000, 500);
  EXPECT_NEAR(counts[2], 50'000, 500);
  EXPECT_EQ(counts[3], 0u);
}

TEST_P(Hashed, SpreadsIpv6) {
  TestService service(GetParam(), {1, 1, 1, 1});
  std::vector<unsigned> counts(4);
  std::mt19937_64 random(1);
  for (uint32_t client = 0; client < 40'000; ++client) {
    FlowKey flow = flow_of(0);
    flow.ipv6 = 1;
    // Networks next to each other, hosts at random.
    flow.source = {be64(0x20010db8'00000000 + client % 256).raw(), random()};
    flow.destination = flow.source;
    ++counts[service.pick(flow)];
  }
  for (const unsigned count : counts) EXPECT_NEAR(count, 10'000, 500);
}

TEST_P(Hashed, RefusesClientsOfADrainedOrOverloadedOne) {
  TestService service(GetParam(), kTen);
  const auto before = picks(service);
  service.set(3, 0);
  const auto after = picks(service);
  for (size_t i = 0; i < before.size(); ++i)
    ASSERT_EQ(after[i], before[i] == 3 ? kNoBackend : before[i]);
  service.set(3, 1);
  service.load(3).overloaded = true;
  EXPECT_EQ(picks(service), after);
  service.load(3).overloaded = false;
  EXPECT_EQ(picks(service), before);
}

TEST_P(Hashed, SpreadsClientsOfADrainedOneWithFallbackAndMovesNoOther) {
  TestService service(GetParam(), kTen);
  service.options.fallback = true;
  const auto before = picks(service);
  service.set(3, 0);
  const auto after = picks(service);
  EXPECT_EQ(moved(before, after, 3), 0u);
  std::vector<unsigned> taken(kTen.size());
  for (size_t i = 0; i < before.size(); ++i)
    if (before[i] == 3) ++taken[after[i]];
  const double share = std::accumulate(taken.begin(), taken.end(), 0.0) / 9;
  for (uint32_t i = 0; i < taken.size(); ++i)
    EXPECT_NEAR(taken[i], i == 3 ? 0 : share, share / 4) << i;
}

TEST_P(Hashed, SpreadsClientsOfOneThatIsDownAndMovesNoOther) {
  TestService service(GetParam(), kTen);
  const auto before = picks(service);
  service.set(3, 1, false);
  const auto after = picks(service);
  EXPECT_EQ(moved(before, after, 3), 0u);
  for (const uint32_t index : after) ASSERT_TRUE(index < 10 && index != 3);
  service.set(3, 1);
  EXPECT_EQ(picks(service), before);
}

TEST_P(Hashed, SpreadsClientsOfOneThatIsDownByWeight) {
  TestService service(GetParam(), {8, 1, 3});
  service.set(0, 8, false);
  const auto counts = service.count(40'000);
  EXPECT_NEAR(counts[1], 10'000, 1000);
  EXPECT_NEAR(counts[2], 30'000, 1000);
}

TEST_P(Hashed, SpreadsOverTheFewThatAreLeftOfMany) {
  TestService service(GetParam(), std::vector<uint16_t>(500, 1));
  for (uint32_t i = 0; i < 500; ++i) service.set(i, 1, i == 77 || i == 402);
  const auto counts = service.count(10'000);
  EXPECT_NEAR(counts[77], 5'000, 500);
  EXPECT_EQ(counts[77] + counts[402], 10'000u);
}

TEST_P(Hashed, HasNoTableWhereAllWeightsAreZero) {
  TestService service(GetParam(), {0, 0});
  EXPECT_TRUE(service.table.empty());
  EXPECT_EQ(service.pick(), kNoBackend);
}

TEST_P(Hashed, GivesEachOfManyAtLeastASlotUnlessItsWeightIsNothing) {
  std::vector<uint16_t> weights(2000, 1);
  weights[5] = 3;
  TestService service(GetParam(), weights);
  for (const unsigned slots : slots_of(service)) EXPECT_GE(slots, 1u);
}

TEST(Dh, GoesByTheDestinationAlone) {
  TestService service("dh", kTen);
  const uint32_t index = service.pick(flow_of(1, 1000, 5));
  for (uint32_t client = 0; client < 100; ++client)
    EXPECT_EQ(service.pick(flow_of(client, static_cast<uint16_t>(client), 5)), index);
}

class BySource : public testing::TestWithParam<const char*> {};
INSTANTIATE_TEST_SUITE_P(Hashes, BySource, testing::Values("sh", "mh"));

TEST_P(BySource, GoesByTheSourceAlone) {
  TestService service(GetParam(), kTen);
  const uint32_t index = service.pick(flow_of(1));
  for (uint16_t port = 0; port < 100; ++port)
    EXPECT_EQ(service.pick(flow_of(1, port, port)), index);
}

TEST_P(BySource, GoesByThePortAsWellWhereAsked) {
  TestService service(GetParam(), kTen);
  service.options.hash_port = true;
  std::vector<unsigned> counts(10);
  for (uint16_t port = 0; port < 10'000; ++port) ++counts[service.pick(flow_of(1, port))];
  for (const unsigned count : counts) EXPECT_NEAR(count, 1000, 200);
}

TEST(Mh, FillsItsTableByWeightToAFewSlots) {
  for (const uint32_t size : kMaglevSizes) {
    TestService service("mh", {});
    service.options.table_size = size;
    unsigned total = 0;
    for (const uint16_t weight : std::vector<uint16_t>{1, 1, 2, 3, 5, 8, 13}) {
      service.add(weight);
      total += weight;
    }
    service.build();
    ASSERT_EQ(service.table.size(), size);
    const auto slots = slots_of(service);
    for (size_t i = 0; i < slots.size(); ++i)
      EXPECT_NEAR(slots[i], double{1} * size * service.configured[i].weight / total, 3) << size;
  }
}

TEST(Mh, TakesTheLargestWeights) {
  TestService service("mh", {});
  service.options.table_size = 65537;
  for (const uint16_t weight : std::vector<uint16_t>{65535, 1, 65535}) service.add(weight);
  service.build();
  const auto slots = slots_of(service);
  EXPECT_EQ(slots[1], 1u);
  EXPECT_EQ(slots[0], slots[2]);
}

TEST(Mh, BuildsTheSameTableWhateverTheOrderOfBackends) {
  TestService service("mh", {1, 1, 2, 3, 5, 5, 5, 5, 100, 7});
  const auto backends_of_slots = [&] {
    std::vector<IpAddr> addresses;
    for (const uint32_t index : service.table)
      addresses.push_back(service.configured[index].address);
    return addresses;
  };
  const auto before = backends_of_slots();
  std::mt19937 random(1);
  for (int round = 0; round < 5; ++round) {
    std::ranges::shuffle(service.configured, random);
    service.build();
    EXPECT_EQ(backends_of_slots(), before);
  }
}

TEST(Mh, TellsPortsOfOneAddressApart) {
  TestService service("mh", {1, 1});
  service.configured[1] = service.configured[0];
  service.configured[1].port = 81;
  service.build();
  SchedulerTable mirrored = service.table;
  for (uint16_t& index : mirrored) index = static_cast<uint16_t>(1 - index);
  std::swap(service.configured[0], service.configured[1]);
  service.build();
  EXPECT_EQ(service.table, mirrored);
}

TEST(Mh, HasATableAsLargeAsItsBackendsNeed) {
  const auto size = [](unsigned backends) {
    return TestService("mh", std::vector<uint16_t>(backends, 1)).table.size();
  };
  for (const unsigned backends : {1u, 2u, 10u, 16u}) EXPECT_EQ(size(backends), 2048u) << backends;
  EXPECT_EQ(size(17), 4096u);
  EXPECT_EQ(size(100), 16384u);
  EXPECT_EQ(size(700), 131072u);
  EXPECT_EQ(size(999), 131072u);
}

TEST(Mh, GivesSharesWithinAPercent) {
  for (const unsigned backends : {2u, 3u, 10u, 16u, 17u, 31u, 32u, 100u, 129u, 500u, 900u}) {
    TestService service("mh", std::vector<uint16_t>(backends, 7));
    const double share = double{1} * static_cast<double>(service.table.size()) / backends;
    for (const unsigned slots : slots_of(service))
      ASSERT_NEAR(slots, share, std::max(share / 100, 1.0)) << backends;
  }
  TestService service("mh", {1, 1, 2, 3, 5, 8, 13});
  const auto slots = slots_of(service);
  for (size_t i = 0; i < slots.size(); ++i)
    EXPECT_NEAR(slots[i], 2048.0 * service.configured[i].weight / 33, 3);
}

// Clients of others that move when a backend is added: at any number of backends, also where the
// table gets larger. 17 is the worst: there slots begin to be halved, and they are the most then.
TEST(Mh, MovesFewClientsWhenABackendIsAdded) {
  for (const auto& [backends, most] : {std::pair(1u, 0.0),
                                       {2u, 0.01},
                                       {4u, 0.02},
                                       {10u, 0.03},
                                       {15u, 0.03},
                                       {16u, 0.07},
                                       {17u, 0.07},
                                       {31u, 0.07},
                                       {32u, 0.05},
                                       {64u, 0.035},
                                       {100u, 0.035},
                                       {128u, 0.03},
                                       {256u, 0.025},
                                       {512u, 0.02},
                                       {800u, 0.02}}) {
    TestService service("mh", std::vector<uint16_t>(backends, 1));
    const auto before = picks(service, 50'000);
    service.add(1);
    service.build();
    const auto after = picks(service, 50'000);
    size_t own = 0, other = 0;
    for (size_t i = 0; i < before.size(); ++i) {
      own += after[i] == backends;
      other += after[i] != backends && after[i] != before[i];
    }
    EXPECT_NEAR(static_cast<double>(own), 50'000.0 / (backends + 1), 500) << backends;
    EXPECT_LE(static_cast<double>(other), 50'000 * most) << backends;
  }
}

// The same, one by one from 1 to 40: nothing is moved to and fro.
TEST(Mh, MovesNoMoreClientsInAllThanBackendsAreAdded) {
  TestService service("mh", {1});
  auto before = picks(service);
  size_t moves = 0, own = 0;
  for (uint32_t added = 1; added < 40; ++added) {
    service.add(1);
    service.build();
    auto after = picks(service);
    for (size_t i = 0; i < before.size(); ++i) {
      moves += after[i] != before[i];
      own += after[i] == added;
    }
    before = std::move(after);
  }
  EXPECT_LT(moves, own * 3 / 2);
}

// Of those that did not belong to the one that goes or comes, in a table of the usual large size.
TEST(Mh, MovesFewSlotsWhenABackendGoesOrComes) {
  for (const unsigned backends : {2u, 10u, 100u, 500u}) {
    TestService service("mh", {});
    service.options.table_size = 65537;
    for (unsigned i = 0; i < backends; ++i) service.add(10);
    service.build();
    const auto before = service.table;
    service.configured.pop_back();
    service.build();
    const size_t slots = moved(before, service.table, backends - 1);
    EXPECT_LT(slots, before.size() * 2 / 100) << backends;
  }
}

TEST(Mh, MovesFewSlotsWhenAWeightChanges) {
  TestService service("mh", std::vector<uint16_t>(10, 10));
  const auto before = service.table;
  service.configured[7].weight = 11;
  service.build();
  EXPECT_LT(moved(before, service.table, 7), before.size() * 3 / 100);
}

}  // namespace
}  // namespace adit

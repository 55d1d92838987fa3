// SPDX-License-Identifier: Apache-2.0
// Fdb and FdbLearner against a simple map, over real DPDK memory.
#include <gtest/gtest.h>
#include <rte_malloc.h>
#include <rte_rcu_qsbr.h>

#include <memory>
#include <random>
#include <unordered_map>

#include "running/fdb_learner.h"
#include "test_dataplane.h"

namespace adit {
namespace {

constexpr uint64_t kSecond = 1'000'000'000;

MacAddr mac(uint64_t number) {
  return MacAddr::from_u64(0x0200'0000'0000 + number);
}

TEST(Fdb, BehavesLikeAMapUnderRandomChanges) {
  TestDataplane dataplane(1024);
  Fdb& fdb = dataplane->fdb();
  std::unordered_map<uint64_t, BridgePortId> model;
  std::mt19937_64 random(7);
  for (int step = 0; step < 50'000; ++step) {
    const uint64_t key = fdb_key(static_cast<NetworkId>(1 + random() % 3), mac(random() % 600));
    if (random() % 3 == 0) {
      fdb.erase(key);
      model.erase(key);
    } else {
      const auto where = static_cast<BridgePortId>(1 + random() % 9);
      const bool known = model.contains(key);
      const bool stored = fdb.set(key, where, false, 1);
      ASSERT_EQ(stored, known || model.size() < 1024);
      if (stored) model[key] = where;
    }
    ASSERT_EQ(fdb.size(), model.size());
    for (int probe = 0; probe < 64; ++probe) {
      const uint64_t wanted =
          fdb_key(static_cast<NetworkId>(1 + random() % 3), mac(random() % 600));
      const auto expected = model.find(wanted);
      ASSERT_EQ(fdb.lookup(wanted).bridge_port, expected == model.end() ? 0 : expected->second);
    }
  }
}

TEST(Fdb, WaitsForNoWorkerThatStandsStill) {
  const std::unique_ptr<rte_rcu_qsbr, decltype(&rte_free)> qsbr(
      static_cast<rte_rcu_qsbr*>(
          rte_zmalloc("test", rte_rcu_qsbr_get_memsize(1), RTE_CACHE_LINE_SIZE)),
      &rte_free);
  ASSERT_EQ(rte_rcu_qsbr_init(qsbr.get(), 1), 0);
  rte_rcu_qsbr_thread_register(qsbr.get(), 0);
  rte_rcu_qsbr_thread_online(qsbr.get(), 0);
  constexpr uint32_t kCapacity = 1024;
  Fdb fdb(kCapacity, qsbr.get());
  const auto fill = [&](NetworkId network) {
    uint32_t stored = 0;
    for (uint64_t i = 0; i < kCapacity; ++i)
      stored += fdb.set(fdb_key(network, mac(i)), 1, false, 9) ? 1 : 0;
    return stored;
  };
  const auto empty = [&](NetworkId network) {
    for (uint64_t i = 0; i < kCapacity; ++i) fdb.erase(fdb_key(network, mac(i)));
  };
  EXPECT_EQ(fill(1), kCapacity);
  empty(1);
  // What is erased may still be read, and half of the places have never been used.
  EXPECT_LT(fill(2), kCapacity);
  empty(2);
  EXPECT_LT(fill(3), kCapacity / 2);
  empty(3);
  rte_rcu_qsbr_thread_offline(qsbr.get(), 0);  // reads nothing any more
  EXPECT_EQ(fill(4), kCapacity);
  rte_rcu_qsbr_thread_unregister(qsbr.get(), 0);
}

TEST(Fdb, TakesItsWholeCapacityAndGivesEverythingBack) {
  for (const uint32_t capacity : {1024u, 65536u}) {
    TestDataplane dataplane(capacity);
    Fdb& fdb = dataplane->fdb();
    for (int round = 0; round < 2; ++round) {
      for (uint64_t i = 0; i < capacity; ++i)
        ASSERT_TRUE(fdb.set(fdb_key(1, mac(i)), 1 + static_cast<BridgePortId>(i % 5), i % 2, 9))
            << i;
      EXPECT_FALSE(fdb.set(fdb_key(2, mac(0)), 1, false, 9));
      for (uint64_t i = 0; i < capacity; ++i) {
        const auto entry = fdb.find(fdb_key(1, mac(i)));
        ASSERT_TRUE(entry) << i;
        ASSERT_EQ(entry->bridge_port, 1 + i % 5);
        ASSERT_EQ(entry->is_static, i % 2 == 1);
        ASSERT_EQ(fdb.at(entry->slot).key, fdb_key(1, mac(i)));
        ASSERT_EQ(fdb.last_seen_s(entry->slot), 9u);
      }
      for (uint64_t i = 0; i < capacity; ++i) fdb.erase(fdb_key(1, mac(i)));
      EXPECT_EQ(fdb.size(), 0u);
    }
  }
}

TEST(Fdb, TenantsWithEqualMacsDoNotCrowdEachOther) {
  TestDataplane dataplane(65536);
  for (uint64_t i = 0; i < 65536; ++i)
    ASSERT_TRUE(dataplane->fdb().set(fdb_key(static_cast<NetworkId>(1 + i % 4096), mac(i / 4096)),
                                     1, false, 1))
        << i;
}

struct FdbLearnerTest : testing::Test {
  FdbLearnerTest() {
    NetworkConfig red;
    red.name = "red";
    red.vni = 1;
    red.mac_aging_s = 30;
    red.mac_limit = 3;
    red.members = {{"access", std::nullopt}, {"access", 5}};
    config.networks = {red};
    ids.networks["red"] = 1;
    ids.bridge_ports[MemberName{"red", "access", 0}] = {1, 1, 0};
    ids.bridge_ports[MemberName{"red", "access", 5}] = {2, 1, 0};
    learner.configure(config, ids, kSecond);
  }
  BridgePortId where(uint64_t number) {
    return dataplane->fdb().lookup(fdb_key(1, mac(number))).bridge_port;
  }
  void seen(uint64_t number, BridgePortId port, uint64_t at_s) {
    learner.seen(fdb_key(1, mac(number)), port, at_s * kSecond);
  }
  void tick_until(uint64_t& now_ns, uint64_t until_s) {
    for (; now_ns < until_s * kSecond; now_ns += kSecond / 10) learner.tick(now_ns);
  }

  TestDataplane dataplane{1024};
  Config config;
  CompiledIds ids;
  FdbLearner learner{*dataplane};
};

TEST_F(FdbLearnerTest, LearnsMovesAndAges) {
  seen(1, 1, 1);
  EXPECT_EQ(where(1), 1u);
  seen(1, 2, 2);
  EXPECT_EQ(where(1), 2u);
  EXPECT_EQ(learner.moves(), 1u);
  uint64_t now_ns = 2 * kSecond;
  tick_until(now_ns, 31);
  EXPECT_EQ(where(1), 2u);
  tick_until(now_ns, 35);
  EXPECT_EQ(where(1), 0u);
  EXPECT_EQ(learner.learned(1), 0u);
}

TEST_F(FdbLearnerTest, WhatWasLearnedBehindAPortIsForgottenWhenItsLinkGoesDown) {
  config.ports.resize(2);
  config.ports[1].id = {1};
  config.ports[0].name = "other";
  config.ports[1].name = "access";
  config.networks[0].members.push_back({"other", std::nullopt});
  config.networks[0].mac_limit = 10;
  config.networks[0].static_macs = {{mac(9), "access", std::nullopt, std::nullopt}};
  ids.bridge_ports[MemberName{"red", "other", 0}] = {3, 1, 0};
  learner.configure(config, ids, kSecond);
  seen(1, 1, 1);
  seen(2, 2, 1);
  seen(3, 3, 1);
  EXPECT_EQ(learner.port_down(1, kSecond), 2u) << "untagged, and of the VLAN";
  EXPECT_EQ(where(1), 0u);
  EXPECT_EQ(where(2), 0u);
  EXPECT_EQ(where(3), 3u);
  EXPECT_EQ(where(9), 1u) << "static";
  EXPECT_EQ(learner.learned(1), 1u);
  seen(1, 1, 2);
  EXPECT_EQ(where(1), 0u) << "a report from before";
  learner.port_up(1);
  seen(1, 1, 3);
  EXPECT_EQ(where(1), 1u);
}

TEST_F(FdbLearnerTest, WhatWorkersKeepSeeingDoesNotAge) {
  seen(1, 1, 1);
  uint64_t now_ns = kSecond;
  for (uint64_t second = 20; second <= 200; second += 20) {
    Fdb& fdb = dataplane->fdb();
    fdb.lookup(fdb_key(1, mac(1))).touch(static_cast<uint32_t>(second));
    tick_until(now_ns, second + 5);
  }
  EXPECT_EQ(where(1), 1u);
}

TEST_F(FdbLearnerTest, LimitRefusesNewAddressesButNotMoves) {
  for (uint64_t number = 1; number <= 5; ++number) seen(number, 1, 1);
  EXPECT_EQ(learner.learned(1), 3u);
  EXPECT_EQ(learner.refused_by_limit(), 2u);
  EXPECT_EQ(where(4), 0u);
  seen(3, 2, 2);
  EXPECT_EQ(where(3), 2u);
}

TEST(FdbLearner, OneNetworksFloodLeavesOthersTheirShare) {
  TestDataplane dataplane{1024};
  FdbLearner learner{*dataplane};
  Config config;
  CompiledIds ids;
  for (const auto& [name, id] : {std::pair{"red", 1u}, {"blue", 2u}}) {
    NetworkConfig network;
    network.name = name;
    network.members = {{name, std::nullopt}};
    config.networks.push_back(network);
    ids.networks[name] = static_cast<NetworkId>(id);
    ids.bridge_ports[MemberName{name, name, 0}] = {id, static_cast<NetworkId>(id), 0};
  }
  learner.configure(config, ids, kSecond);
  for (uint64_t number = 1; number <= 5000; ++number)
    learner.seen(fdb_key(1, mac(number)), 1, kSecond);
  EXPECT_EQ(learner.learned(1), 768u);  // the common half, and its own quarter
  for (uint64_t number = 1; number <= 200; ++number)
    learner.seen(fdb_key(2, mac(number)), 2, kSecond);
  EXPECT_EQ(learner.learned(2), 200u);
  learner.configure(config, ids, kSecond);
  for (uint64_t number = 5001; number <= 9000; ++number)
    learner.seen(fdb_key(1, mac(number)), 1, kSecond);
  EXPECT_EQ(learner.learned(1), 768u);
}

TEST_F(FdbLearnerTest, StaticEntriesNeitherMoveNorAgeAndGoWithTheirConfiguration) {
  config.networks[0].static_macs = {{mac(9), "access", 5, std::nullopt}};
  learner.configure(config, ids, kSecond);
  seen(9, 1, 2);
  EXPECT_EQ(where(9), 2u);
  uint64_t now_ns = 2 * kSecond;
  tick_until(now_ns, 100);
  EXPECT_EQ(where(9), 2u);
  config.networks[0].static_macs.clear();
  learner.configure(config, ids, 100 * kSecond);
  EXPECT_EQ(where(9), 0u);
}

TEST_F(FdbLearnerTest, RemovedPlacesTakeTheirAddressesAlongAndOthersStay) {
  seen(1, 1, 1);
  seen(2, 2, 1);
  config.networks[0].members.pop_back();
  ids.bridge_ports.erase(MemberName{"red", "access", 5});
  learner.configure(config, ids, 2 * kSecond);
  EXPECT_EQ(where(1), 1u);
  EXPECT_EQ(where(2), 0u);
  EXPECT_EQ(learner.learned(1), 1u);
}

TEST_F(FdbLearnerTest, ReportsOfAnOlderConfigurationAreIgnored) {
  seen(1, 7, 1);
  learner.seen(fdb_key(4, mac(1)), 1, kSecond);
  EXPECT_EQ(dataplane->fdb().size(), 0u);
}

TEST_F(FdbLearnerTest, NoLearningWhereTheNetworkSaysSo) {
  seen(1, 1, 1);
  config.networks[0].learning = false;
  learner.configure(config, ids, 2 * kSecond);
  EXPECT_EQ(where(1), 0u);
  seen(1, 1, 3);
  EXPECT_EQ(where(1), 0u);
}

}  // namespace
}  // namespace adit

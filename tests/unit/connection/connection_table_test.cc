// SPDX-License-Identifier: Apache-2.0
#include <gtest/gtest.h>

#include <random>
#include <unordered_map>
#include <unordered_set>
#include <vector>

#include "connection/table.h"
#include "connection_test.h"

namespace adit {
namespace {

using Refusal = ConnectionTable::Refusal;
constexpr uint64_t kSeed = 0x5eed;

TEST(ConnectionTable, NatIsFoundByBothHalves) {
  ConnectionTable table(100, kSeed);
  const Connection nat = test_connection(1);
  const auto [id, refusal] = table.insert(nat);
  ASSERT_NE(id, 0u);
  EXPECT_EQ(refusal, Refusal::kNone);
  EXPECT_EQ(table.find(nat.forward).id, id);
  EXPECT_EQ(table.find(nat.forward).direction, Direction::kFromClient);
  EXPECT_EQ(table.find(nat.reverse).id, id);
  EXPECT_EQ(table.find(nat.reverse).direction, Direction::kFromBackend);
  EXPECT_EQ(table.at(id).backend, nat.backend);
  EXPECT_EQ(table.size(), 1u);
  table.erase(id);
  EXPECT_EQ(table.find(nat.forward).id, 0u);
  EXPECT_EQ(table.find(nat.reverse).id, 0u);
  EXPECT_EQ(table.size(), 0u);
}

TEST(ConnectionTable, FullNatIsFoundByItsLocalAddress) {
  ConnectionTable table(100, kSeed);
  Connection full_nat = test_connection(1, Forwarding::kFullNat);
  full_nat.reverse = test_key(7, 8080, 9, 40'000, 2);
  const ConnectionId id = table.insert(full_nat).id;
  EXPECT_EQ(table.find(test_key(7, 8080, 9, 40'000, 2)).id, id);
  EXPECT_EQ(table.find(test_key(7, 8080, 9, 40'001, 2)).id, 0u);
  EXPECT_EQ(table.find(test_connection(1).reverse).id, 0u);
}

TEST(ConnectionTable, DirectAndTunnelHaveAForwardKeyOnly) {
  for (const Forwarding forwarding : {Forwarding::kDirect, Forwarding::kTunnel}) {
    ConnectionTable table(100, kSeed);
    // Two to one backend: what is not indexed cannot collide.
    const Connection first = test_connection(1, forwarding);
    const Connection second = test_connection(8, forwarding);
    ASSERT_EQ(first.reverse, second.reverse);
    const ConnectionId id = table.insert(first).id;
    ASSERT_NE(id, 0u);
    ASSERT_NE(table.insert(second).id, 0u);
    EXPECT_EQ(table.find(first.forward).id, id);
    EXPECT_EQ(table.find(first.reverse).id, 0u);
    table.erase(id);
    EXPECT_EQ(table.find(first.forward).id, 0u);
    EXPECT_NE(table.find(second.forward).id, 0u);
  }
}

// Of all that a key holds, each byte counts.
TEST(ConnectionTable, KeysThatDifferInAnyByteAreOthers) {
  ConnectionTable table(100, kSeed);
  const Connection connection = test_connection(5, Forwarding::kNat, true);
  const ConnectionId id = table.insert(connection).id;
  for (const FlowKey& key : {connection.forward, connection.reverse}) {
    EXPECT_EQ(table.find(key).id, id);
    for (size_t byte = 0; byte < sizeof key; ++byte) {
      for (unsigned bit = 0; bit < 8; ++bit) {
        FlowKey other = key;
        reinterpret_cast<uint8_t*>(&other)[byte] ^= static_cast<uint8_t>(1u << bit);
        EXPECT_EQ(table.find(other).id, 0u) << byte;
        EXPECT_NE(table.hash(other), table.hash(key)) << byte;
      }
    }
  }
}

TEST(ConnectionTable, FamiliesVrfsAndProtocolsStandBesideEachOther) {
  ConnectionTable table(100, kSeed);
  std::vector<Connection> connections(5, test_connection(1));
  connections[1].forward.vrf = 7;
  connections[1].reverse.vrf = 8;
  connections[2].forward.protocol = connections[2].reverse.protocol = 17;
  // The same bytes, as an IPv6 address: ::100.0.0.0
  connections[3].forward.ipv6 = connections[3].reverse.ipv6 = 1;
  connections[4].forward.source_port = be16(1);
  connections[4].reverse.destination_port = be16(1);
  std::unordered_set<ConnectionId> ids;
  for (const Connection& connection : connections) {
    const ConnectionId id = table.insert(connection).id;
    ASSERT_NE(id, 0u);
    EXPECT_TRUE(ids.insert(id).second);
    EXPECT_EQ(table.find(connection.forward).id, id);
    EXPECT_EQ(table.find(connection.reverse).id, id);
  }
}

TEST(ConnectionTable, AKeyIsOneConnectionsOnly) {
  ConnectionTable table(100, kSeed);
  const Connection first = test_connection(1);
  const ConnectionId id = table.insert(first).id;

  EXPECT_EQ(table.insert(first).refusal, Refusal::kForwardExists);
  Connection other = test_connection(2);
  other.reverse = first.reverse;
  EXPECT_EQ(table.insert(other).refusal, Refusal::kReverseExists);
  // Each half stands in the way of the other as well.
  other = test_connection(2);
  other.reverse = first.forward;
  EXPECT_EQ(table.insert(other).refusal, Refusal::kReverseExists);
  other = test_connection(2);
  other.forward = first.reverse;
  EXPECT_EQ(table.insert(other).refusal, Refusal::kForwardExists);
  other = test_connection(2);
  other.reverse = other.forward;
  EXPECT_EQ(table.insert(other).refusal, Refusal::kReverseExists);

  // No trace of those that were refused.
  EXPECT_EQ(table.size(), 1u);
  EXPECT_EQ(table.find(test_connection(2).forward).id, 0u);
  EXPECT_EQ(table.find(test_connection(2).reverse).id, 0u);
  EXPECT_EQ(table.find(first.forward).id, id);
  EXPECT_EQ(table.find(first.reverse).id, id);
  EXPECT_NE(table.insert(test_connection(2)).id, 0u);
}

TEST(ConnectionTable, TakesItsWholeCapacityAndGivesEverythingBack) {
  for (const uint32_t capacity : {1u, 2u, 3u, 10u, 64u, 1000u, 4096u, 100'000u}) {
    for (uint64_t seed = 1; seed <= (capacity <= 1000 ? 200u : 1u); ++seed) {
      ConnectionTable table(capacity, seed);
      for (int round = 0; round < 2; ++round) {
        for (uint32_t i = 0; i < capacity; ++i)
          ASSERT_EQ(table.insert(test_connection(i)).refusal, Refusal::kNone)
              << i << " of " << capacity << ", seed " << seed;
        ASSERT_EQ(table.size(), capacity);
        ASSERT_EQ(table.insert(test_connection(capacity)).refusal, Refusal::kFull);
        ASSERT_EQ(table.insert(test_connection(0)).refusal, Refusal::kForwardExists);
        ASSERT_EQ(table.find(test_connection(capacity).forward).id, 0u);
        for (uint32_t i = 0; i < capacity; ++i) {
          const Connection connection = test_connection(i);
          const auto found = table.find(connection.forward);
          ASSERT_NE(found.id, 0u);
          ASSERT_EQ(table.at(found.id).forward, connection.forward);
          ASSERT_EQ(table.find(connection.reverse).id, found.id);
          ASSERT_EQ(table.find(connection.reverse).direction, Direction::kFromBackend);
        }
        for (uint32_t i = 0; i < capacity; ++i)
          table.erase(table.find(test_connection(i).forward).id);
        ASSERT_EQ(table.size(), 0u);
      }
    }
  }
}

// Full all the time, with new connections in place of old ones.
TEST(ConnectionTable, StaysFullUnderChurn) {
  constexpr uint32_t kCapacity = 20'000;
  ConnectionTable table(kCapacity, kSeed);
  std::mt19937 random(9);
  std::vector<uint32_t> numbers(kCapacity);
  for (uint32_t i = 0; i < kCapacity; ++i) {
    numbers[i] = i;
    ASSERT_NE(table.insert(test_connection(i)).id, 0u);
  }
  for (uint32_t next = kCapacity; next < 20 * kCapacity; ++next) {
    uint32_t& number = numbers[random() % kCapacity];
    table.erase(table.find(test_connection(number).reverse).id);
    ASSERT_EQ(table.insert(test_connection(next)).refusal, Refusal::kNone) << next;
    number = next;
  }
  for (const uint32_t number : numbers) {
    ASSERT_NE(table.find(test_connection(number).forward).id, 0u);
    ASSERT_NE(table.find(test_connection(number).reverse).id, 0u);
  }
  EXPECT_GT(table.spilled_keys(), 0u);
  EXPECT_LT(table.spilled_keys(), 2 * kCapacity / 4);
  for (const uint32_t number : numbers) table.erase(table.find(test_connection(number).forward).id);
  EXPECT_EQ(table.spilled_keys(), 0u);
}

// Its buckets come from the upper bits of either half of a hash: connections that share
// both, as one who knew the seed could choose them.
class ConnectionCrowd {
 public:
  static constexpr uint32_t kCapacity = 64;  // 19 buckets of 10

  explicit ConnectionCrowd(const ConnectionTable& table) : table_(table) {}
  // The next one with these upper five bits, 0 to 31.
  Connection next(uint64_t upper, uint64_t lower) {
    for (;; ++number_) {
      const Connection connection = test_connection(number_, Forwarding::kDirect);
      const uint64_t hash = table_.hash(connection.forward);
      if (hash >> 59 != upper || (hash >> 27 & 31) != lower) continue;
      ++number_;
      return connection;
    }
  }

 private:
  const ConnectionTable& table_;
  uint32_t number_ = 0;
};

TEST(ConnectionTable, TwoFullBucketsRefuseAndNothingRemains) {
  ConnectionTable table(ConnectionCrowd::kCapacity, kSeed);
  ConnectionCrowd crowd(table);
  std::vector<Connection> fitting;
  for (int i = 0; i < 20; ++i) {
    fitting.push_back(crowd.next(0, 31));
    ASSERT_NE(table.insert(fitting.back()).id, 0u) << i;
  }
  const Connection refused = crowd.next(0, 31);
  EXPECT_EQ(table.insert(refused).refusal, Refusal::kFull);
  EXPECT_EQ(table.find(refused.forward).id, 0u);

  // The forward key would fit.
  Connection half = test_connection(1'000'000);
  half.forward = crowd.next(9, 20).forward;
  half.reverse = refused.forward;
  EXPECT_EQ(table.insert(half).refusal, Refusal::kFull);
  EXPECT_EQ(table.find(half.forward).id, 0u);
  EXPECT_EQ(table.find(half.reverse).id, 0u);
  EXPECT_EQ(table.size(), 20u);

  for (const Connection& connection : fitting) ASSERT_NE(table.find(connection.forward).id, 0u);
  table.erase(table.find(fitting[13].forward).id);
  EXPECT_NE(table.insert(half).id, 0u);
  EXPECT_EQ(table.find(half.reverse).direction, Direction::kFromBackend);
}

TEST(ConnectionTable, FullBucketsMakeRoomInOthers) {
  for (const bool second : {false, true}) {
    ConnectionTable table(ConnectionCrowd::kCapacity, kSeed);
    ConnectionCrowd crowd(table);
    std::vector<Connection> connections;
    const auto insert = [&](const Connection& connection) {
      ASSERT_NE(table.insert(connection).id, 0u) << connections.size();
      connections.push_back(connection);
    };
    // One that may go elsewhere as well; of the crowd's two buckets it is in the first, or
    // in the second because its own first one was full.
    if (second)
      for (int i = 0; i < 9; ++i) insert(crowd.next(2, 31));
    insert(second ? crowd.next(2, 31) : crowd.next(0, 15));
    if (second) {
      for (int i = 0; i < 3; ++i) {
        table.erase(table.find(connections.front().forward).id);
        connections.erase(connections.begin());
      }
    }
    for (int i = 0; i < 20; ++i) insert(crowd.next(0, 31));
    for (const Connection& connection : connections)
      ASSERT_NE(table.find(connection.forward).id, 0u);
    for (const Connection& connection : connections) {
      table.erase(table.find(connection.forward).id);
      ASSERT_EQ(table.find(connection.forward).id, 0u);
    }
    EXPECT_EQ(table.size(), 0u);
    EXPECT_EQ(table.spilled_keys(), 0u);
  }
}

TEST(ConnectionTable, HalfFullMostKeysAreInTheirFirstBucket) {
  ConnectionTable table(20'000, kSeed);
  for (uint32_t i = 0; i < 10'000; ++i) ASSERT_NE(table.insert(test_connection(i)).id, 0u);
  EXPECT_LT(table.spilled_keys(), 20'000u / 100);
}

TEST(ConnectionTable, KeepsIdsAndContentsWhileOthersComeAndGo) {
  ConnectionTable table(2000, kSeed);
  Connection kept = test_connection(0);
  kept.owner = service_owner(77);
  kept.expires_s = 1234;
  const ConnectionId id = table.insert(kept).id;
  for (uint32_t round = 0; round < 5; ++round) {
    for (uint32_t i = 1; i < 2000; ++i)
      ASSERT_NE(table.insert(test_connection(i + 2000 * round)).id, 0u);
    for (uint32_t i = 1; i < 2000; ++i)
      table.erase(table.find(test_connection(i + 2000 * round).forward).id);
    EXPECT_EQ(table.find(kept.forward).id, id);
    EXPECT_EQ(table.find(kept.reverse).id, id);
    EXPECT_EQ(table.at(id).owner, service_owner(77));
    EXPECT_EQ(table.at(id).expires_s, 1234u);
  }
}

TEST(ConnectionTable, ABurstIsFoundAsOneByOne) {
  ConnectionTable table(64, kSeed);
  for (uint32_t i = 0; i < 64; ++i) ASSERT_NE(table.insert(test_connection(i)).id, 0u);
  std::vector<FlowKey> keys;
  for (uint32_t i = 0; i < kMaxBurst; ++i) {
    const Connection connection = test_connection(i * 2);  // half of them known
    keys.push_back(i % 3 == 0 ? connection.reverse : connection.forward);
  }
  for (size_t count = 0; count <= keys.size(); ++count) {
    std::vector<ConnectionTable::Found> found(kMaxBurst + 1, {99, Direction::kInputOnly});
    table.find_burst(std::span(keys).first(count), found.data());
    for (size_t i = 0; i < count; ++i) {
      EXPECT_EQ(found[i].id, table.find(keys[i]).id);
      EXPECT_EQ(found[i].id != 0, i < 32);
      EXPECT_EQ(found[i].direction, table.find(keys[i]).direction);
    }
    EXPECT_EQ(found[count].id, 99u);
  }
}

TEST(ConnectionTable, TheSeedDecidesTheHash) {
  const FlowKey key = test_connection(1).forward;
  EXPECT_EQ(ConnectionTable(10, 1).hash(key), ConnectionTable(1000, 1).hash(key));
  std::unordered_set<uint64_t> hashes;
  for (uint64_t seed = 0; seed < 1000; ++seed) hashes.insert(ConnectionTable(10, seed).hash(key));
  EXPECT_EQ(hashes.size(), 1000u);
}

// A thousand keys that share the upper bits of their hash under one seed spread under another.
TEST(ConnectionTable, KeysChosenForOneSeedDoNotCrowdUnderAnother) {
  const ConnectionTable guessed(10, 1);
  const ConnectionTable real(10, 2);
  std::unordered_map<uint64_t, unsigned> crowds;
  unsigned chosen = 0;
  for (uint32_t i = 0; chosen < 1000; ++i) {
    const FlowKey key = test_connection(i).forward;
    if (guessed.hash(key) >> 56 != 0) continue;
    ++chosen;
    ++crowds[real.hash(key) >> 56];
  }
  EXPECT_GT(crowds.size(), 240u);  // 1000 balls in 256 bins: 251 of them
  for (const auto& [bin, count] : crowds) EXPECT_LT(count, 20u);
}

TEST(ConnectionTable, MemoryIsWhatTheHeaderSays) {
  EXPECT_EQ(ConnectionTable::bytes_for(1'000'000) / 1'000'000, 149u);
  EXPECT_LT(ConnectionTable::bytes_for(1), 1024u);
  for (const uint32_t capacity : {1u, 1000u, 1u << 20, ConnectionTable::kMaxCapacity})
    EXPECT_GT(ConnectionTable::bytes_for(capacity), size_t{capacity} * 148);
}

}  // namespace
}  // namespace adit

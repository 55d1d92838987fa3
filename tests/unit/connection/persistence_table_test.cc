// SPDX-License-Identifier: Apache-2.0
// The table of persistence entries: how long they stay, and who makes room.
#include "worker/persistence_table.h"

#include <gtest/gtest.h>

namespace adit::persistence_table_test {
namespace {

constexpr uint64_t kSecond = 1'000'000'000;
constexpr uint32_t kTimeout_s = 10;

PersistenceKey client(uint64_t number, ServiceId service = 1, bool ipv6 = false) {
  return {{0, number}, service, ipv6};
}

struct PersistenceTableTest : testing::Test {
  PersistenceTable table{4, 5, 1};
  PersistenceId add(const PersistenceKey& key, uint32_t now_s, BackendId backend = 7) {
    const uint32_t slot = table.insert(key);
    if (slot == kNoSlot) return 0;
    table.set_backend(slot, backend);
    return table.hold(slot, now_s, kTimeout_s);
  }
  bool has(const PersistenceKey& key, uint32_t now_s) { return table.find(key, now_s) != kNoSlot; }
};

TEST_F(PersistenceTableTest, ClientsServicesAndVersionsAreApart) {
  EXPECT_FALSE(has(client(1), 0));
  const PersistenceId id = add(client(1), 0, 42);
  EXPECT_NE(id, 0u);
  EXPECT_EQ(PersistenceTable::worker_of(id), 5u);
  EXPECT_EQ(table.service_of(id), 1u);
  EXPECT_EQ(table.backend_of(id), 42u);
  EXPECT_TRUE(has(client(1), 0));
  EXPECT_FALSE(has(client(2), 0));
  EXPECT_FALSE(has(client(1, 2), 0));
  EXPECT_FALSE(has(client(1, 1, true), 0));
  add(client(1, 2), 0);
  add(client(1, 1, true), 0);
  EXPECT_EQ(table.count(1), 2u);
  EXPECT_EQ(table.count(2), 1u);
}

TEST_F(PersistenceTableTest, OneWithoutConnectionsRunsOut) {
  table.release(add(client(1), 100));
  EXPECT_TRUE(has(client(1), 109));
  EXPECT_FALSE(has(client(1), 110)) << "also where expire() was not there yet";
  EXPECT_EQ(table.count(1), 0u);
}

TEST_F(PersistenceTableTest, ExpireTakesOutWhatHasRunOut) {
  table.release(add(client(1), 100));
  table.release(add(client(2), 105));
  table.expire(109, 2 * kSecond);
  EXPECT_EQ(table.count(1), 2u);
  table.expire(110, 2 * kSecond);
  EXPECT_EQ(table.count(1), 1u);
  EXPECT_TRUE(has(client(2), 110));
}

TEST_F(PersistenceTableTest, OneWithConnectionsGetsItsTimeoutAgain) {
  const PersistenceId id = add(client(1), 100);
  table.expire(110, 2 * kSecond);
  table.release(id);
  EXPECT_TRUE(has(client(1), 119));
  EXPECT_FALSE(has(client(1), 120));
  const PersistenceId other = add(client(2), 200);
  EXPECT_TRUE(has(client(2), 1000)) << "it has run out, and has a connection";
  table.release(other);
  EXPECT_FALSE(has(client(2), 1000));
}

TEST_F(PersistenceTableTest, WhoCameLongestAgoMakesRoom) {
  for (uint64_t number = 1; number <= 4; ++number) table.release(add(client(number), 100));
  table.release(table.hold(table.find(client(1), 101), 101, kTimeout_s));
  EXPECT_NE(add(client(5), 101), 0u);
  EXPECT_TRUE(has(client(1), 101));
  EXPECT_FALSE(has(client(2), 101));
  EXPECT_TRUE(has(client(3), 101));
  EXPECT_EQ(table.count(1), 4u);
}

TEST_F(PersistenceTableTest, WhoHasConnectionsStays) {
  PersistenceId ids[4];
  for (uint64_t number = 1; number <= 4; ++number) ids[number - 1] = add(client(number), 100);
  EXPECT_EQ(add(client(5), 500), 0u);
  EXPECT_EQ(table.count(1), 4u);
  table.release(ids[2]);
  EXPECT_NE(add(client(5), 101), 0u);
  EXPECT_FALSE(has(client(3), 101));
  EXPECT_TRUE(has(client(4), 101));
}

// A flood of clients of one service takes from itself, then from the services of its own VRF.
TEST(PersistenceTable, WhoHasMostMakesRoom) {
  PersistenceTable table(100, 0, 1);
  const auto add = [&](uint64_t number, ServiceId service, VrfId vrf) {
    table.release(table.hold(table.insert(client(number, service), vrf), 0, kTimeout_s));
  };
  for (uint64_t number = 0; number < 20; ++number) add(number, 1, 1);
  for (uint64_t number = 0; number < 1000; ++number) add(number, 2, 2);
  EXPECT_EQ(table.count(1), 20u);
  EXPECT_EQ(table.count(2), 80u);
  for (uint64_t number = 0; number < 1000; ++number) add(number, 3, 2), add(number + 20, 1, 1);
  EXPECT_NEAR(table.count(1), 50, 1);
  EXPECT_NEAR(table.count(2), 25, 2);
  EXPECT_NEAR(table.count(3), 25, 2);
  EXPECT_NE(table.find(client(999, 3), 0), kNoSlot);
}

// Which service has most is found out again when what had most has run out.
TEST(PersistenceTable, WhoHasMostIsLookedForAllTheTime) {
  PersistenceTable table(100, 0, 1);
  for (uint64_t number = 0; number < 60; ++number)
    table.release(table.hold(table.insert(client(number, 1), 1), 0, 1));
  for (uint64_t number = 0; number < 30; ++number)
    table.release(table.hold(table.insert(client(number, 2), 2), 0, 1000));
  for (uint64_t number = 0; number < 10; ++number)
    table.release(table.hold(table.insert(client(number, 3), 3), 0, 1000));
  for (unsigned i = 0; i < 3; ++i) table.expire(10, kSecond);
  EXPECT_EQ(table.count(1), 0u);
  for (uint64_t number = 10; number < 80; ++number)
    table.release(table.hold(table.insert(client(number, 3), 3), 10, 1000));
  EXPECT_EQ(table.count(2), 30u);
  EXPECT_EQ(table.count(3), 70u);
}

// A slice at a time; together they see all in about a second.
TEST(PersistenceTable, ExpireSeesAllInASecond) {
  PersistenceTable table(1000, 0, 1);
  for (uint64_t number = 0; number < 1000; ++number)
    table.release(table.hold(table.insert(client(number)), 0, kTimeout_s));
  table.expire(20, kSecond / 1000);
  EXPECT_GE(table.count(1), 998u);
  for (unsigned ms = 0; ms < 1100; ++ms) table.expire(20, kSecond / 1000);
  EXPECT_EQ(table.count(1), 0u);
}

}  // namespace
}  // namespace adit::persistence_table_test

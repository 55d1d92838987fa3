// SPDX-License-Identifier: Apache-2.0
#include "adit/shared_table.h"

#include <gtest/gtest.h>

#include <atomic>
#include <thread>

#include "adit/flood_list.h"
#include "adit/snapshot.h"

namespace adit::shared_table_test {
namespace {

SenderKey key(uint64_t n) {
  return {{0, n}, 100 + n % 7};
}

TEST(SharedTable, AddsReplacesAndRemoves) {
  SharedTable<SenderKey> table({{key(1), 11}}, 2);
  EXPECT_FALSE(table.empty());
  EXPECT_EQ(table.find(key(1)), 11u);
  EXPECT_EQ(table.find(key(2)), 0u);
  ASSERT_TRUE(table.has_room());
  table.add(key(2), 22);
  table.replace(key(1), 33);
  table.remove(key(2));
  EXPECT_EQ(table.find(key(1)), 33u);
  EXPECT_EQ(table.find(key(2)), 0u);
  // What was removed has used its place up.
  ASSERT_TRUE(table.has_room());
  table.add(key(2), 44);
  EXPECT_EQ(table.find(key(2)), 44u);
  EXPECT_FALSE(table.has_room());
}

TEST(SharedTable, WithoutRoomIsEmptyAndFull) {
  const SharedTable<Ipv6Key> table;
  EXPECT_TRUE(table.empty());
  EXPECT_FALSE(table.has_room());
  EXPECT_EQ(table.find({1, 2}), 0u);
}

TEST(SharedTable, RemovalDoesNotHideOthers) {
  constexpr uint64_t kMany = 2000;
  SharedTable<SenderKey> table({}, kMany);
  for (uint64_t n = 1; n <= kMany; ++n) table.add(key(n), static_cast<uint32_t>(n));
  for (uint64_t n = 1; n <= kMany; n += 3) table.remove(key(n));
  for (uint64_t n = 1; n <= kMany; ++n) EXPECT_EQ(table.find(key(n)), n % 3 == 1 ? 0u : n) << n;
}

TEST(SharedTable, IsReadWhileItChanges) {
  constexpr uint64_t kMany = 20'000;
  SharedTable<SenderKey> table({}, kMany);
  std::atomic<uint64_t> added = 0;
  std::atomic<unsigned> wrong = 0;
  std::thread reader([&] {
    for (uint64_t known = 0; known < kMany;) {
      known = added.load(std::memory_order_acquire);
      if (known != 0 && table.find(key(known)) != known) ++wrong;
      const uint32_t other = table.find(key(kMany - known + 1));
      if (other != 0 && other != kMany - known + 1) ++wrong;
    }
  });
  for (uint64_t n = 1; n <= kMany; ++n) {
    table.add(key(n), static_cast<uint32_t>(n));
    added.store(n, std::memory_order_release);
  }
  reader.join();
  EXPECT_EQ(wrong, 0u);
}

TEST(FloodList, AddsBehindAndRemoves) {
  FloodList list;
  EXPECT_TRUE(list.members().empty());
  std::vector<FloodList::Former> former;
  for (BridgePortId id = 1; id <= 100; ++id) former.push_back(list.add(id));
  EXPECT_LE(std::ranges::count_if(former, [](const auto& each) { return each != nullptr; }), 6);
  ASSERT_EQ(list.members().size(), 100u);
  for (BridgePortId id = 1; id <= 100; ++id) EXPECT_EQ(list.members()[id - 1], id);
  const auto before = list.members();
  const auto kept = list.remove_if([](BridgePortId id) { return id % 2 == 0; });
  EXPECT_EQ(before[99], 100u);  // whoever reads it still can
  ASSERT_EQ(list.members().size(), 50u);
  EXPECT_EQ(list.members()[1], 3u);
  FloodList other = std::move(list);
  EXPECT_EQ(other.members().size(), 50u);
}

}  // namespace
}  // namespace adit::shared_table_test

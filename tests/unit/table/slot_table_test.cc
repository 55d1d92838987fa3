// SPDX-License-Identifier: Apache-2.0
#include "table/slot_table.h"

#include <gtest/gtest.h>

#include <map>
#include <random>
#include <vector>

namespace adit::slot_table_test {
namespace {

struct Key {
  uint32_t number = 0;
  friend bool operator==(const Key&, const Key&) = default;
};
// Few buckets are used, so that chains are long.
uint64_t hash_of(const Key& key, uint64_t seed) noexcept {
  return (key.number + seed) % 5;
}
struct Entry {
  Key key;
  uint32_t bucket_next = 0;
  uint32_t value = 7;
  SlotLinks links;
};
using Table = SlotTable<Entry>;

TEST(SlotTable, NamesEntriesBySlotsUntilTheyAreErased) {
  Table table(3, 0);
  EXPECT_EQ(table.find({1}), kNoSlot);
  EXPECT_EQ(table[2].value, 0u) << "of a slot that was never used";
  EXPECT_EQ(table.insert({1}), 0u);
  EXPECT_EQ(table.insert({6}), 1u);
  EXPECT_EQ(table.insert({11}), 2u);
  EXPECT_EQ(table[2].value, 7u) << "as an Entry begins";
  EXPECT_EQ(table.insert({16}), kNoSlot) << "full";
  table[1].value = 9;
  table.erase(1);
  EXPECT_EQ(table.find({6}), kNoSlot);
  EXPECT_EQ(table.find({1}), 0u);
  EXPECT_EQ(table.find({11}), 2u);
  EXPECT_EQ(table.insert({16}), 1u);
  EXPECT_EQ(table[1].value, 9u) << "the owner's, also while the slot is free";
  EXPECT_EQ(table.insert({6}), kNoSlot);
}

TEST(SlotTable, WithoutRoomIsEmptyAndFull) {
  Table table(0, 0);
  EXPECT_EQ(table.find({1}), kNoSlot);
  EXPECT_EQ(table.insert({1}), kNoSlot);
}

TEST(SlotTable, AgreesWithAMap) {
  constexpr uint32_t kCapacity = 200;
  Table table(kCapacity, 3);
  std::map<uint32_t, uint32_t> slots;
  std::mt19937 random(1);  // NOLINT(cert-msc51-cpp): the same each time
  for (int i = 0; i < 20'000; ++i) {
    const uint32_t number = static_cast<uint32_t>(random() % 400);
    const auto known = slots.find(number);
    ASSERT_EQ(table.find({number}), known == slots.end() ? kNoSlot : known->second);
    if (known != slots.end()) {
      table.erase(known->second);
      slots.erase(known);
      continue;
    }
    const uint32_t slot = table.insert({number});
    ASSERT_EQ(slot == kNoSlot, slots.size() == kCapacity);
    if (slot == kNoSlot) continue;
    for (const auto& [other, its] : slots) ASSERT_NE(its, slot) << other;
    slots.emplace(number, slot);
  }
}

TEST(SlotList, KeepsTheOrderInWhichTheyCame) {
  Table table(4, 0);
  SlotList<Entry> list;
  EXPECT_EQ(list.front(), kNoSlot);
  for (uint32_t number : {10, 20, 30, 40})
    list.push_back(table, &Entry::links, table.insert({number}));
  list.remove(table, &Entry::links, 1);
  list.remove(table, &Entry::links, 0);
  list.remove(table, &Entry::links, 3);
  list.push_back(table, &Entry::links, 0);
  EXPECT_EQ(list.front(), 2u);
  EXPECT_EQ(table[2].links.next, 0u);
  EXPECT_EQ(table[0].links.next, kNoSlot);
}

}  // namespace
}  // namespace adit::slot_table_test

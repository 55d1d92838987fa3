// SPDX-License-Identifier: Apache-2.0
// A hash table of a fixed number of entries, and lists through them. All memory is taken
// when they are made; an entry is named by its slot, which it keeps until it is erased.
#pragma once

#include <bit>
#include <cstdint>
#include <vector>

#include "adit/assert.h"

namespace adit {

inline constexpr uint32_t kNoSlot = UINT32_MAX;

// An Entry has a member `key` and a `uint32_t bucket_next`, both written here alone; its
// other members are the owner's, also while the slot is free. Found by ADL:
// hash_of(key, seed). The seed keeps senders from choosing keys that share a bucket.
template <class Entry>
class SlotTable {
 public:
  using Key = decltype(Entry::key);

  SlotTable(uint32_t capacity, uint64_t seed)
      : entries_(capacity), buckets_(std::bit_ceil(2 * capacity + 2), kNoSlot), seed_(seed) {
    for (uint32_t slot = capacity; slot-- > 0;) {
      entries_[slot].bucket_next = free_;
      free_ = slot;
    }
  }

  Entry& operator[](uint32_t slot) noexcept {
    ADIT_ASSERT(slot < entries_.size());
    return entries_[slot];
  }

  // kNoSlot: it is not there.
  uint32_t find(const Key& key) const noexcept {
    uint32_t slot = buckets_[bucket_of(key)];
    while (slot != kNoSlot && !(entries_[slot].key == key)) slot = entries_[slot].bucket_next;
    return slot;
  }

  // The key must not be there. kNoSlot when the table is full.
  uint32_t insert(const Key& key) noexcept {
    const uint32_t slot = free_;
    if (slot == kNoSlot) return kNoSlot;
    Entry& entry = entries_[slot];
    free_ = entry.bucket_next;
    uint32_t& head = buckets_[bucket_of(key)];
    entry.key = key;
    entry.bucket_next = head;
    head = slot;
    return slot;
  }

  // The slot must be in use. Other entries keep theirs.
  void erase(uint32_t slot) noexcept {
    ADIT_ASSERT(find(entries_[slot].key) == slot);
    Entry& entry = entries_[slot];
    uint32_t* link = &buckets_[bucket_of(entry.key)];
    while (*link != slot) link = &entries_[*link].bucket_next;
    *link = entry.bucket_next;
    entry.bucket_next = free_;
    free_ = slot;
  }

 private:
  uint64_t bucket_of(const Key& key) const noexcept {
    return hash_of(key, seed_) & (buckets_.size() - 1);
  }

  std::vector<Entry> entries_;
  std::vector<uint32_t> buckets_;
  uint64_t seed_;
  uint32_t free_ = kNoSlot;
};

struct SlotLinks {
  uint32_t previous = kNoSlot;
  uint32_t next = kNoSlot;
};

// Oldest first. `links` is the SlotLinks member of Entry that this list goes through; a Table gives
// the Entry of a slot by its operator [].
template <class Entry>
class SlotList {
 public:
  using Links = SlotLinks Entry::*;

  // The oldest; kNoSlot: the list is empty.
  uint32_t front() const noexcept { return front_; }

  // The slot must not be in this list.
  template <class Table>
  void push_back(Table& table, Links links, uint32_t slot) noexcept {
    table[slot].*links = {back_, kNoSlot};
    (back_ == kNoSlot ? front_ : (table[back_].*links).next) = slot;
    back_ = slot;
  }

  // The slot must be in this list; its links are not reset.
  template <class Table>
  void remove(Table& table, Links links, uint32_t slot) noexcept {
    const SlotLinks at = table[slot].*links;
    (at.previous == kNoSlot ? front_ : (table[at.previous].*links).next) = at.next;
    (at.next == kNoSlot ? back_ : (table[at.next].*links).previous) = at.previous;
  }

 private:
  uint32_t front_ = kNoSlot;
  uint32_t back_ = kNoSlot;
};

}  // namespace adit

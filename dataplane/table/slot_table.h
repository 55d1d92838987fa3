// SPDX-License-Identifier: Apache-2.0
// A hash table of a fixed number of entries, and lists through them. All memory is reserved
// when they are made, and taken as it is used first; an entry is named by its slot, which it keeps
// until it is erased.
#pragma once

#include <algorithm>
#include <bit>
#include <cstdint>
#include <memory>

#include "adit/assert.h"
#include "adit/zero_pages.h"

namespace adit {

inline constexpr uint32_t kNoSlot = UINT32_MAX;

// An Entry has a member `key` and a `uint32_t bucket_next`, both written here alone; its
// other members are the owner's, also while the slot is free. Before a slot is used for the first
// time, its bytes are zero. Found by ADL: hash_of(key, seed). The seed keeps senders from choosing
// keys that share a bucket.
template <class Entry>
class SlotTable {
 public:
  using Key = decltype(Entry::key);

  SlotTable(uint32_t capacity, uint64_t seed)
      : entries_(std::max(capacity, 1u)),
        capacity_(capacity),
        heads_(std::bit_ceil(2 * capacity + 2)),
        mask_(std::bit_ceil(2 * capacity + 2) - 1),
        seed_(seed) {}

  Entry& operator[](uint32_t slot) noexcept { return entries_[slot]; }

  // kNoSlot: it is not there.
  uint32_t find(const Key& key) const noexcept {
    uint32_t link = heads_[bucket_of(key)];
    while (link != 0 && !(entries_[link - 1].key == key)) link = entries_[link - 1].bucket_next;
    return link - 1;
  }

  // The key must not be there. kNoSlot when the table is full.
  uint32_t insert(const Key& key) noexcept {
    uint32_t slot = free_ - 1;
    if (free_ != 0) {
      free_ = entries_[slot].bucket_next;
    } else if (used_ < capacity_) {
      slot = used_++;
      std::construct_at(&entries_[slot]);
    } else {
      return kNoSlot;
    }
    Entry& entry = entries_[slot];
    uint32_t& head = heads_[bucket_of(key)];
    entry.key = key;
    entry.bucket_next = head;
    head = slot + 1;
    return slot;
  }

  // The slot must be in use. Other entries keep theirs.
  void erase(uint32_t slot) noexcept {
    ADIT_ASSERT(find(entries_[slot].key) == slot);
    Entry& entry = entries_[slot];
    uint32_t* link = &heads_[bucket_of(entry.key)];
    while (*link != slot + 1) link = &entries_[*link - 1].bucket_next;
    *link = entry.bucket_next;
    entry.bucket_next = free_;
    free_ = slot + 1;
  }

 private:
  uint64_t bucket_of(const Key& key) const noexcept { return hash_of(key, seed_) & mask_; }

  // Links between entries are slots and 1, so that zero is the end: pages that were never written
  // are empty buckets.
  static_assert(kNoSlot + 1 == 0);
  ZeroPages<Entry> entries_;
  uint32_t capacity_;
  ZeroPages<uint32_t> heads_;
  uint32_t mask_;
  uint64_t seed_;
  uint32_t free_ = 0;  // the link to the first slot that is free again
  uint32_t used_ = 0;  // slots from here on were never used
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

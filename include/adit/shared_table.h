// SPDX-License-Identifier: Apache-2.0
// A FlatTable that control adds to and takes from while workers read it: it has spare room, an
// entry is there with the one store of its value, and none ever moves. What is taken out leaves its
// place used up, as others may have been put behind it; a table without room is made anew.
#pragma once

#include <array>
#include <atomic>
#include <bit>
#include <cstddef>
#include <cstdint>
#include <cstring>
#include <memory>
#include <utility>
#include <vector>

#include "adit/flat_table.h"

namespace adit {

// A key has hash_of() and consists of 64-bit words, the first of which is never all ones; a value
// of 0 means "not there" and cannot be stored.
template <class Key>
class SharedTable {
 public:
  using Entries = std::vector<std::pair<Key, uint32_t>>;

  SharedTable() : SharedTable(Entries{}, 0) {}
  // Keys must be unique. `room`: how many can be added.
  explicit SharedTable(const Entries& entries, std::size_t room = 0)
      : most_used_(entries.size() + room) {
    const std::size_t least = std::bit_ceil(most_used_ * 2 + 2);
    const std::size_t most = most_used_ <= kSmall ? 8 * least : least;
    for (std::size_t size = least; size <= most; size *= 2)
      if (!fill(entries, size)) break;
  }

  // --- workers ---
  // The value stored for the key, or 0.
  uint32_t find(const Key& key) const noexcept { return find(key, hash_of(key)); }
  // `hash`: hash_of(key).
  uint32_t find(const Key& key, uint64_t hash) const noexcept {
    const Slot* const slots = slots_.get();
    uint64_t index = hash & mask_;
    while (const uint32_t value = slots[index].value.load(std::memory_order_acquire)) {
      if (slots[index].has(key)) return value;
      index = (index + 1) & mask_;
    }
    return 0;
  }
  // Of the slot that find() reads first. `hash`: hash_of(key).
  void prefetch(const Key& key) const noexcept { prefetch_hash(hash_of(key)); }
  void prefetch_hash(uint64_t hash) const noexcept { __builtin_prefetch(&slots_[hash & mask_]); }
  // There is no entry, and no room for one.
  bool empty() const noexcept { return most_used_ == 0; }

  // --- control ---
  bool has_room() const noexcept { return used_ < most_used_; }
  // The key is not there yet, and there is room.
  void add(const Key& key, uint32_t value) noexcept { place(key, value); }
  // The key is there.
  void replace(const Key& key, uint32_t value) noexcept {
    slot_of(key).value.store(value, std::memory_order_release);
  }
  // The key is there. Its place is not used again.
  void remove(const Key& key) noexcept {
    slot_of(key).words[0].store(kNobody, std::memory_order_relaxed);
  }

 private:
  static constexpr std::size_t kWords = sizeof(Key) / sizeof(uint64_t), kSmall = 64;
  static constexpr uint64_t kNobody = UINT64_MAX;
  static uint64_t word_of(const Key& key, std::size_t i) noexcept {
    uint64_t word;
    std::memcpy(&word, reinterpret_cast<const char*>(&key) + i * sizeof word, sizeof word);
    return word;
  }
  // In one cache line.
  struct alignas(std::bit_ceil(sizeof(Key) + sizeof(uint32_t))) Slot {
    std::array<std::atomic<uint64_t>, kWords> words = {};
    std::atomic<uint32_t> value = 0;  // written last of all

    bool has(const Key& key) const noexcept {
      bool same = true;
      for (std::size_t i = 0; i < kWords; ++i)
        same = same && words[i].load(std::memory_order_relaxed) == word_of(key, i);
      return same;
    }
  };

  // Whether a key is not in its first place.
  bool fill(const Entries& entries, std::size_t size) {
    slots_ = std::make_unique<Slot[]>(size);
    mask_ = size - 1;
    used_ = 0;
    bool met = false;
    for (const auto& [key, value] : entries) met = place(key, value) || met;
    return met;
  }
  bool place(const Key& key, uint32_t value) noexcept {
    const uint64_t first = hash_of(key) & mask_;
    uint64_t index = first;
    while (slots_[index].value.load(std::memory_order_relaxed) != 0) index = (index + 1) & mask_;
    for (std::size_t i = 0; i < kWords; ++i)
      slots_[index].words[i].store(word_of(key, i), std::memory_order_relaxed);
    slots_[index].value.store(value, std::memory_order_release);
    ++used_;
    return index != first;
  }
  Slot& slot_of(const Key& key) noexcept {
    uint64_t index = hash_of(key) & mask_;
    while (!slots_[index].has(key)) index = (index + 1) & mask_;
    return slots_[index];
  }

  std::unique_ptr<Slot[]> slots_;
  uint64_t mask_ = 0;
  std::size_t most_used_;
  std::size_t used_ = 0;  // entries, and places of former ones
};

}  // namespace adit

// SPDX-License-Identifier: Apache-2.0
// An immutable hash table for snapshots: built once by control, then only read. Open
// addressing at a load of at most one half; a find is one or two cache lines, and the
// line can be prefetched. A small table is made larger if keys collide, so that speed does not
// depend on which remotes a network has. For tables that change while workers read, see Fdb.
#pragma once

#include <bit>
#include <cstdint>
#include <utility>
#include <vector>

#include "adit/assert.h"

namespace adit {

// Multiplicative hashing. The low bits of a product depend on low bits only, so the high half is
// folded in before and after: every bit of the value affects the low bits of the result.
constexpr uint64_t mix64(uint64_t value) noexcept {
  value ^= value >> 32;
  value *= 0x9e37'79b9'7f4a'7c15;
  return value ^ value >> 32;
}

// Of a key that is an integer; others have a hash_of() beside their type.
constexpr uint64_t hash_of(uint64_t key) noexcept {
  return mix64(key);
}

// A key has == and hash_of(); a value of 0 means "not there" and cannot be stored.
template <class Key>
class FlatTable {
 public:
  using Entries = std::vector<std::pair<Key, uint32_t>>;

  FlatTable() : slots_(kLeastSlots) {}
  // Keys must be unique and values non-zero.
  explicit FlatTable(const Entries& entries) {
    const std::size_t least = std::bit_ceil(entries.size() * 2 + 2);
    const std::size_t most = entries.size() <= kSmall ? 8 * least : least;
    for (std::size_t size = least; size <= most; size *= 2)
      if (!fill(entries, size)) break;
  }

  // The value stored for the key, or 0.
  uint32_t find(const Key& key) const noexcept {
    uint64_t index = hash_of(key) & mask_;
    while (slots_[index].value != 0) {
      if (slots_[index].key == key) return slots_[index].value;
      index = (index + 1) & mask_;
    }
    return 0;
  }
  // Loads the cache line that find() reads first.
  void prefetch(const Key& key) const noexcept {
    __builtin_prefetch(&slots_[hash_of(key) & mask_]);
  }
  bool empty() const noexcept { return slots_.size() == kLeastSlots; }

 private:
  static constexpr std::size_t kLeastSlots = 2, kSmall = 64;
  // In one cache line.
  struct alignas(std::bit_ceil(sizeof(Key) + sizeof(uint32_t))) Slot {
    Key key = {};
    uint32_t value = 0;
  };

  // Whether a key is not in its first place.
  bool fill(const Entries& entries, std::size_t size) {
    ADIT_ASSERT(std::has_single_bit(size) && 2 * entries.size() < size);
    slots_.assign(size, Slot{});
    mask_ = size - 1;
    bool met = false;
    for (const auto& [key, value] : entries) {
      ADIT_ASSERT(value != 0 && find(key) == 0);
      uint64_t index = hash_of(key) & mask_;
      for (; slots_[index].value != 0; met = true) index = (index + 1) & mask_;
      slots_[index] = {key, value};
    }
    return met;
  }

  std::vector<Slot> slots_;
  uint64_t mask_ = kLeastSlots - 1;
};

}  // namespace adit

// SPDX-License-Identifier: Apache-2.0
// An immutable hash table for snapshots: built once by control, then only read. Open
// addressing at a load of at most one half; a find is one or two cache lines, and the
// line can be prefetched. For tables that change while workers read, see Fdb.
#pragma once

#include <bit>
#include <cstdint>
#include <span>
#include <utility>
#include <vector>

namespace adit {

// Multiplicative hashing. A product's low bits know only of low bits, so the high half is
// folded in before and after: every bit of the value counts in the low bits of the result.
constexpr uint64_t mix64(uint64_t value) noexcept {
  value ^= value >> 32;
  value *= 0x9e37'79b9'7f4a'7c15;
  return value ^ value >> 32;
}

// Keys are unsigned 64-bit; a value of 0 means "not there" and cannot be stored.
class FlatTable {
 public:
  FlatTable() : slots_(2) {}
  // Keys must be unique and values non-zero.
  explicit FlatTable(std::span<const std::pair<uint64_t, uint32_t>> entries)
      : slots_(std::bit_ceil(entries.size() * 2 + 2)), mask_(slots_.size() - 1) {
    for (const auto& [key, value] : entries) {
      uint64_t index = mix64(key) & mask_;
      while (slots_[index].value != 0) index = (index + 1) & mask_;
      slots_[index] = {key, value};
    }
  }

  // The value stored for the key, or 0.
  uint32_t find(uint64_t key) const noexcept {
    uint64_t index = mix64(key) & mask_;
    while (slots_[index].value != 0) {
      if (slots_[index].key == key) return slots_[index].value;
      index = (index + 1) & mask_;
    }
    return 0;
  }
  void prefetch(uint64_t key) const noexcept { __builtin_prefetch(&slots_[mix64(key) & mask_]); }

 private:
  struct Slot {
    uint64_t key = 0;
    uint32_t value = 0;
  };
  std::vector<Slot> slots_;
  uint64_t mask_ = 1;
};

}  // namespace adit

// SPDX-License-Identifier: Apache-2.0
// What is remembered of flows that have no connection, so that a backend's reply whose connection
// was forgotten is told from what it says for itself. Both tables are bounded and forget: the newer
// takes the place of the older.
#pragma once

#include <atomic>

#include "adit/zero_pages.h"
#include "packet/flow_key.h"

namespace adit {

// Connections with a reverse half that this worker has erased, by a hash() of that.
class ForgottenFlows {
 public:
  void add(uint64_t hash, uint32_t now_s) noexcept {
    entries_[place_of(hash)] = {tag_of(hash), now_s};
  }
  bool has(uint64_t hash, uint32_t now_s) const noexcept {
    const Entry& entry = entries_[place_of(hash)];
    return entry.tag == tag_of(hash) && now_s - entry.since_s <= kSeconds;
  }

 private:
  // Longer than answers take that somebody still waits for.
  static constexpr uint32_t kSeconds = 300;
  static constexpr unsigned kEntries = 1u << 16;
  struct Entry {
    uint32_t tag;  // 0: free
    uint32_t since_s;
  };
  static size_t place_of(uint64_t hash) noexcept { return hash & (kEntries - 1); }
  static uint32_t tag_of(uint64_t hash) noexcept { return static_cast<uint32_t>(hash >> 32) | 1; }

  ZeroPages<Entry> entries_{kEntries};
};

// Flows between a backend and somebody who speaks to it by its own address, or whom it speaks to
// first. Their two halves may come to different workers: all write.
class DirectFlows {
 public:
  explicit DirectFlows(uint64_t seed) noexcept : seed_(seed) {}

  // `key`: as the backend's packets have it.
  void add(const FlowKey& key) noexcept {
    const uint64_t hash = hash_of(key);
    std::atomic<uint64_t>& entry = entries_[hash & (kEntries - 1)];
    if (entry.load(std::memory_order_relaxed) != (hash | 1))
      entry.store(hash | 1, std::memory_order_relaxed);
  }
  bool has(const FlowKey& key) const noexcept {
    const uint64_t hash = hash_of(key);
    return entries_[hash & (kEntries - 1)].load(std::memory_order_relaxed) == (hash | 1);
  }

 private:
  static constexpr unsigned kEntries = 1u << 16;
  uint64_t hash_of(const FlowKey& key) const noexcept {
    uint64_t words[5];
    static_assert(sizeof words == sizeof key);
    std::memcpy(words, &key, sizeof words);
    uint64_t hash = seed_;
    for (const uint64_t word : words) hash = mix64(hash ^ word) + seed_;
    return mix64(hash);
  }

  uint64_t seed_;
  ZeroPages<std::atomic<uint64_t>> entries_{kEntries};
};

}  // namespace adit

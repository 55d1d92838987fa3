// SPDX-License-Identifier: Apache-2.0
// Records of flows without connection. They distinguish a backend's reply of a forgotten connection
// from packets that the backend sends by itself. Both tables are bounded: a new entry overwrites an
// older one.
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
  // Longer than a client waits for an answer.
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

// Flows between a backend and a host that uses the backend's own address, or that the backend
// contacted. The two halves of a flow may arrive on different workers, so all workers write.
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

// SPDX-License-Identifier: Apache-2.0
// The MAC table of all networks. Control writes entries; workers look up without a lock, and store
// the second in which they last saw the address as a source.
//
// A look-up costs one cache line, seldom two: a bucket of four entries is a line and holds
// keys, places and ages together. rte_hash takes three lines for a key (two buckets and the
// key's slot) and has no room for the age.
#pragma once

#include <atomic>
#include <cstdint>
#include <deque>
#include <optional>
#include <vector>

#include "adit/flat_table.h"
#include "adit/ids.h"
#include "adit/zero_pages.h"

struct rte_rcu_qsbr;

namespace adit {

class Fdb {
 public:
  struct Entry {
    uint64_t key = 0;  // 0: the slot is free
    BridgePortId bridge_port = 0;
    bool is_static = false;
    uint32_t slot = 0;
  };
  // What workers get.
  struct Place {
    BridgePortId bridge_port = 0;  // 0: unknown MAC
    uint32_t slot = 0;
  };

  // Holds `capacity` addresses. By `qsbr`, control knows when no worker reads an erased entry
  // any more. Throws std::bad_alloc.
  Fdb(uint32_t capacity, rte_rcu_qsbr* qsbr);

  // --- control ---
  // Adds the address or moves it. False when the table is full.
  bool set(uint64_t key, BridgePortId bridge_port, bool is_static, uint32_t now_s);
  void erase(uint64_t key);
  std::optional<Entry> find(uint64_t key) const noexcept;
  // Slots 0 .. slot_count()-1 may hold entries.
  uint32_t slot_count() const noexcept { return bucket_count_ * kWays; }
  Entry at(uint32_t slot) const noexcept;
  uint32_t last_seen_s(uint32_t slot) const noexcept {
    return bucket_of(slot).last_seen_s[slot % kWays].load(std::memory_order_relaxed);
  }
  uint32_t size() const noexcept { return size_; }
  uint32_t capacity() const noexcept { return capacity_; }

  // --- workers ---
  void prefetch(uint64_t key) const noexcept { __builtin_prefetch(&buckets_[first_bucket(key)]); }
  Place lookup(uint64_t key) const noexcept {
    const uint32_t first = first_bucket(key);
    const Place place = search(first, key);
    if (place.bridge_port != 0) [[likely]]
      return place;
    return search(second_bucket(key, first), key);
  }
  // Writes only once a second for an address.
  void touch(uint32_t slot, uint32_t now_s) noexcept {
    std::atomic<uint32_t>& seen = bucket_of(slot).last_seen_s[slot % kWays];
    if (seen.load(std::memory_order_relaxed) != now_s) seen.store(now_s, std::memory_order_relaxed);
  }

 private:
  static constexpr unsigned kWays = 4;
  static constexpr uint32_t kStatic = uint32_t{1} << 31;  // in `places`, beside the bridge port

  struct alignas(64) Bucket {
    std::atomic<uint64_t> keys[kWays];         // control writes, last of all
    std::atomic<uint32_t> places[kWays];       // control writes
    std::atomic<uint32_t> last_seen_s[kWays];  // workers write, control where it sets the key
  };
  static_assert(sizeof(Bucket) == 64);
  struct Retired {
    uint32_t slot;
    uint64_t token;
  };

  uint32_t first_bucket(uint64_t key) const noexcept {
    return static_cast<uint32_t>(mix64(key)) & (bucket_count_ - 1);
  }
  // The alternative bucket. The first bucket cannot be computed from it.
  uint32_t second_bucket(uint64_t key, uint32_t first) const noexcept {
    return (first ^ (static_cast<uint32_t>(mix64(~mix64(key)) >> 20) | 1)) & (bucket_count_ - 1);
  }
  const Bucket& bucket_of(uint32_t slot) const noexcept { return buckets_[slot / kWays]; }
  Bucket& bucket_of(uint32_t slot) noexcept { return buckets_[slot / kWays]; }

  Place search(uint32_t index, uint64_t key) const noexcept {
    const Bucket& bucket = buckets_[index];
    for (unsigned way = 0; way < kWays; ++way)
      if (bucket.keys[way].load(std::memory_order_acquire) == key)
        return {bucket.places[way].load(std::memory_order_relaxed) & ~kStatic, index * kWays + way};
    return {};
  }

  std::optional<uint32_t> free_slot_in(uint32_t bucket);
  std::optional<uint32_t> find_room(uint64_t key);
  std::optional<uint32_t> make_room(uint32_t bucket);
  void write(uint32_t slot, uint64_t key, uint32_t place, uint32_t seen_s) noexcept;
  void retire(uint32_t slot);
  // Waits for workers if `wait` is true, but for a bounded time: one may be stalled.
  void reclaim(bool wait);

  uint32_t capacity_;
  uint32_t bucket_count_;  // a power of two, at least 2
  ZeroPages<Bucket> buckets_;
  rte_rcu_qsbr* qsbr_;
  std::deque<Retired> retired_;   // erased; workers may still read them
  std::vector<bool> is_retired_;  // by slot
  bool in_vain_ = false;          // the last wait timed out, and no worker has advanced since
  uint32_t size_ = 0;
};

}  // namespace adit

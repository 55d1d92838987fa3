// SPDX-License-Identifier: Apache-2.0
// The MAC table of all networks. Control writes entries; workers look up without a lock, and store
// the second in which they last saw the address as a source.
//
// A look-up costs one cache line, seldom two: a bucket of four entries is a line and holds
// keys, places and ages together. rte_hash takes three lines for a key (two buckets and the
// key's slot) and has no room for the age.
#pragma once

#include <immintrin.h>

#include <atomic>
#include <bit>
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
    std::atomic<uint32_t>* last_seen_s = nullptr;

    // Of a known one. Writes only once a second for an address.
    void touch(uint32_t now_s) const noexcept {
      if (last_seen_s->load(std::memory_order_relaxed) != now_s)
        last_seen_s->store(now_s, std::memory_order_relaxed);
    }
  };

  // Holds `capacity` addresses. By `qsbr`, control knows when no worker reads an erased entry
  // any more. Throws std::bad_alloc.
  Fdb(uint32_t capacity, rte_rcu_qsbr* qsbr);

  // --- control ---
  // Adds the address or moves it. False when the table is full.
  bool set(uint64_t key, BridgePortId bridge_port, bool is_static, uint32_t now_s);
  // Nothing happens if the address is not there.
  void erase(uint64_t key);
  // Empty: the address is not known.
  std::optional<Entry> find(uint64_t key) const noexcept;
  // Slots 0 .. slot_count()-1 may hold entries.
  uint32_t slot_count() const noexcept { return bucket_count_ * kWays; }
  // With key 0 where the slot is free.
  Entry at(uint32_t slot) const noexcept;
  // Second of monotonic_ns() in which a worker saw the MAC last.
  uint32_t last_seen_s(uint32_t slot) const noexcept {
    return bucket_of(slot).last_seen_s[slot % kWays].load(std::memory_order_relaxed);
  }
  // Addresses that are there, static ones too; and how many have room.
  uint32_t size() const noexcept { return size_; }
  uint32_t capacity() const noexcept { return capacity_; }

  // --- workers ---
  class View;
  View view() const noexcept;
  // Of the bucket that lookup() reads first.
  void prefetch(uint64_t key) const noexcept;
  // `key`: an fdb_key(). Any thread may call it.
  Place lookup(uint64_t key) const noexcept;

 private:
  static constexpr unsigned kWays = 4;
  static constexpr uint32_t kStatic = uint32_t{1} << 31;  // in `places`, beside the bridge port

  struct alignas(64) Bucket {
    std::atomic<uint64_t> keys[kWays];    // control writes, last of all
    std::atomic<uint32_t> places[kWays];  // control writes
    mutable std::atomic<uint32_t>
        last_seen_s[kWays];  // workers write, control where it sets the key
  };
  static_assert(sizeof(Bucket) == 64);
  struct Retired {
    uint32_t slot;
    uint64_t token;
  };

  uint32_t first_bucket(uint64_t key) const noexcept;
  uint32_t second_bucket(uint64_t key, uint32_t first) const noexcept;
  const Bucket& bucket_of(uint32_t slot) const noexcept { return buckets_[slot / kWays]; }
  Bucket& bucket_of(uint32_t slot) noexcept { return buckets_[slot / kWays]; }

  std::optional<uint32_t> free_slot_in(uint32_t bucket);
  std::optional<uint32_t> find_room(uint64_t key);
  std::optional<uint32_t> make_room(uint32_t bucket);
  void write(uint32_t slot, uint64_t key, uint32_t place, uint32_t seen_s) noexcept;
  void retire(uint32_t slot);
  // Waits for workers if `wait` is true, but for a bounded time: one may be stalled.
  void reclaim(bool wait);

  uint32_t capacity_;
  uint32_t bucket_count_;  // a power of two, at least 2
  unsigned shift_;         // 64 less the binary logarithm of bucket_count_
  ZeroPages<Bucket> buckets_;
  rte_rcu_qsbr* qsbr_;
  std::deque<Retired> retired_;   // erased; workers may still read them
  std::vector<bool> is_retired_;  // by slot
  bool in_vain_ = false;          // the last wait timed out, and no worker has advanced since
  uint32_t size_ = 0;
};

// What look-ups need of the table, for loops that keep it in registers. It holds as long as the
// table.
class Fdb::View {
 public:
  View(const Bucket* buckets, unsigned shift, uint32_t mask) noexcept
      : buckets_(buckets), shift_(shift), mask_(mask) {}

  void prefetch(uint64_t key) const noexcept { __builtin_prefetch(&buckets_[first_bucket(key)]); }
  Place lookup(uint64_t key) const noexcept {
    const uint32_t first = first_bucket(key);
    const Place place = search(first, key);
    if (place.last_seen_s != nullptr) [[likely]]
      return place;
    return search(second_bucket(key, first), key);
  }

  // The upper bits of a product, on which all bits of the key have influence.
  uint32_t first_bucket(uint64_t key) const noexcept {
    return static_cast<uint32_t>(key * 0x9e37'79b9'7f4a'7c15 >> shift_);
  }
  // The alternative bucket. The first bucket cannot be computed from it.
  uint32_t second_bucket(uint64_t key, uint32_t first) const noexcept {
    return (first ^ (static_cast<uint32_t>(mix64(~mix64(key)) >> 20) | 1)) & mask_;
  }

 private:
  // One bit for each way that has the key. x86-64 loads the halves of a vector like words, and
  // nothing that follows before it: what follows depends on it.
  static unsigned ways_with(const Bucket& bucket, uint64_t key) noexcept {
    static_assert(kWays == 4 && sizeof bucket.keys == 2 * sizeof(__m128i));
    const auto* keys = reinterpret_cast<const __m128i*>(bucket.keys);
    const __m128i wanted = _mm_set1_epi64x(static_cast<long long>(key));
    const __m128i lower = _mm_cmpeq_epi64(_mm_load_si128(keys), wanted);
    const __m128i upper = _mm_cmpeq_epi64(_mm_load_si128(keys + 1), wanted);
    return static_cast<unsigned>(_mm_movemask_ps(_mm_castsi128_ps(_mm_packs_epi32(lower, upper))));
  }

  // No branch depends on which way of the bucket has the key.
  Place search(uint32_t index, uint64_t key) const noexcept {
    const Bucket& bucket = buckets_[index];
    const unsigned ways = ways_with(bucket, key);
    if (ways == 0) [[unlikely]]
      return {};
    const auto way = static_cast<std::size_t>(std::countr_zero(ways));
    return {bucket.places[way].load(std::memory_order_relaxed) & ~kStatic,
            &bucket.last_seen_s[way]};
  }

  const Bucket* buckets_;
  unsigned shift_;  // 64 less the binary logarithm of the number of buckets
  uint32_t mask_;   // the number of buckets less 1
};

inline Fdb::View Fdb::view() const noexcept {
  return {&buckets_[0], shift_, bucket_count_ - 1};
}
inline void Fdb::prefetch(uint64_t key) const noexcept {
  view().prefetch(key);
}
inline Fdb::Place Fdb::lookup(uint64_t key) const noexcept {
  return view().lookup(key);
}
inline uint32_t Fdb::first_bucket(uint64_t key) const noexcept {
  return view().first_bucket(key);
}
inline uint32_t Fdb::second_bucket(uint64_t key, uint32_t first) const noexcept {
  return view().second_bucket(key, first);
}

}  // namespace adit

// SPDX-License-Identifier: Apache-2.0
#include "adit/fdb.h"

#include <rte_cycles.h>
#include <rte_rcu_qsbr.h>

#include <algorithm>
#include <bit>

namespace adit {

// Half full at capacity: then both buckets of a key are full once in fifty times, and one of
// their eight entries can practically always go to its other bucket.
Fdb::Fdb(uint32_t capacity, rte_rcu_qsbr* qsbr)
    : capacity_(capacity),
      bucket_count_(std::bit_ceil(std::max<uint32_t>(capacity / 2, 2))),
      shift_(64 - static_cast<unsigned>(std::countr_zero(bucket_count_))),
      buckets_(bucket_count_),
      qsbr_(qsbr),
      is_retired_(size_t{bucket_count_} * kWays) {}

bool Fdb::set(uint64_t key, BridgePortId bridge_port, bool is_static, uint32_t now_s) {
  const uint32_t place = bridge_port | (is_static ? kStatic : 0);
  if (const auto existing = find(key)) {
    Bucket& bucket = bucket_of(existing->slot);
    bucket.last_seen_s[existing->slot % kWays].store(now_s, std::memory_order_relaxed);
    bucket.places[existing->slot % kWays].store(place, std::memory_order_relaxed);
    return true;
  }
  if (size_ == capacity_) return false;
  const auto slot = find_room(key);
  if (!slot) return false;
  write(*slot, key, place, now_s);
  ++size_;
  return true;
}

void Fdb::erase(uint64_t key) {
  const auto entry = find(key);
  if (!entry) return;
  retire(entry->slot);
  --size_;
}

std::optional<Fdb::Entry> Fdb::find(uint64_t key) const noexcept {
  const uint32_t first = first_bucket(key);
  for (const uint32_t bucket : {first, second_bucket(key, first)})
    for (uint32_t slot = bucket * kWays; slot < (bucket + 1) * kWays; ++slot)
      if (const Entry entry = at(slot); entry.key == key && entry.bridge_port != 0) return entry;
  return std::nullopt;
}

Fdb::Entry Fdb::at(uint32_t slot) const noexcept {
  const Bucket& bucket = bucket_of(slot);
  const uint32_t place = bucket.places[slot % kWays].load(std::memory_order_relaxed);
  const uint64_t key = bucket.keys[slot % kWays].load(std::memory_order_relaxed);
  return {key, place & ~kStatic, (place & kStatic) != 0, slot};
}

// Readers look at the key first, so it is written last.
void Fdb::write(uint32_t slot, uint64_t key, uint32_t place, uint32_t seen_s) noexcept {
  Bucket& bucket = bucket_of(slot);
  bucket.places[slot % kWays].store(place, std::memory_order_relaxed);
  bucket.last_seen_s[slot % kWays].store(seen_s, std::memory_order_relaxed);
  bucket.keys[slot % kWays].store(key, std::memory_order_release);
}

// A worker may have compared the key and be about to read the place: the slot must not be reused
// before all workers have begun a new pass.
void Fdb::retire(uint32_t slot) {
  bucket_of(slot).keys[slot % kWays].store(0, std::memory_order_release);
  is_retired_[slot] = true;
  retired_.push_back({slot, rte_rcu_qsbr_start(qsbr_)});
}

void Fdb::reclaim(bool wait) {
  // Some passes of a worker that is not interrupted.
  constexpr unsigned kMostWaits = 20;
  constexpr unsigned kWaitUs = 50;
  for (unsigned waits = 0; !retired_.empty();) {
    if (rte_rcu_qsbr_check(qsbr_, retired_.front().token, false) == 1) {
      is_retired_[retired_.front().slot] = false;
      retired_.pop_front();
      in_vain_ = false;
    } else if (wait && !in_vain_ && waits < kMostWaits) {
      ++waits;
      rte_delay_us_sleep(kWaitUs);
    } else {
      // The next insertion does not wait for this worker again.
      in_vain_ = in_vain_ || wait;
      return;
    }
  }
}

std::optional<uint32_t> Fdb::free_slot_in(uint32_t bucket) {
  for (uint32_t slot = bucket * kWays; slot < (bucket + 1) * kWays; ++slot)
    if (!is_retired_[slot] && at(slot).key == 0) return slot;
  return std::nullopt;
}

std::optional<uint32_t> Fdb::find_room(uint64_t key) {
  const uint32_t first = first_bucket(key);
  const uint32_t second = second_bucket(key, first);
  for (const bool wait : {false, true}) {
    reclaim(wait);
    for (const uint32_t bucket : {first, second})
      if (const auto slot = free_slot_in(bucket)) return slot;
  }
  for (const uint32_t bucket : {first, second})
    if (const auto slot = make_room(bucket)) return slot;
  return std::nullopt;
}

// Moves an entry of the bucket to its other bucket. For a moment it is in both; a look-up that
// misses it floods the frame once.
std::optional<uint32_t> Fdb::make_room(uint32_t bucket) {
  for (uint32_t slot = bucket * kWays; slot < (bucket + 1) * kWays; ++slot) {
    const Entry entry = at(slot);
    const uint32_t first = first_bucket(entry.key);
    const uint32_t other = bucket == first ? second_bucket(entry.key, first) : first;
    const auto target = free_slot_in(other);
    if (!target) continue;
    write(*target, entry.key, entry.bridge_port | (entry.is_static ? kStatic : 0),
          last_seen_s(slot));
    retire(slot);
    reclaim(true);
    if (is_retired_[slot]) return std::nullopt;  // a worker stands still, and may yet read it
    return slot;
  }
  return std::nullopt;
}

}  // namespace adit

// SPDX-License-Identifier: Apache-2.0
#include "scheduler/locality_table.h"

#include "adit/flat_table.h"

namespace adit {

// The seed enters again before the last round: knowing mix64() is not enough to work out
// which destinations share a bucket.
uint64_t hash_of(const LocalityKey& key, uint64_t seed) noexcept {
  const uint64_t low = mix64(key.destination.low ^ seed);
  const uint64_t address = mix64(low + key.destination.high);
  const uint64_t where = uint64_t{key.service} << 32 | uint32_t{key.vrf} << 16 | key.ipv6;
  return mix64(mix64(address + where) ^ seed);
}

LocalitySet* LocalityTable::find(const LocalityKey& key, uint32_t now_s) noexcept {
  const uint32_t slot = entries_.find(key);
  if (slot == kNoSlot) return nullptr;
  if (is_expired(slot, now_s)) {
    erase(slot);
    return nullptr;
  }
  least_recent_first_.remove(entries_, &Entry::by_use, slot);
  least_recent_first_.push_back(entries_, &Entry::by_use, slot);
  entries_[slot].used_s = now_s;
  return &entries_[slot].set;
}

LocalitySet& LocalityTable::insert(const LocalityKey& key, uint32_t now_s) noexcept {
  // Removes two for each that is added, so that expired entries do not accumulate.
  for (unsigned i = 0; i < 2; ++i) {
    const uint32_t oldest = least_recent_first_.front();
    if (oldest == kNoSlot || !is_expired(oldest, now_s)) break;
    erase(oldest);
  }
  uint32_t slot = entries_.insert(key);
  if (slot == kNoSlot) {
    erase(least_recent_first_.front());
    slot = entries_.insert(key);
  }
  ++size_;
  least_recent_first_.push_back(entries_, &Entry::by_use, slot);
  entries_[slot].used_s = now_s;
  entries_[slot].set = {};
  return entries_[slot].set;
}

void LocalityTable::erase(uint32_t slot) noexcept {
  least_recent_first_.remove(entries_, &Entry::by_use, slot);
  entries_.erase(slot);
  --size_;
}

}  // namespace adit

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
  unlink(slot);
  use(slot, now_s);
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
    erase(victim(key.vrf));
    slot = entries_.insert(key);
  }
  ++size_;
  OfVrf& vrf = vrfs_[key.vrf];
  if (++vrf.held > vrfs_[most_].held) most_ = key.vrf;
  use(slot, now_s);
  entries_[slot].set = {};
  return entries_[slot].set;
}

void LocalityTable::use(uint32_t slot, uint32_t now_s) noexcept {
  Entry& entry = entries_[slot];
  entry.used_s = now_s;
  least_recent_first_.push_back(entries_, &Entry::by_use, slot);
  vrfs_[entry.key.vrf].least_recent_first.push_back(entries_, &Entry::by_use_in_vrf, slot);
}

void LocalityTable::unlink(uint32_t slot) noexcept {
  least_recent_first_.remove(entries_, &Entry::by_use, slot);
  vrfs_[entries_[slot].key.vrf].least_recent_first.remove(entries_, &Entry::by_use_in_vrf, slot);
}

// Of a full table.
uint32_t LocalityTable::victim(VrfId newcomer) const noexcept {
  const OfVrf& own = vrfs_[newcomer];
  const OfVrf& most = vrfs_[most_];
  if (most.held > own.held) return most.least_recent_first.front();
  if (own.held != 0) return own.least_recent_first.front();
  return least_recent_first_.front();
}

void LocalityTable::erase(uint32_t slot) noexcept {
  unlink(slot);
  --vrfs_[entries_[slot].key.vrf].held;
  entries_.erase(slot);
  --size_;
}

}  // namespace adit

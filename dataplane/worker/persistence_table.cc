// SPDX-License-Identifier: Apache-2.0
#include "worker/persistence_table.h"

#include <algorithm>

namespace adit {
namespace {

// About a second, as a power of two, which saves a division.
constexpr unsigned kRoundShift = 30;  // ns

}  // namespace

// The seed enters again before the last round, as for LocalityKey.
uint64_t hash_of(const PersistenceKey& key, uint64_t seed) noexcept {
  const uint64_t low = mix64(key.client.low ^ seed);
  const uint64_t client = mix64(low + key.client.high);
  return mix64(mix64(client + (uint64_t{key.service} << 1 | key.ipv6)) ^ seed);
}

PersistenceTable::PersistenceTable(uint32_t capacity, unsigned worker, uint64_t seed)
    : entries_(std::clamp(capacity, 1u, kMaxCapacity), seed), worker_bits_(worker << kSlotBits) {}

uint32_t PersistenceTable::find(const PersistenceKey& key, uint32_t now_s) noexcept {
  const uint32_t slot = entries_.find(key);
  if (slot == kNoSlot || now_s < entries_[slot].expires_s || is_held(slot)) return slot;
  erase(slot);
  return kNoSlot;
}

uint32_t PersistenceTable::insert(const PersistenceKey& key, VrfId vrf) noexcept {
  uint32_t slot = entries_.insert(key);
  if (slot == kNoSlot && make_room(key, vrf)) slot = entries_.insert(key);
  if (slot == kNoSlot) return kNoSlot;
  used_slots_ = std::max(used_slots_, slot + 1);
  least_recent_first_.push_back(entries_, &Entry::by_use, slot);
  of_service_[key.service].push_back(entries_, &Entry::of_service, slot);
  entries_[slot].vrf = vrf;
  ++of_vrf_[vrf];
  add_to_count(key.service, 1);
  note_largest(entries_[slot]);
  return slot;
}

void PersistenceTable::note_largest(const Entry& entry) noexcept {
  ServiceId& service = largest_service_[entry.vrf];
  if (count(entry.key.service) > count(service)) service = entry.key.service;
  if (of_vrf_[entry.vrf] > of_vrf_[largest_vrf_]) largest_vrf_ = entry.vrf;
}

PersistenceId PersistenceTable::hold(uint32_t slot, uint32_t now_s, uint32_t timeout_s) noexcept {
  Entry& entry = entries_[slot];
  entry.connections.fetch_add(1, std::memory_order_relaxed);
  entry.timeout_s = timeout_s;
  entry.expires_s = now_s + timeout_s;
  move_to_back(slot);
  return worker_bits_ | (slot + 1);
}

void PersistenceTable::move_to_back(uint32_t slot) noexcept {
  least_recent_first_.remove(entries_, &Entry::by_use, slot);
  least_recent_first_.push_back(entries_, &Entry::by_use, slot);
  SlotList<Entry>& of_service = of_service_[entries_[slot].key.service];
  of_service.remove(entries_, &Entry::of_service, slot);
  of_service.push_back(entries_, &Entry::of_service, slot);
}

bool PersistenceTable::forget(PersistenceId id) noexcept {
  const uint32_t slot = slot_of(id);
  if (is_held(slot)) return false;
  erase(slot);
  return true;
}

void PersistenceTable::expire(uint32_t now_s, uint64_t elapsed_ns) noexcept {
  constexpr uint64_t kRound = uint64_t{1} << kRoundShift;
  credit_ += std::min(elapsed_ns, kRound) * used_slots_;
  auto budget = static_cast<uint32_t>(credit_ >> kRoundShift);
  credit_ %= kRound;
  for (; budget != 0; --budget) {
    cursor_ = cursor_ + 1 >= used_slots_ ? 0 : cursor_ + 1;
    Entry& entry = entries_[cursor_];
    if (entry.timeout_s == 0) continue;
    note_largest(entry);
    if (now_s < entry.expires_s) continue;
    if (is_held(cursor_))
      entry.expires_s = now_s + entry.timeout_s;
    else
      erase(cursor_);
  }
}

void PersistenceTable::erase(uint32_t slot) noexcept {
  Entry& entry = entries_[slot];
  add_to_count(entry.key.service, UINT32_MAX);
  --of_vrf_[entry.vrf];
  entry.timeout_s = 0;
  least_recent_first_.remove(entries_, &Entry::by_use, slot);
  of_service_[entry.key.service].remove(entries_, &Entry::of_service, slot);
  entries_.erase(slot);
}

// The requester counts as if it had one more, so that it does not take from holders that have as
// many.
bool PersistenceTable::make_room(const PersistenceKey& key, VrfId vrf) noexcept {
  const VrfId largest = of_vrf_[vrf] >= of_vrf_[largest_vrf_] ? vrf : largest_vrf_;
  ServiceId service = largest_service_[largest];
  if (largest == vrf && count(key.service) >= count(service)) service = key.service;
  return make_room(of_service_[service]) || make_room(least_recent_first_);
}

// Entries in use move to the back, so that the next search finds others.
bool PersistenceTable::make_room(SlotList<Entry>& least_recent_first) noexcept {
  for (unsigned tries = 0; tries < kEvictionTries; ++tries) {
    const uint32_t oldest = least_recent_first.front();
    if (oldest == kNoSlot) return false;
    if (!is_held(oldest)) {
      erase(oldest);
      return true;
    }
    move_to_back(oldest);
  }
  return false;
}

void PersistenceTable::add_to_count(ServiceId service, uint32_t change) noexcept {
  std::atomic<uint32_t>& count = counts_[service];
  count.store(count.load(std::memory_order_relaxed) + change, std::memory_order_relaxed);
}

}  // namespace adit

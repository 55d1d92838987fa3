// SPDX-License-Identifier: Apache-2.0
// Which backends serve a destination, for lblc and lblcr. One worker's own; all memory is
// taken when it is made. A destination that nobody asks for is forgotten after a day; when
// the table is full, the one that was asked for longest ago makes room, of those of the VRF that
// has most.
#pragma once

#include <array>
#include <cstdint>

#include "adit/scheduler_ops.h"
#include "adit/snapshot.h"
#include "table/slot_table.h"

namespace adit {

struct LocalityKey {
  Ipv6Key destination;
  ServiceId service = 0;
  VrfId vrf = 0;
  bool ipv6 = false;
  friend bool operator==(const LocalityKey&, const LocalityKey&) = default;
};
// `seed`: one that clients do not know.
uint64_t hash_of(const LocalityKey& key, uint64_t seed) noexcept;

// The backends of one destination, the earliest first. Ids, for they survive reloads; some may
// be of backends that are gone.
class LocalitySet {
 public:
  static constexpr unsigned kMost = 8;

  std::span<const BackendId> ids() const noexcept { return {ids_.data(), size_}; }
  // When the set last changed.
  uint32_t changed_s() const noexcept { return changed_s_; }
  bool contains(BackendId id) const noexcept { return std::ranges::find(ids(), id) != ids().end(); }

  // In the place of all others.
  void assign(BackendId id, uint32_t now_s) noexcept {
    size_ = 0;
    add(id, now_s);
  }
  // Only below kMost.
  void add(BackendId id, uint32_t now_s) noexcept {
    ids_[size_++] = id;
    changed_s_ = now_s;
  }
  // `position`: in ids().
  void remove(unsigned position, uint32_t now_s) noexcept {
    std::copy(ids_.begin() + position + 1, ids_.begin() + size_, ids_.begin() + position);
    --size_;
    changed_s_ = now_s;
  }

 private:
  std::array<BackendId, kMost> ids_ = {};
  uint32_t size_ = 0;
  uint32_t changed_s_ = 0;
};

class LocalityTable {
 public:
  static constexpr uint32_t kMaxEntries = 16384;
  static constexpr uint32_t kExpiry_s = 24 * 3600;

  // The seed keeps clients from choosing destinations that share a bucket.
  explicit LocalityTable(uint64_t seed, uint32_t max_entries = kMaxEntries)
      : entries_(std::max(max_entries, 1u), seed) {}

  // Counts as a use. Null where there is none. `now_s` never goes back from call to call.
  LocalitySet* find(const LocalityKey& key, uint32_t now_s) noexcept;

  // The key must not be there: find() said so. An empty set.
  LocalitySet& insert(const LocalityKey& key, uint32_t now_s) noexcept;

  // Destinations.
  uint32_t size() const noexcept { return size_; }

 private:
  struct Entry {
    LocalityKey key;
    uint32_t bucket_next = 0;
    SlotLinks by_use;         // of all
    SlotLinks by_use_in_vrf;  // of the VRF
    uint32_t used_s = 0;
    LocalitySet set;
  };

  bool is_expired(uint32_t slot, uint32_t now_s) noexcept {
    return now_s - entries_[slot].used_s >= kExpiry_s;
  }
  struct OfVrf {
    SlotList<Entry> least_recent_first;
    uint32_t held = 0;
  };

  void use(uint32_t slot, uint32_t now_s) noexcept;
  void unlink(uint32_t slot) noexcept;
  uint32_t victim(VrfId newcomer) const noexcept;
  void erase(uint32_t slot) noexcept;

  SlotTable<Entry> entries_;
  std::vector<OfVrf> vrfs_ = std::vector<OfVrf>(kMaxVrfs + 1);
  VrfId most_ = 0;  // approximately the one that has most: compared when another one gets more
  SlotList<Entry> least_recent_first_;
  uint32_t size_ = 0;
};

}  // namespace adit

// SPDX-License-Identifier: Apache-2.0
// Persistence templates: which backend a client of a persistent service has. Each worker has a
// table, and alone says what is in it. Connections by a template may be any worker's: those read
// its backend and count themselves in and out. All memory is taken when the table is made.
//
// When it is full, one of those of the VRF that has most makes room, and there of the service that
// has most: the one that was asked for longest ago and has no connections.
#pragma once

#include <atomic>
#include <cstdint>
#include <vector>

#include "adit/snapshot.h"
#include "adit/zero_pages.h"
#include "table/slot_table.h"

namespace adit {

// Of all workers' templates: the worker, and behind it the slot and 1; 0: none. It stays while the
// template has connections.
using TemplateId = uint32_t;

struct TemplateKey {
  Ipv6Key client;  // without the bits that the service leaves out
  ServiceId service = 0;
  bool ipv6 = false;
  friend bool operator==(const TemplateKey&, const TemplateKey&) = default;
};
uint64_t hash_of(const TemplateKey& key, uint64_t seed) noexcept;

class TemplateTable {
 public:
  static constexpr unsigned kSlotBits = 26;
  static constexpr uint32_t kMaxCapacity = (1u << kSlotBits) - 1;
  static constexpr unsigned kEvictionTries = 16;

  // The seed keeps clients from choosing addresses that share a bucket. Throws std::bad_alloc.
  TemplateTable(uint32_t capacity, unsigned worker, uint64_t seed);

  // --- for its own worker; slots as SlotTable has them, kNoSlot: none ---
  // Not one that has run out without connections. `now_s` never goes back from call to call.
  uint32_t find(const TemplateKey& key, uint32_t now_s) noexcept;
  // The key must not be there: find() said so. kNoSlot: full, and all that was looked at has
  // connections. `vrf`: whose it is.
  uint32_t insert(const TemplateKey& key, VrfId vrf = 0) noexcept;
  BackendId backend_at(uint32_t slot) noexcept {
    return entries_[slot].backend.load(std::memory_order_relaxed);
  }
  void set_backend(uint32_t slot, BackendId backend) noexcept {
    entries_[slot].backend.store(backend, std::memory_order_relaxed);
  }
  // Counts one connection more, and lets the timeout begin anew.
  TemplateId hold(uint32_t slot, uint32_t now_s, uint32_t timeout_s) noexcept;
  // One of this worker's templates: gone, where no connection has it. False: one has.
  bool forget(TemplateId id) noexcept;
  // Looks at a part of the table, so that it sees all in about a second: what has run out is
  // gone, or has its timeout once more where it has connections.
  void expire(uint32_t now_s, uint64_t elapsed_ns) noexcept;

  // --- for any worker, of a template that counts a connection of it ---
  static unsigned worker_of(TemplateId id) noexcept { return id >> kSlotBits; }
  ServiceId service_of(TemplateId id) noexcept { return entries_[slot_of(id)].key.service; }
  BackendId backend_of(TemplateId id) noexcept { return backend_at(slot_of(id)); }
  void release(TemplateId id) noexcept {
    entries_[slot_of(id)].connections.fetch_sub(1, std::memory_order_release);
  }

  // --- for control as well ---
  uint32_t count(ServiceId service) const noexcept {
    return counts_[service].load(std::memory_order_relaxed);
  }

 private:
  struct Entry {
    TemplateKey key;
    uint32_t bucket_next = kNoSlot;
    SlotLinks by_use, of_service;
    VrfId vrf = 0;
    uint32_t expires_s = 0;
    uint32_t timeout_s = 0;  // 0: free
    std::atomic<BackendId> backend = 0;
    std::atomic<uint32_t> connections = 0;  // all workers write, its own alone adds
  };

  static uint32_t slot_of(TemplateId id) noexcept { return (id & kMaxCapacity) - 1; }
  // The acquire belongs to the release of whoever had the last: it reads the entry no more.
  bool is_held(uint32_t slot) noexcept {
    return entries_[slot].connections.load(std::memory_order_acquire) != 0;
  }
  void erase(uint32_t slot) noexcept;
  bool make_room(const TemplateKey& key, VrfId vrf) noexcept;
  bool make_room(SlotList<Entry>& least_recent_first) noexcept;
  void move_to_back(uint32_t slot) noexcept;
  void note_largest(const Entry& entry) noexcept;
  void add_to_count(ServiceId service, uint32_t change) noexcept;

  SlotTable<Entry> entries_;
  SlotList<Entry> least_recent_first_;
  std::vector<SlotList<Entry>> of_service_ =
      std::vector<SlotList<Entry>>(kMaxServices + 1);  // by ServiceId, least recent first
  // By VrfId. Which has most is as of when it was last looked at: at each new one, and as expire()
  // goes about.
  ZeroPages<uint32_t> of_vrf_{kFirstNetworkTenant};
  ZeroPages<ServiceId> largest_service_{kFirstNetworkTenant};
  VrfId largest_vrf_ = 0;
  ZeroPages<std::atomic<uint32_t>> counts_{kMaxServices + 1};  // by ServiceId
  uint32_t worker_bits_;
  uint32_t used_slots_ = 0;  // those below it have been in use
  uint32_t cursor_ = 0;      // of expire()
  uint64_t credit_ = 0;
};

}  // namespace adit

// SPDX-License-Identifier: Apache-2.0
// Persistence entries: which backend a client of a persistent service has. Each worker has a table,
// and it alone adds and removes entries. The connections that an entry counts may belong to any
// worker: that worker reads the entry's backend and lowers its count. All memory is allocated when
// the table is made.
//
// When the table is full, the least recently used entry without connections is replaced, of the
// VRF that has most entries, and there of the service that has most.
#pragma once

#include <atomic>
#include <cstdint>
#include <vector>

#include "adit/snapshot.h"
#include "adit/zero_pages.h"
#include "table/slot_table.h"

namespace adit {

// Names an entry of any worker: the worker's number in the upper bits, then the slot plus 1; 0:
// none. It stays valid while the entry has connections.
using PersistenceId = uint32_t;

struct PersistenceKey {
  Ipv6Key client;  // without the bits that the service leaves out
  ServiceId service = 0;
  bool ipv6 = false;
  friend bool operator==(const PersistenceKey&, const PersistenceKey&) = default;
};
// `seed`: one that clients do not know.
uint64_t hash_of(const PersistenceKey& key, uint64_t seed) noexcept;

class PersistenceTable {
 public:
  static constexpr unsigned kSlotBits = 26;
  static constexpr uint32_t kMaxCapacity = (1u << kSlotBits) - 1;
  static constexpr unsigned kEvictionTries = 16;

  // The seed keeps clients from choosing addresses that share a bucket. Throws std::bad_alloc.
  PersistenceTable(uint32_t capacity, unsigned worker, uint64_t seed);

  // --- for its own worker; slots are those of SlotTable, kNoSlot: none ---
  // Skips an entry that has expired and has no connections. `now_s` must never decrease.
  uint32_t find(const PersistenceKey& key, uint32_t now_s) noexcept;
  // The key must not be in the table: call find() first. kNoSlot: the table is full, and all
  // entries that were tried have connections. `vrf`: the client's, whose share the entry counts in.
  uint32_t insert(const PersistenceKey& key, VrfId vrf = 0) noexcept;
  BackendId backend_at(uint32_t slot) noexcept {
    return entries_[slot].backend.load(std::memory_order_relaxed);
  }
  void set_backend(uint32_t slot, BackendId backend) noexcept {
    entries_[slot].backend.store(backend, std::memory_order_relaxed);
  }
  // Counts one connection more and restarts the timeout.
  PersistenceId hold(uint32_t slot, uint32_t now_s, uint32_t timeout_s) noexcept;
  // Removes an entry of this worker. False: it has connections, and stays.
  bool forget(PersistenceId id) noexcept;
  // Checks a part of the table, all of it in about a second: removes expired entries, and restarts
  // the timeout of those that have connections.
  void expire(uint32_t now_s, uint64_t elapsed_ns) noexcept;

  // --- for any worker that has a connection which the entry counts ---
  static unsigned worker_of(PersistenceId id) noexcept { return id >> kSlotBits; }
  ServiceId service_of(PersistenceId id) noexcept { return entries_[slot_of(id)].key.service; }
  BackendId backend_of(PersistenceId id) noexcept { return backend_at(slot_of(id)); }
  void release(PersistenceId id) noexcept {
    entries_[slot_of(id)].connections.fetch_sub(1, std::memory_order_release);
  }

  // --- for control as well ---
  uint32_t count(ServiceId service) const noexcept {
    return counts_[service].load(std::memory_order_relaxed);
  }

 private:
  struct Entry {
    PersistenceKey key;
    uint32_t bucket_next = 0;
    SlotLinks by_use, of_service;
    VrfId vrf = 0;
    uint32_t expires_s = 0;
    uint32_t timeout_s = 0;  // 0: free
    std::atomic<BackendId> backend = 0;
    std::atomic<uint32_t> connections = 0;  // all workers lower it, only its own raises it
  };

  static uint32_t slot_of(PersistenceId id) noexcept { return (id & kMaxCapacity) - 1; }
  // The acquire pairs with release(): the worker of the last connection has finished reading.
  bool is_held(uint32_t slot) noexcept {
    return entries_[slot].connections.load(std::memory_order_acquire) != 0;
  }
  void erase(uint32_t slot) noexcept;
  bool make_room(const PersistenceKey& key, VrfId vrf) noexcept;
  bool make_room(SlotList<Entry>& least_recent_first) noexcept;
  void move_to_back(uint32_t slot) noexcept;
  void note_largest(const Entry& entry) noexcept;
  void add_to_count(ServiceId service, uint32_t change) noexcept;

  SlotTable<Entry> entries_;
  SlotList<Entry> least_recent_first_;
  std::vector<SlotList<Entry>> of_service_ =
      std::vector<SlotList<Entry>>(kMaxServices + 1);  // by ServiceId, least recent first
  // By VrfId. The largest one is determined at each insertion and by expire(), so it can be
  // outdated.
  ZeroPages<uint32_t> of_vrf_{kFirstNetworkTenant};
  ZeroPages<ServiceId> largest_service_{kFirstNetworkTenant};
  VrfId largest_vrf_ = 0;
  ZeroPages<std::atomic<uint32_t>> counts_{kMaxServices + 1};  // by ServiceId
  uint32_t worker_bits_;
  uint32_t used_slots_ = 0;  // slots from here on were never used
  uint32_t cursor_ = 0;      // of expire()
  uint64_t credit_ = 0;
};

}  // namespace adit

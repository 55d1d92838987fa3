// SPDX-License-Identifier: Apache-2.0
// The MAC table of all networks. Control writes; workers look up without a lock and leave
// in a side array the second in which they last saw a source.
#pragma once

#include <rte_hash.h>

#include <atomic>
#include <cstdint>
#include <memory>
#include <vector>

#include "adit/flat_table.h"
#include "adit/ids.h"

struct rte_rcu_qsbr;

namespace adit {

// What a look-up gives: where the MAC is, and its slot for touch(). Fits the pointer that
// rte_hash stores.
struct FdbValue {
  BridgePortId bridge_port = 0;  // 0: unknown MAC
  uint32_t slot = 0;
};
static_assert(sizeof(FdbValue) == sizeof(void*));

class Fdb {
 public:
  struct Entry {
    uint64_t key = 0;  // 0: free slot
    BridgePortId bridge_port = 0;
    bool is_static = false;
  };

  // Room for `capacity` addresses. Throws std::runtime_error when memory is short.
  Fdb(uint32_t capacity, rte_rcu_qsbr* qsbr);
  ~Fdb();
  Fdb(const Fdb&) = delete;
  Fdb& operator=(const Fdb&) = delete;

  // --- control ---
  // Adds the address or moves it. False when the table is full.
  bool set(uint64_t key, BridgePortId bridge_port, bool is_static, uint32_t now_s);
  void erase(uint64_t key);
  // The entry of the key, or null.
  const Entry* find(uint64_t key) const;
  // Slots 1 .. slot_count()-1 may hold entries.
  uint32_t slot_count() const noexcept { return static_cast<uint32_t>(entries_.size()); }
  const Entry& at(uint32_t slot) const noexcept { return entries_[slot]; }
  uint32_t last_seen_s(uint32_t slot) const noexcept {
    return last_seen_s_[slot].load(std::memory_order_relaxed);
  }
  uint32_t size() const noexcept { return size_; }
  uint32_t capacity() const noexcept { return slot_count() - 1; }

  // --- workers ---
  // n <= kMaxBurst.
  void lookup(const uint64_t* keys, unsigned n, FdbValue* values) const noexcept;
  void touch(uint32_t slot, uint32_t now_s) noexcept {
    last_seen_s_[slot].store(now_s, std::memory_order_relaxed);
  }

 private:
  static uint32_t signature(uint64_t key) noexcept {
    return static_cast<uint32_t>(key * 0x9e37'79b9'7f4a'7c15 >> 32);
  }

  rte_hash* hash_ = nullptr;
  std::vector<Entry> entries_;          // by slot, control only
  std::vector<uint32_t> free_slots_;
  std::unique_ptr<std::atomic<uint32_t>[]> last_seen_s_;  // by slot, workers write
  uint32_t size_ = 0;
};

}  // namespace adit

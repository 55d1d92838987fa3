// SPDX-License-Identifier: Apache-2.0
// Hosts on the subnets of VRFs' ports, VLANs and gateways: which adjacency stands for an address
// there. Control writes, workers read without a lock.
#pragma once

#include <atomic>
#include <cstdint>

#include "adit/ids.h"
#include "adit/snapshot.h"
#include "adit/zero_pages.h"

namespace adit {

class HostTable {
 public:
  // Control. `adjacency` is not 0. False where the table is too full around that place.
  bool insert(LinkId link, const IpAddr& ip, AdjacencyId adjacency) {
    const Ipv6Key key = address_key(ip);
    const uint64_t scope = scope_of(link, !ip.is_v4());
    Slot* free = nullptr;
    for (unsigned probe = 0; probe < kMostProbes; ++probe) {
      Slot& slot = slots_[place(scope, key, probe)];
      const uint64_t tag = slot.tag.load(std::memory_order_relaxed);
      if (matches(slot, tag, scope, key)) {
        write(slot, tag, scope, key, adjacency);
        note_change();
        return true;
      }
      if (free == nullptr && !(tag & kValid)) free = &slot;
      if (tag == 0) break;
    }
    if (free == nullptr) return false;
    write(*free, free->tag.load(std::memory_order_relaxed), scope, key, adjacency);
    note_change();
    return true;
  }

  // Only control. Nothing happens if the host is not there.
  void erase(LinkId link, const IpAddr& ip) {
    const Ipv6Key key = address_key(ip);
    const uint64_t scope = scope_of(link, !ip.is_v4());
    for (unsigned probe = 0; probe < kMostProbes; ++probe) {
      Slot& slot = slots_[place(scope, key, probe)];
      const uint64_t tag = slot.tag.load(std::memory_order_relaxed);
      if (tag == 0) return;
      if (!matches(slot, tag, scope, key)) continue;
      // Not 0: others may lie behind it.
      slot.tag.store((tag & kVersionMask) | kUsed, std::memory_order_release);
      return note_change();
    }
  }

  // Workers: how often hosts were inserted or erased. While that stays, so does what find() says.
  uint64_t changes() const noexcept { return changes_.load(std::memory_order_acquire); }

  // Workers: 0 where the host is not known.
  AdjacencyId find(LinkId link, const Ipv6Key& key, bool ipv6) const noexcept {
    const uint64_t scope = scope_of(link, ipv6);
    for (unsigned probe = 0; probe < kMostProbes; ++probe) {
      const Slot& slot = slots_[place(scope, key, probe)];
      const uint64_t tag = slot.tag.load(std::memory_order_acquire);
      if (tag == 0) return 0;
      if (!matches(slot, tag, scope, key)) continue;
      // The slot may have changed hands while it was read.
      std::atomic_thread_fence(std::memory_order_acquire);
      if (slot.tag.load(std::memory_order_relaxed) == tag)
        return static_cast<AdjacencyId>(tag & kAdjacencyMask);
    }
    return 0;
  }

 private:
  // tag: valid(1) used(1) version(24) scope(18) adjacency(20)
  struct Slot {
    std::atomic<uint64_t> tag, high, low;
  };
  static constexpr std::size_t kSlots = std::size_t{4} * kMaxHosts;
  static constexpr unsigned kMostProbes = 64;
  static constexpr uint64_t kValid = uint64_t{1} << 63;
  static constexpr uint64_t kUsed = uint64_t{1} << 62;
  static constexpr unsigned kScopeShift = 20;
  static constexpr uint64_t kVersion = uint64_t{1} << 38;
  static constexpr uint64_t kVersionMask = (kUsed - 1) & ~(kVersion - 1);
  static constexpr uint64_t kScopeMask = (kVersion - 1) & ~((uint64_t{1} << kScopeShift) - 1);
  static constexpr uint64_t kAdjacencyMask = (uint64_t{1} << kScopeShift) - 1;
  static_assert(2 * kMaxLinks < 1 << 18 && kMaxAdjacencies <= 1 << kScopeShift);

  static uint64_t scope_of(LinkId link, bool ipv6) noexcept {
    return (uint64_t{link} << 1 | uint64_t{ipv6}) << kScopeShift;
  }
  static std::size_t place(uint64_t scope, const Ipv6Key& key, unsigned probe) noexcept {
    return (mix64(hash_of(key) + scope) + probe) & (kSlots - 1);
  }
  static bool matches(const Slot& slot, uint64_t tag, uint64_t scope, const Ipv6Key& key) noexcept {
    return (tag & kValid) && (tag & kScopeMask) == scope &&
           slot.high.load(std::memory_order_relaxed) == key.high &&
           slot.low.load(std::memory_order_relaxed) == key.low;
  }
  static void write(Slot& slot, uint64_t tag, uint64_t scope, const Ipv6Key& key,
                    AdjacencyId adjacency) noexcept {
    const uint64_t version = ((tag & kVersionMask) + kVersion) & kVersionMask;
    slot.tag.store(version | kUsed, std::memory_order_relaxed);
    std::atomic_thread_fence(std::memory_order_release);
    slot.high.store(key.high, std::memory_order_relaxed);
    slot.low.store(key.low, std::memory_order_relaxed);
    slot.tag.store(kValid | kUsed | version | scope | adjacency, std::memory_order_release);
  }

  void note_change() noexcept { changes_.fetch_add(1, std::memory_order_release); }

  ZeroPages<Slot> slots_{kSlots};
  std::atomic<uint64_t> changes_ = 0;
};

}  // namespace adit

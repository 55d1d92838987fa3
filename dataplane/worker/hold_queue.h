// SPDX-License-Identifier: Apache-2.0
// Packets that wait for the MAC of their next hop. Each is sent when the neighbour answers, or
// dropped under a name if it does not answer in time.
//
// Tenants share the queue. If a tenant has its limit of packets for a next hop, a new one replaces
// its oldest there (RFC 4861 section 7.2.2). If the queue is full, the oldest packet of the tenant
// that holds most is dropped. So a scan of a large subnet, with a next hop for each packet, only
// replaces packets of its own tenant.
#pragma once

#include <rte_mbuf.h>

#include <array>
#include <cstdint>
#include <optional>
#include <utility>
#include <vector>

#include "adit/ids.h"
#include "adit/snapshot.h"
#include "adit/zero_pages.h"
#include "packet/packet.h"
#include "table/slot_table.h"

namespace adit {

// What packets wait for. Each tenant's wait for themselves, also where the next hop is the same.
struct NextHopKey {
  TenantId tenant = 0;
  LinkId link = 0;
  AdjacencyId adjacency = 0;  // 0: `host`, which is not known yet
  bool ipv6 = false;
  Ipv6Key host = {};
  friend bool operator==(const NextHopKey&, const NextHopKey&) = default;
};
// `seed`: one that senders do not know.
uint64_t hash_of(const NextHopKey& key, uint64_t seed) noexcept;

struct HeldPacket {
  rte_mbuf* mbuf = nullptr;  // complete but for its destination MAC
  NextHopKey hop;
  uint64_t deadline_ns = 0;
  uint32_t next_hop = 0;  // in HoldQueue::next_hops_
  uint16_t buffers = 0;   // of the packet
  RoutedFrame routed = {};
  SlotLinks of_all, of_tenant, of_next_hop;
};

class HoldQueue {
 public:
  static constexpr unsigned kCapacity = 512;
  static constexpr unsigned kPerNextHop = 64;     // of one tenant
  static constexpr unsigned kMostBuffers = 2048;  // a packet of 64 KiB has some 32
  static constexpr uint64_t kPatienceNs = 1'500'000'000;

  // The seed keeps senders from choosing hosts that share a bucket.
  explicit HoldQueue(uint64_t seed = 1);

  // Packets, of all tenants.
  bool empty() const noexcept { return count_ == 0; }
  unsigned size() const noexcept { return count_; }
  // Of all tenants; not those for hosts that are not known.
  unsigned waiting_for(AdjacencyId adjacency) const noexcept { return per_adjacency_[adjacency]; }

  // Whether a look at the packets can find one that leaves: a next hop was resolved since the last
  // time that `resolved` differed, or the oldest has waited for long enough.
  bool is_due(uint64_t resolved, uint64_t now_ns) noexcept {
    if (count_ == 0) return false;
    const bool changed = std::exchange(resolved_, resolved) != resolved;
    return changed || now_ns >= packets_[all_.front()].deadline_ns;
  }

  // Calls drop(mbuf) for each packet that is replaced, and for this one if it has too many buffers.
  template <class Drop>
  void push(rte_mbuf* mbuf, const NextHopKey& hop, uint64_t now_ns, Drop drop,
            const RoutedFrame& routed = {}) noexcept {
    if (mbuf->nb_segs > kMostBuffers) return drop(mbuf);
    for (uint32_t slot; (slot = who_gives_way(mbuf->nb_segs, hop)) != kNoSlot;) {
      rte_mbuf* gives_way = packets_[slot].mbuf;
      remove(slot);
      drop(gives_way);
    }
    add(mbuf, hop, now_ns, routed);
  }

  // For each packet in order of arrival: where judge(packet) gives a value it leaves, and
  // act(packet, value) has it, which may push others.
  template <class Judge, class Act>
  void sweep(Judge judge, Act act) noexcept {
    for (uint32_t slot = all_.front(); slot != kNoSlot; slot = cursor_) {
      cursor_ = packets_[slot].of_all.next;
      const auto verdict = judge(packets_[slot]);
      if (!verdict) continue;
      const HeldPacket held = packets_[slot];
      remove(slot);
      act(held, *verdict);
    }
    cursor_ = kNoSlot;
  }

 private:
  struct NextHop {
    NextHopKey key;
    uint32_t bucket_next = 0;
    unsigned packets = 0;
    SlotList<HeldPacket> oldest_first;
  };
  struct Tenant {
    TenantId id = 0;
    unsigned packets = 0, buffers = 0;
    SlotList<HeldPacket> oldest_first;
  };

  uint32_t who_gives_way(unsigned buffers, const NextHopKey& hop) noexcept;
  void add(rte_mbuf* mbuf, const NextHopKey& hop, uint64_t now_ns,
           const RoutedFrame& routed) noexcept;
  void remove(uint32_t slot) noexcept;
  Tenant& tenant_of_packet(TenantId id) noexcept;

  std::vector<HeldPacket> packets_;  // the free ones are linked by of_all.next
  SlotList<HeldPacket> all_;
  SlotTable<NextHop> next_hops_;
  std::vector<Tenant> tenants_;  // that hold packets, the first tenant_count_ of them
  unsigned tenant_count_ = 0;
  ZeroPages<uint16_t> place_of_tenant_{kMaxTenants};  // in tenants_ and 1, 0: holds none
  ZeroPages<uint16_t> per_adjacency_{kMaxAdjacencies};
  uint32_t free_ = kNoSlot;
  uint32_t cursor_ = kNoSlot;       // of sweep(): the packet to be looked at next
  uint64_t resolved_ = UINT64_MAX;  // AdjacencyTable::resolved() when they were last looked at
  unsigned count_ = 0;
  unsigned buffers_ = 0;  // of all
};

}  // namespace adit

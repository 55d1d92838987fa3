// SPDX-License-Identifier: Apache-2.0
#include "worker/hold_queue.h"

#include <algorithm>
#include <span>

namespace adit {

uint64_t hash_of(const NextHopKey& key, uint64_t seed) noexcept {
  const uint64_t place = mix64((uint64_t{key.tenant} << 32 | key.link) ^ seed);
  const uint64_t hop = mix64(place + (uint64_t{key.adjacency} << 1 | uint64_t{key.ipv6}));
  return mix64(mix64(hop + key.host.low) + key.host.high);
}

HoldQueue::HoldQueue(uint64_t seed)
    : packets_(kCapacity), next_hops_(kCapacity, seed), tenants_(kCapacity) {
  for (uint32_t slot = kCapacity; slot-- > 0;) {
    packets_[slot].of_all.next = free_;
    free_ = slot;
  }
}

// Which holder loses a packet for one with this many buffers; kNoSlot: there is room.
uint32_t HoldQueue::who_gives_way(unsigned buffers, const NextHopKey& hop) noexcept {
  const uint32_t same = next_hops_.find(hop);
  if (same != kNoSlot && next_hops_[same].packets == kPerNextHop)
    return next_hops_[same].oldest_first.front();
  const bool no_place = count_ == kCapacity;
  if (!no_place && buffers_ + buffers <= kMostBuffers) return kNoSlot;
  // What each holder would have with this packet.
  const auto would_have = [&](const Tenant& tenant) {
    const bool wants = tenant.id == hop.tenant;
    return no_place ? tenant.packets + wants : tenant.buffers + (wants ? buffers : 0);
  };
  ADIT_ASSERT(tenant_count_ != 0);
  const auto tenants = std::span(tenants_).first(tenant_count_);
  return std::ranges::max_element(tenants, {}, would_have)->oldest_first.front();
}

HoldQueue::Tenant& HoldQueue::tenant_of_packet(TenantId id) noexcept {
  uint16_t& place = place_of_tenant_[id];
  if (place == 0) {
    ADIT_ASSERT(tenant_count_ < tenants_.size());
    tenants_[tenant_count_++] = {.id = id, .oldest_first = {}};
    place = static_cast<uint16_t>(tenant_count_);
  }
  return tenants_[place - 1u];
}

void HoldQueue::add(rte_mbuf* mbuf, const NextHopKey& hop, uint64_t now_ns,
                    const RoutedFrame& routed) noexcept {
  const uint32_t slot = free_;
  ADIT_ASSERT(slot != kNoSlot && count_ < kCapacity && buffers_ + mbuf->nb_segs <= kMostBuffers);
  HeldPacket& packet = packets_[slot];
  free_ = packet.of_all.next;
  uint32_t next_hop = next_hops_.find(hop);
  if (next_hop == kNoSlot) {
    next_hop = next_hops_.insert(hop);  // no more of them than packets
    ADIT_ASSERT(next_hop != kNoSlot);
    next_hops_[next_hop].packets = 0;
    next_hops_[next_hop].oldest_first = {};
  }
  Tenant& tenant = tenant_of_packet(hop.tenant);
  packet.mbuf = mbuf;
  packet.hop = hop;
  packet.deadline_ns = now_ns + kPatienceNs;
  packet.next_hop = next_hop;
  packet.buffers = mbuf->nb_segs;
  packet.routed = routed;
  all_.push_back(packets_, &HeldPacket::of_all, slot);
  tenant.oldest_first.push_back(packets_, &HeldPacket::of_tenant, slot);
  next_hops_[next_hop].oldest_first.push_back(packets_, &HeldPacket::of_next_hop, slot);
  ++next_hops_[next_hop].packets;
  ++tenant.packets;
  tenant.buffers += packet.buffers;
  ++count_;
  buffers_ += packet.buffers;
  if (hop.adjacency != 0) ++per_adjacency_[hop.adjacency];
}

void HoldQueue::remove(uint32_t slot) noexcept {
  HeldPacket& packet = packets_[slot];
  ADIT_ASSERT(packet.mbuf != nullptr && count_ != 0);
  if (cursor_ == slot) cursor_ = packet.of_all.next;
  NextHop& next_hop = next_hops_[packet.next_hop];
  uint16_t& place = place_of_tenant_[packet.hop.tenant];
  Tenant& tenant = tenants_[place - 1u];
  all_.remove(packets_, &HeldPacket::of_all, slot);
  tenant.oldest_first.remove(packets_, &HeldPacket::of_tenant, slot);
  next_hop.oldest_first.remove(packets_, &HeldPacket::of_next_hop, slot);
  if (--next_hop.packets == 0) next_hops_.erase(packet.next_hop);
  tenant.buffers -= packet.buffers;
  if (--tenant.packets == 0) {
    tenant = tenants_[--tenant_count_];
    place_of_tenant_[tenant.id] = place;
    place_of_tenant_[packet.hop.tenant] = 0;
  }
  --count_;
  buffers_ -= packet.buffers;
  if (packet.hop.adjacency != 0) --per_adjacency_[packet.hop.adjacency];
  packet.mbuf = nullptr;
  packet.of_all.next = free_;
  free_ = slot;
}

}  // namespace adit

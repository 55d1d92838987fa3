// SPDX-License-Identifier: Apache-2.0
// Packets that one worker hands over to another, and the metadata that says why.
#pragma once

#include <rte_mbuf.h>
#include <rte_prefetch.h>
#include <rte_ring.h>

#include <array>
#include <bit>
#include <cstring>

#include "packet/destination.h"
#include "worker/persistence_table.h"
#include "worker/worker.h"

namespace adit {

// The worker that owns the connections of this address and port; all workers compute the same one.
inline unsigned owner_of(const Ipv6Key& address, be16 port, size_t workers) noexcept {
  const uint64_t hash = mix64(hash_of(address) + port.raw());
  return static_cast<unsigned>((hash >> 32) * workers >> 32);
}

// The worker that owns the flow's connection. It is chosen by a hash of the client's address and
// port: the source of packets to a service, the destination of replies. Full NAT chooses local
// ports that hash to the same worker.
inline unsigned owner_of_flow(const Worker& worker, const FlowKey& key) noexcept {
  const bool to_service = target_of(*worker.snapshot, key).kind == RouteTarget::Kind::kVirtual;
  return to_service ? owner_of(key.source, key.source_port, worker.peers.size())
                    : owner_of(key.destination, key.destination_port, worker.peers.size());
}

// Travels with the packet in rte_mbuf::hash: the NIC's RSS hash is not needed any more.
struct HandoverMeta {
  enum class Kind : uint8_t {
    kPacket,         // the receiver owns its connection, or will own the one it begins
    kResolve,        // it begins a connection of `asker`; the receiver owns the client's entry
    kResolved,       // the answer: the backend of the entry `chosen`, which counts the connection
    kSorry,          // the answer: the sorry server
    kFragment,       // the receiver reassembles its datagram
    kOuterFragment,  // the same for a frame that arrived on the underlay port rte_mbuf::port
  };
  VrfId vrf = 0;  // 0 also for the underlay
  Kind kind = Kind::kPacket;
  uint8_t asker : 6 = 0;
  uint8_t is_counted : 1 = 0;    // PeerQueue::counted
  uint8_t may_fragment : 1 = 0;  // Packet::may_fragment
  PersistenceId chosen = 0;
};
static_assert(sizeof(HandoverMeta) == sizeof(rte_mbuf::hash));

// False: the ring has no room. `free`: how much is left of it.
inline bool enqueue_to(PeerQueue& queue, rte_mbuf* mbuf, const HandoverMeta& meta,
                       unsigned& free) noexcept {
  std::memcpy(&mbuf->hash, &meta, sizeof meta);
  void* item = mbuf;
  return rte_ring_mp_enqueue_bulk(queue.ring, &item, 1, &free) != 0;
}

// For a ring that is more than half full. A VRF has no more of it than is left free, as of the ring
// of events: one VRF alone takes half of the crowded half, and others' packets find room.
[[gnu::cold, gnu::noinline]] inline bool enqueue_crowded(PeerQueue& queue, rte_mbuf* mbuf,
                                                         HandoverMeta meta,
                                                         unsigned& free) noexcept {
  free = rte_ring_free_count(queue.ring);
  if (!queue.is_crowded(free)) return enqueue_to(queue, mbuf, meta, free);
  std::atomic<uint32_t>& counted = queue.counted[meta.vrf];
  if (counted.load(std::memory_order_relaxed) >= free) return false;
  counted.fetch_add(1, std::memory_order_relaxed);
  meta.is_counted = 1;
  if (enqueue_to(queue, mbuf, meta, free)) return true;
  counted.fetch_sub(1, std::memory_order_relaxed);
  return false;
}

// False: the peer's ring is full, or the VRF has its share of it; the packet is dropped.
inline bool pass_on(Worker& worker, rte_mbuf* mbuf, unsigned peer, HandoverMeta meta) noexcept {
  PeerQueue& queue = worker.peers[peer];
  unsigned free = 0;
  const bool done = worker.crowded_peers[peer] != 0 ? enqueue_crowded(queue, mbuf, meta, free)
                                                    : enqueue_to(queue, mbuf, meta, free);
  worker.crowded_peers[peer] = queue.is_crowded(free);
  if (!done) {
    drop(worker, mbuf, DropReason::k_handover_full);
    return false;
  }
  worker.counters.handed_over.add(1);
  return true;
}

inline HandoverMeta handover_of(const rte_mbuf* mbuf) noexcept {
  return std::bit_cast<HandoverMeta>(mbuf->hash);
}

inline constexpr unsigned kMostHandedOver = kMaxBurst / 2;  // that a worker takes at once
using HandedOver = std::array<rte_mbuf*, kMostHandedOver>;

// Takes what other workers handed over, in its order. Returns how many.
inline unsigned take_handed_over(Worker& worker, HandedOver& mbufs) noexcept {
  PeerQueue& queue = worker.peers[worker.id];
  const unsigned n = rte_ring_sc_dequeue_burst(queue.ring, reinterpret_cast<void**>(mbufs.data()),
                                               kMostHandedOver, nullptr);
  for (unsigned i = 0; i < n; ++i) rte_prefetch0(mbufs[i]);  // another processor wrote them
  for (unsigned i = 0; i < n; ++i) {
    const HandoverMeta meta = handover_of(mbufs[i]);
    if (meta.is_counted != 0) [[unlikely]]
      queue.counted[meta.vrf].fetch_sub(1, std::memory_order_relaxed);
  }
  return n;
}

}  // namespace adit

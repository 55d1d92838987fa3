// SPDX-License-Identifier: Apache-2.0
// Packets that one worker hands over to another, and the metadata that says why.
#pragma once

#include <rte_mbuf.h>
#include <rte_ring.h>

#include <bit>
#include <cstring>

#include "worker/persistence_table.h"
#include "worker/worker.h"

namespace adit {

// The worker that owns the connections of this address and port; all workers compute the same one.
inline unsigned owner_of(const Ipv6Key& address, be16 port, size_t workers) noexcept {
  const uint64_t hash = mix64(hash_of(address) + port.raw());
  return static_cast<unsigned>((hash >> 32) * workers >> 32);
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
  VrfId vrf = 0;
  Kind kind = Kind::kPacket;
  uint8_t asker : 7 = 0;
  uint8_t may_fragment : 1 = 0;  // Packet::may_fragment
  PersistenceId chosen = 0;
};
static_assert(sizeof(HandoverMeta) == sizeof(rte_mbuf::hash));

// False: the peer's ring is full, and the packet is dropped.
inline bool pass_on(Worker& worker, rte_mbuf* mbuf, unsigned peer, HandoverMeta meta) noexcept {
  std::memcpy(&mbuf->hash, &meta, sizeof meta);
  if (rte_ring_mp_enqueue(worker.peers[peer], mbuf) != 0) {
    drop(worker, mbuf, DropReason::k_handover_full);
    return false;
  }
  worker.counters.handed_over.add(1);
  return true;
}

inline HandoverMeta handover_meta_of(const rte_mbuf* mbuf) noexcept {
  return std::bit_cast<HandoverMeta>(mbuf->hash);
}

}  // namespace adit

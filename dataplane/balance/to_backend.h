// SPDX-License-Identifier: Apache-2.0
// Balanced packets on their way to the backend, or back to the client: translated, wrapped, or
// sent to another next hop.
#pragma once

#include "packet/destination.h"
#include "packet/flow_reader.h"
#include "rewrite/nat.h"
#include "worker/worker.h"

namespace adit {

// Drops the packet under the reason; the buffer is no longer the caller's.
inline PacketVerdict refuse(Worker& worker, rte_mbuf* mbuf, DropReason reason) noexcept {
  drop(worker, mbuf, reason);
  return PacketVerdict::kConsumed;
}

// Null where the backend is in no service any more.
inline const ServiceBackend* find_backend(const Snapshot& snapshot, BackendId id) noexcept {
  if (id >= snapshot.backend_places.size() || snapshot.backend_places[id] == 0) return nullptr;
  return &snapshot.service_backends[snapshot.backend_places[id] - 1];
}

// Makes the headers of the packet, those that `flow` is about, its own. False: there is no buffer,
// and it is dropped.
bool own_headers(Worker& worker, Packet& packet, const Flow& flow) noexcept;

// To a backend with forwarding direct or by tunnel.
PacketVerdict send_unchanged(Worker& worker, Packet& packet, const Connection& connection) noexcept;

// Of a connection, which the packet came `from`, and counted for its backend.
PacketVerdict forward_to_backend(Worker& worker, Packet& packet, const Flow& flow,
                                 Connection& connection, Direction from) noexcept;

}  // namespace adit

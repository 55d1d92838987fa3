// SPDX-License-Identifier: Apache-2.0
// The beginning of a connection: its service, its backend, its place in the table.
#pragma once

#include "balance/persistence.h"
#include "balance/to_backend.h"
#include "worker/backend_load.h"
#include "worker/balancer.h"
#include "worker/worker.h"

namespace adit {

// Of a connection that is not established: less and less from where a quarter of the table is free.
uint32_t shortened(const Worker& worker, uint32_t seconds) noexcept;

inline const Timeouts& timeouts_of(const Snapshot& snapshot,
                                   const Connection& connection) noexcept {
  if (!connection.has(Connection::kOwnTimeouts)) [[likely]]
    return snapshot.timeouts;
  const ServiceEntry& service = snapshot.services[connection.service];
  return service.own_timeouts == 0 ? snapshot.timeouts
                                   : snapshot.own_timeouts[service.own_timeouts - 1u];
}

// How long the connection lives after a packet. Where the table fills, those that are not
// established live shorter.
inline uint32_t lifetime_s(const Worker& worker, const Connection& connection) noexcept {
  constexpr uint32_t kSettled = states(ConnectionState::kEstablished, ConnectionState::kUdp,
                                       ConnectionState::kSctpEstablished);
  const uint32_t seconds = timeouts_of(*worker.snapshot, connection)[connection.state];
  if (is_in(connection.state, kSettled)) [[likely]]
    return seconds;
  return shortened(worker, seconds);
}

// The connection is about to be erased: it counts for its backend no longer.
inline void uncount(Worker& worker, ConnectionId id, const Connection& connection) noexcept {
  static const ServiceBackend kGone;
  Balancer& balancer = *worker.balancer;
  balancer.shares.remove(id);
  if (connection.has_reverse())
    balancer.forgotten.add(balancer.connections.hash(connection.reverse), worker.now_s);
  const ServiceBackend* backend = find_backend(*worker.snapshot, connection.backend);
  count_erased(balancer.loads[connection.backend], backend != nullptr ? *backend : kGone,
               connection.state);
  if (connection.has(Connection::kControlled)) release(worker, connection.controller);
}

void forget(Worker& worker, ConnectionId id) noexcept;

// Whether the packet may begin a connection.
bool begins(const Flow& flow, const rte_mbuf* mbuf) noexcept;

// The service of a packet to the virtual address that came in by the port: by its mark, or else
// the one that has its protocol and port; or 0.
ServiceId find_service(const Snapshot& snapshot, const RouteTarget& target, const FlowKey& key,
                       PortId in) noexcept;
// The same; 0 also where the destination is not virtual.
ServiceId find_service(const Snapshot& snapshot, const FlowKey& key, PortId in) noexcept;

// kCount: the service may have one more connection of that client now; else why not.
DropReason check_limits(Worker& worker, ServiceId service, const FlowKey& key) noexcept;

// The backend for a new connection; null where none takes it.
const ServiceBackend* pick_backend(Worker& worker, ServiceId service, const FlowKey& key) noexcept;
// The same, or else the sorry server.
const ServiceBackend* schedule(Worker& worker, ServiceId service, const FlowKey& key) noexcept;

// In its first state; full NAT's local address and port are still to be chosen.
Connection make_connection(const FlowKey& forward, ServiceId service,
                           const ServiceBackend& backend) noexcept;

// Takes the connection into the worker's table, and gives it a local address and port first
// where it needs them. kCount: done, and `id` is that of it; else why not.
DropReason keep_connection(Worker& worker, Connection& connection, const ServiceBackend& backend,
                           ConnectionId& id) noexcept;

}  // namespace adit

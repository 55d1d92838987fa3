// SPDX-License-Identifier: Apache-2.0
// The beginning of a connection: its service, its backend, its place in the table.
#pragma once

#include "balancer.h"
#include "worker.h"

namespace adit {

// The worker that has the connections of this end; the same on whatever worker it is asked.
inline unsigned owner_of(const Ipv6Key& address, be16 port, size_t workers) noexcept {
  const uint64_t hash = mix64(hash_of(address) + port.raw());
  return static_cast<unsigned>((hash >> 32) * workers >> 32);
}

// The service of the virtual address that has the key's protocol and port, or 0.
ServiceId find_service(const Snapshot& snapshot, const RouteTarget& target,
                       const FlowKey& key) noexcept;

// The backend for a new connection, or else the sorry server; null where there is none.
const ServiceBackend* schedule(Worker& worker, ServiceId service, const FlowKey& key) noexcept;

// In its first state; full NAT's local address and port are still to be chosen.
Connection make_connection(const FlowKey& forward, ServiceId service,
                           const ServiceBackend& backend) noexcept;

// Takes the connection into the worker's table, and gives it a local address and port first
// where it needs them. kCount: done, and `id` is that of it; else why not.
DropReason keep_connection(Worker& worker, Connection& connection, const ServiceBackend& backend,
                           ConnectionId& id) noexcept;

}  // namespace adit

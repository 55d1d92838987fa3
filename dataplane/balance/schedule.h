// SPDX-License-Identifier: Apache-2.0
// The beginning of a connection: its service, its backend, its place in the table.
#pragma once

#include "balance/persistence.h"
#include "balance/to_backend.h"
#include "worker/worker.h"

namespace adit {

// Whether the packet may begin a connection.
bool begins(const Flow& flow, const rte_mbuf* mbuf) noexcept;

// The service of a packet to the virtual address that came in by the port: by its fwmark, or else
// the one that has its protocol and port; or 0.
ServiceId find_service(const Snapshot& snapshot, const RouteTarget& target, const FlowKey& key,
                       PortId in) noexcept;
// The same; 0 also where the destination is not virtual.
ServiceId find_service(const Snapshot& snapshot, const FlowKey& key, PortId in) noexcept;

// kNone: the service may have one more connection of that client now; else why not.
DropReason check_limits(Worker& worker, ServiceId service, const FlowKey& key) noexcept;

// The backend for a new connection; null where none takes it.
const ServiceBackend* pick_backend(Worker& worker, ServiceId service, const FlowKey& key) noexcept;
// The same, or else the sorry server.
const ServiceBackend* schedule(Worker& worker, ServiceId service, const FlowKey& key) noexcept;

// In its first state; full NAT's local address and port are still to be chosen.
Connection make_connection(const FlowKey& forward, ServiceId service,
                           const ServiceBackend& backend) noexcept;

// Takes the connection into the worker's table, and gives it a local address and port first
// where it needs them. `forward_hash`: the table's hash() of the forward key. kNone: done, and `id`
// is that of it; else why not.
DropReason keep_connection(Worker& worker, Connection& connection, uint64_t forward_hash,
                           ConnectionId& id) noexcept;

}  // namespace adit

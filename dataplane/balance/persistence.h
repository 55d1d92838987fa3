// SPDX-License-Identifier: Apache-2.0
// Persistence: all connections of a client of a persistent service go to one backend.
//
// A client's persistence entry belongs to one worker, the owner, by the client's address alone.
// When a packet begins a connection on another worker, that worker sends the packet to the owner,
// which chooses the backend and sends the packet back. Reasons and cost:
// docs/design/persistence.md.
#pragma once

#include "packet/packet.h"
#include "worker/handover.h"

namespace adit {

// The backend of a new connection.
struct Choice {
  const ServiceBackend* backend = nullptr;  // null: there is none
  PersistenceId controller = 0;             // the entry that named it, and counts the connection
  DropReason why = DropReason::k_no_backend;
};

// The worker that owns the client's persistence entry; all workers compute the same one.
unsigned owner_of_client(const Worker& worker, const ServiceEntry& service,
                         const FlowKey& key) noexcept;

// On the owner: takes the backend from the client's entry, or from the scheduler for a new entry.
Choice choose(Worker& worker, ServiceId service, const FlowKey& key) noexcept;

// Uncounts a connection that has ended or was never made. 0: does nothing.
void release(Worker& worker, PersistenceId id) noexcept;

// Drops a packet whose connection gets no backend, and sends an ICMP error if there is none at all.
void refuse_new(Worker& worker, Packet& packet, DropReason why) noexcept;

// On the owner: sends a packet that came with HandoverMeta::Kind::kResolve back with its backend,
// or drops it.
void answer_resolve(Worker& worker, Packet& packet, const HandoverMeta& question) noexcept;

// On the worker that asked: the backend that the answer names. Null: the configuration has changed
// since, and the service does not have that backend any more.
const ServiceBackend* resolved_backend(const Worker& worker, const HandoverMeta& resolved,
                                       ServiceId service) noexcept;

}  // namespace adit

// SPDX-License-Identifier: Apache-2.0
// Persistence: the connections of a client of such a service go to one backend.
//
// A client's template belongs to one worker, its keeper, by the client's address alone. A worker in
// whose table a packet begins a connection sends the packet to the keeper, which chooses the
// backend and sends it back. Why so, and what it costs: docs/design/persistence.md.
#pragma once

#include "packet/packet.h"
#include "worker/handover.h"

namespace adit {

// The backend of a new connection.
struct Choice {
  const ServiceBackend* backend = nullptr;  // null: there is none
  TemplateId controller = 0;                // by which it was chosen; it counts the connection
  DropReason why = DropReason::k_no_backend;
};

// The worker that has the client's template; the same on whatever worker it is asked.
unsigned owner_of_client(const Worker& worker, const ServiceEntry& service,
                         const FlowKey& key) noexcept;

// For the keeper: by the client's template, or a new one that the scheduler is asked for.
Choice choose(Worker& worker, ServiceId service, const FlowKey& key) noexcept;

// The connection that was counted has ended, or never came about. 0: nothing.
void release(Worker& worker, TemplateId id) noexcept;

// Drops a packet whose connection gets no backend, and tells its sender where that helps.
void refuse_new(Worker& worker, Packet& packet, DropReason why) noexcept;

// For the keeper: a packet that came with HandoverMeta::Kind::kAsk goes back, or is dropped.
void answer_ask(Worker& worker, Packet& packet, const HandoverMeta& ask) noexcept;

// For who asked: the backend that the answer names, of that service. Null where it is there no
// more: there is another configuration now.
const ServiceBackend* resolved_backend(const Worker& worker, const HandoverMeta& told,
                                       ServiceId service) noexcept;

}  // namespace adit

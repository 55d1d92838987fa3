// SPDX-License-Identifier: Apache-2.0
// Persistence: the connections of a client of such a service go to one backend.
//
// Connections belong to workers by the client's address and port, so those of one client are many
// workers'. Its template is that of one, by the address alone: a worker in whose table a packet
// begins a connection sends it to the keeper of the template, which chooses and sends it back. So
// there is one place where a client's backend is decided, without a lock, and who has a connection
// does not depend on whether its service is persistent: replies and full NAT's local ports need not
// know, and a reload moves no connection. It costs the first packet two rings, and the others
// nothing; of a burst of UDP, what comes after the first meanwhile may overtake it.
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
unsigned keeper_of(const Worker& worker, const ServiceEntry& service, const FlowKey& key) noexcept;

// For the keeper: by the client's template, or a new one that the scheduler is asked for.
Choice choose(Worker& worker, ServiceId service, const FlowKey& key) noexcept;

// The connection that was counted has ended, or never came about. 0: nothing.
void release(Worker& worker, TemplateId id) noexcept;

// Drops a packet whose connection gets no backend, and tells its sender where that helps.
void refuse_new(Worker& worker, Packet& packet, DropReason why) noexcept;

// For the keeper: a packet that came with Errand::Kind::kAsk goes back, or is dropped.
void answer_ask(Worker& worker, Packet& packet, const Errand& ask) noexcept;

// For who asked: the backend that the answer names, of that service. Null where it is there no
// more: there is another configuration now.
const ServiceBackend* told_backend(const Worker& worker, const Errand& told,
                                   ServiceId service) noexcept;

}  // namespace adit

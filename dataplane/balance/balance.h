// SPDX-License-Identifier: Apache-2.0
// Load balancing: packets that belong to connections, or begin them, go to their backends, and
// what comes back goes to the clients.
#pragma once

#include "worker/worker.h"

namespace adit {

// Takes out of the list what is dropped or answered, what another worker's connections concern, and
// fragments, which wait in the outbox to be put together. What remains there is to be routed,
// changed or not.
void balance(Worker& worker, PacketList& routed) noexcept;

// A packet of a service's connection, or an ICMP error about one (ConnectionOps::on_packet).
// balance() itself goes there without a look at the table of owners.
PacketVerdict serve_connection(Worker& worker, Packet& packet, const Flow& flow, ConnectionId id,
                               Direction from) noexcept;

}  // namespace adit

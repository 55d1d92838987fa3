// SPDX-License-Identifier: Apache-2.0
// Packets that begin a connection of a service: its limits, the backend that persistence or the
// scheduler chooses, and the entry in the table.
#pragma once

#include "worker/handover.h"

namespace adit {

inline bool has_ended(const Connection& connection) noexcept {
  return is_in(connection.state, kEndedStates | kSctpEndedStates);
}

// A packet to the service that matches no connection. `hash`: the table's, of the flow's key.
PacketVerdict begin_connection(Worker& worker, Packet& packet, const Flow& flow, uint64_t hash,
                               ServiceId id) noexcept;

// Goes on when the worker that owns the client's persistence entry has answered with the backend.
void resume(Worker& worker, Packet& packet, const HandoverMeta& resolved) noexcept;

}  // namespace adit

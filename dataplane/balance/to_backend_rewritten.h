// SPDX-License-Identifier: Apache-2.0
// Balanced packets of which more than addresses and ports changes: where the backend is of the
// other IP version (translate_family.h), or is told of its client (announce.h).
#pragma once

#include "balance/to_backend.h"

namespace adit {

// Connection::flags of theirs.
inline constexpr uint8_t kChangesPackets = Connection::kOtherVersion | Connection::kAnnounces;

// What send_on() is for the others.
[[gnu::cold, gnu::noinline]] Fate send_changed(Worker& worker, Packet& packet, const Flow& flow,
                                               Connection& connection, Direction from) noexcept;

// Such a packet, now that of `flow`, becomes again what came `from` there, between both ends of
// `to`. False where that is nothing to tell anybody of.
[[gnu::cold, gnu::noinline]] bool take_back_changed(Worker& worker, Packet& packet,
                                                    const Flow& flow, const Connection& connection,
                                                    Direction from, const Translation& to) noexcept;

}  // namespace adit

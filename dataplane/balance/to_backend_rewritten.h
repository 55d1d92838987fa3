// SPDX-License-Identifier: Apache-2.0
// Balanced packets of which more than addresses and ports changes: where the backend is of the
// other IP version (translate_family.h), or is told of its client (announce.h).
#pragma once

#include "balance/to_backend.h"

namespace adit {

// What send_on() is for the others.
[[gnu::cold, gnu::noinline]] Fate send_changed(Worker& worker, Packet& packet, const Flow& flow,
                                               Connection& connection, Direction from) noexcept;

}  // namespace adit

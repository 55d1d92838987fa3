// SPDX-License-Identifier: Apache-2.0
// Packets to backends that need more than new addresses and ports: the backend is of the other IP
// version (translate_family.h), or is sent its client's address (client_info.h).
#pragma once

#include "balance/to_backend.h"

namespace adit {

// What forward_to_backend() is for the others.
[[gnu::cold, gnu::noinline]] PacketVerdict forward_rewritten(Worker& worker, Packet& packet,
                                                             const Flow& flow,
                                                             Connection& connection,
                                                             Direction from) noexcept;

}  // namespace adit

// SPDX-License-Identifier: Apache-2.0
// IPv6 packets of at most 1280 bytes for tunnels whose path MTU leaves less than that. Senders need
// not send smaller ones (RFC 8201 section 4), so the outer packets are fragmented.
#pragma once

#include "worker/worker.h"

namespace adit {

// Encapsulates what goes to Packet::out, a remote or tunnel whose kind puts no frame in pieces, and
// sends it: over IPv4 without DF (RFC 4213 section 3.2.2), for routers on the way to fragment; over
// IPv6 in fragments that fit the path. describe() was called.
[[gnu::cold, gnu::noinline]] void send_past_path(Worker& worker, Packet& packet) noexcept;

}  // namespace adit

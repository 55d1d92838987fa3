// SPDX-License-Identifier: Apache-2.0
// Verification tags of an SCTP association (RFC 9260 section 8.5): the packets of each end carry a
// tag that the other end chose, which off-path attackers do not know. Connection::next has the tag
// of the client's packets, [0], and of the backend's, [1]; 0: none was seen yet. Chunks that end an
// association need the right tag; otherwise they are forwarded without effect on the state.
#pragma once

#include "connection/connection.h"

namespace adit {

// The state after a packet; its tag is noted. `l4`: contiguous bytes from the SCTP header on, `len`
// of them.
ConnectionState follow_sctp(Connection& connection, Direction from, const uint8_t* l4,
                            unsigned len) noexcept;

}  // namespace adit

// SPDX-License-Identifier: Apache-2.0
// What the verification tags of an SCTP association tell (RFC 9260 section 8.5): each end's packets
// carry a tag that the other end chose, which nobody off the path knows. Connection::next has that
// of the client's packets, [0], and of the backend's, [1]; 0: none was seen yet. What ends an
// association has to carry it, anything else is passed on and ends nothing here.
#pragma once

#include "connection/connection.h"

namespace adit {

// The state after a packet; its tag is noted. `l4`: contiguous bytes from the SCTP header on, `len`
// of them.
ConnectionState follow_sctp(Connection& connection, Direction from, const uint8_t* l4,
                            unsigned len) noexcept;

}  // namespace adit

// SPDX-License-Identifier: Apache-2.0
// Connections whose backends are told of their clients (client_address.h): what each packet has to
// do with it, and what Connection::announcement remembers. Only what the server has answered
// is announced to it, so that sequence numbers are those of this connection.
#pragma once

#include "balance/to_backend.h"

namespace adit {

// For a new connection that `flow`, TCP of kind kFlow, begins. What begins in its midst has no
// place for an announcement.
void begin_announcement(Connection& connection, ClientAddress how, const Flow& flow) noexcept;

// A packet of the server, or an ICMP error about one of the client, as it came; its headers may be
// written. kNone, or the reason to drop it for.
DropReason take_answer(rte_mbuf* mbuf, const Flow& flow, Announcement& announcement) noexcept;

// A packet of the client, as it goes to the server: `flow` is that. kConsumed: it was dropped.
PacketVerdict announce(Worker& worker, Packet& packet, Flow flow, Connection& connection) noexcept;

}  // namespace adit

// SPDX-License-Identifier: Apache-2.0
// Sends backends the client's address, by TOA or the PROXY protocol (client_address.h): per packet,
// with the state in Connection::client_info. It is sent only after the server has answered the SYN,
// because until then the sequence numbers could be those of another connection.
#pragma once

#include "balance/to_backend.h"

namespace adit {

// For a new connection that `flow`, TCP of kind kFlow, begins. Does nothing for a connection that
// is taken over without its SYN: its backend has read past the place already.
void begin_client_info(Connection& connection, ClientAddress how, const Flow& flow) noexcept;

// The client's SYN: `behind` is the number after it, `is_open` whether the connection, whose state
// has followed it, stays what it was.
void note_syn(uint32_t behind, bool is_open, ClientInfo& info) noexcept;

// Takes a packet of the server, or an ICMP error about one of the client, before translation; its
// headers are writable. Returns kNone, or the reason to drop it.
DropReason take_answer(rte_mbuf* mbuf, const Flow& flow, ClientInfo& info) noexcept;

// Takes a packet of the client after translation; `flow` describes it as translated. kConsumed: it
// was dropped.
PacketVerdict send_client_info(Worker& worker, Packet& packet, Flow flow,
                               Connection& connection) noexcept;

}  // namespace adit

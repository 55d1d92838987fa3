// SPDX-License-Identifier: Apache-2.0
// What the sequence numbers of a TCP connection tell: whether a RST or FIN is of the connection
// (RFC 5961), and whether a connection goes on that was taken for closed (RFC 6146
// section 3.5.2.2). Of each end one number is kept, that behind what it has sent: a RST comes with
// that number, or with one that the other end has acknowledged a moment ago.
#pragma once

#include "connection/connection.h"
#include "connection/protocol_state.h"
#include "packet/flow_reader.h"
#include "packet/packet.h"

namespace adit {

namespace tcp_numbers {

// How far ahead of what was seen a sender may be, where packets are lost before they come here.
inline constexpr uint32_t kAhead = 1u << 20;

// `end`: the number behind the segment that `side` has sent, `ack` what it acknowledges.
inline void note(Connection& connection, unsigned side, uint32_t end, uint32_t ack) noexcept {
  // Its own word counts for a short way ahead: it may be somebody else's.
  if (end - connection.next[side] - 1 < kAhead) connection.next[side] = end;
  // The other end's acknowledgment counts, unless it is late.
  uint32_t& other = connection.next[side ^ 1];
  if (other - ack >= kAhead) other = ack;
}

}  // namespace tcp_numbers

// For all but plain segments of an established connection.
ConnectionState follow_unusual(Connection& connection, Direction from, const Flow& flow,
                               const TcpHeader& tcp) noexcept;

// The state after the segment; its numbers are noted.
inline ConnectionState follow_tcp(Connection& connection, Direction from, const Flow& flow,
                                  const rte_mbuf* mbuf) noexcept {
  const auto& tcp = *rte_pktmbuf_mtod_offset(mbuf, const TcpHeader*, flow.packet.l4);
  const bool plain = (flow.l4_type & (kTcpSyn | kTcpFin | kTcpRst | kTcpAck)) == kTcpAck &&
                     connection.state == ConnectionState::kEstablished &&
                     !connection.has(Connection::kAnnounces);
  if (!plain) [[unlikely]]
    return follow_unusual(connection, from, flow, tcp);
  tcp_numbers::note(connection, from == Direction::kFromBackend,
                    tcp.sequence.host() + flow.payload_len, tcp.acknowledgment.host());
  return ConnectionState::kEstablished;
}

}  // namespace adit

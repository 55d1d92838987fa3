// SPDX-License-Identifier: Apache-2.0
// What the sequence numbers of a TCP connection tell: whether a RST or FIN is of the connection
// (RFC 5961), and whether a connection goes on that was taken for closed (RFC 6146
// section 3.5.2.2). Of each end two numbers are kept: that behind what it has sent, and what the
// other end acknowledged last. A kernel sends a RST with one of them: the first where it gives its
// socket up, the second where it has none and answers a segment. Any other RST is passed on: if it
// is true, the receiver's challenge ACK brings the right one; so it does not end anything here.
//
// Where the client's half alone is seen, its number is its own word. A SYN within an open
// connection may be of a new one, which the backend, that has forgotten the old one, accepts; or a
// forgery. The numbers behind it are followed as soon as the client goes on with them, the former
// ones are kept beside for a while, and win again when they are heard again.
#pragma once

#include "connection/connection.h"
#include "connection/protocol_state.h"
#include "packet/flow_reader.h"
#include "packet/packet.h"

namespace adit {

namespace tcp_numbers {

// How far ahead of what was seen a sender may be, where packets are lost before they come here: a
// window without scaling. A stream that is further ahead is followed by the other end's
// acknowledgments.
inline constexpr uint32_t kAhead = 1u << 16;
// How far behind what was sent an acknowledgment may be: long and fast ways have large windows.
inline constexpr uint32_t kLate = 1u << 26;

// A segment that goes on where its sender was. `end`: the number behind it, `ack` what it
// acknowledges. False: it does not fit, and nothing is noted.
inline bool note_plain(Connection& connection, unsigned side, uint32_t end, uint32_t ack) noexcept {
  uint32_t& own = connection.next[side];
  uint32_t& other = connection.next[side ^ 1];
  if (end - own >= kAhead) [[unlikely]]
    return false;
  const bool is_late = other - ack < kLate;
  if (connection.has(Connection::kInputOnly)) {
    if (!is_late) other = ack;
  } else {
    // What nobody has sent cannot be acknowledged.
    if (!is_late) [[unlikely]]
      return false;
    uint32_t& acked = connection.acked[side ^ 1];
    if (acked != ack) acked = ack;
  }
  own = end;
  return true;
}

}  // namespace tcp_numbers

// For all but plain segments of an established connection.
ConnectionState follow_unusual(Connection& connection, Direction from, const Flow& flow,
                               const TcpHeader& tcp, uint32_t now_s) noexcept;

// The state after the segment; its numbers are noted.
inline ConnectionState follow_tcp(Connection& connection, Direction from, const Flow& flow,
                                  const rte_mbuf* mbuf, uint32_t now_s) noexcept {
  constexpr uint8_t kUnusual = Connection::kSendsClientInfo | Connection::kTwoStreams;
  const auto& tcp = *rte_pktmbuf_mtod_offset(mbuf, const TcpHeader*, flow.packet.l4);
  const bool plain = (flow.l4_type & (kTcpSyn | kTcpFin | kTcpRst | kTcpAck)) == kTcpAck &&
                     connection.state == ConnectionState::kEstablished && !connection.has(kUnusual);
  if (!plain || !tcp_numbers::note_plain(connection, from == Direction::kFromBackend,
                                         tcp.sequence.host() + flow.payload_len,
                                         tcp.acknowledgment.host())) [[unlikely]]
    return follow_unusual(connection, from, flow, tcp, now_s);
  return ConnectionState::kEstablished;
}

}  // namespace adit

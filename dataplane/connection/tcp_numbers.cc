// SPDX-License-Identifier: Apache-2.0
#include "connection/tcp_numbers.h"

namespace adit {
namespace {

using enum ConnectionState;
using tcp_numbers::kAhead;

// How far a RST may be behind what its sender has sent: it answers a segment of the other end, and
// has the number that this one acknowledged.
constexpr uint32_t kResetBehind = 1u << 14;

struct Segment {
  unsigned side;  // 1: of the backend
  TcpEvent event;
  bool has_ack;
  uint32_t first, end, ack, payload_len;
};

// The numbers as the client knows them: the PROXY protocol's header is not of its stream.
Segment read_segment(const Connection& connection, Direction from, const Flow& flow,
                     const TcpHeader& tcp) noexcept {
  const bool backend = from == Direction::kFromBackend;
  Segment segment{.side = backend,
                  .event = tcp_event(flow.l4_type),
                  .has_ack = (flow.l4_type & kTcpAck) != 0,
                  .first = tcp.sequence.host(),
                  .end = tcp.sequence.host() + flow.payload_len,
                  .ack = tcp.acknowledgment.host(),
                  .payload_len = flow.payload_len};
  if (backend && connection.has(Connection::kAnnounces))
    segment.ack -= connection.announcement.shift;
  // RFC 9293 section 3.4: SYN and FIN take a number each.
  if (segment.event == TcpEvent::kSyn || segment.event == TcpEvent::kFin) ++segment.end;
  return segment;
}

bool is_near(uint32_t a, uint32_t b, uint32_t distance) noexcept {
  return a - b + distance <= 2 * distance;
}

bool is_opening(ConnectionState state) noexcept {
  return state == kSynSent || state == kSynRecv || state == kSynAck;
}

// RFC 5961 section 3.2 asks for the very number that is expected; section 3.5.2 of RFC 9293 for the
// acknowledgment of the SYN where the other end has said nothing else yet.
bool is_believed_reset(const Connection& connection, const Segment& segment) noexcept {
  if (connection.next[segment.side] - segment.first <= kResetBehind) return true;
  return is_opening(connection.state) && segment.has_ack &&
         connection.next[segment.side ^ 1] - segment.ack <= kResetBehind;
}

// What ends or opens a connection has to fit what was seen of it; nothing else needs to.
bool is_believed(const Connection& connection, const Segment& segment) noexcept {
  if (connection.state == kNone) return true;
  switch (segment.event) {
    case TcpEvent::kRst:
      return is_believed_reset(connection, segment);
    case TcpEvent::kFin:
      return is_opening(connection.state) ||
             is_near(segment.first, connection.next[segment.side], kAhead);
    case TcpEvent::kAck: {
      // Who has not received the backend's SYN does not know its number. 0: nor do we.
      const uint32_t expected = connection.next[1];
      return connection.state != kSynRecv || segment.side != 0 || expected == 0 ||
             is_near(segment.ack, expected, kResetBehind);
    }
    default:
      return true;
  }
}

// Who has closed sends nothing new. After a RST a number that was never acknowledged before is
// enough; what the other end had sent before it heard of the RST is not.
bool goes_on(const Connection& connection, const Segment& segment) noexcept {
  if (segment.event != TcpEvent::kAck) return false;
  // 0: nothing was seen.
  const uint32_t own = connection.next[segment.side], other = connection.next[segment.side ^ 1];
  const bool of_backend = segment.side != 0;
  const bool is_new = own != 0 && segment.payload_len != 0 && segment.end - own - 1 < kAhead;
  const bool acknowledges = other != 0 && segment.ack - other - 1 < kAhead;
  switch (connection.state) {
    case kClose:
      return of_backend == connection.has(Connection::kResetByBackend) && (is_new || acknowledges);
    case kTimeWait:
      return is_new;
    case kCloseWait:
      return is_new && !of_backend;
    case kFinWait:
      return is_new && (of_backend || connection.has(Connection::kInputOnly));
    default:
      return false;
  }
}

void note_numbers(Connection& connection, const Segment& segment) noexcept {
  if (segment.event == TcpEvent::kRst) return;
  const ConnectionState state = connection.state;
  // What the other end sends behind a RST is not noted until it is acknowledged: see goes_on().
  if (state == kClose && segment.event == TcpEvent::kAck &&
      (segment.side != 0) != connection.has(Connection::kResetByBackend))
    return;
  // A SYN within an open connection tells nothing of it.
  if (segment.event == TcpEvent::kSyn && (state == kEstablished || state == kSynAck)) return;
  const bool syn = segment.event == TcpEvent::kSyn && (segment.side == 0 || is_opening(state));
  const bool begins =
      syn || state == kNone || (state == kSynRecv && connection.has(Connection::kInputOnly));
  if (begins) connection.next[segment.side] = segment.end;
  const uint32_t before = connection.next[segment.side ^ 1];
  tcp_numbers::note(connection, segment.side, segment.end, segment.ack);
  if (!segment.has_ack) connection.next[segment.side ^ 1] = before;
}

}  // namespace

ConnectionState follow_unusual(Connection& connection, Direction from, const Flow& flow,
                               const TcpHeader& tcp) noexcept {
  const Segment segment = read_segment(connection, from, flow, tcp);
  if (!is_believed(connection, segment)) return connection.state;
  const bool open_again = goes_on(connection, segment);
  note_numbers(connection, segment);
  if (open_again) return kEstablished;
  const ConnectionState state = next_tcp_state(TcpMode::kNormal, state_direction(connection, from),
                                               segment.event, connection.state);
  if (segment.event == TcpEvent::kRst) {
    connection.flags &= static_cast<uint8_t>(~Connection::kResetByBackend);
    if (segment.side != 0) connection.flags |= Connection::kResetByBackend;
  }
  return state;
}

}  // namespace adit

// SPDX-License-Identifier: Apache-2.0
#include "connection/tcp_numbers.h"

#include <utility>

#include "connection/lowered_number.h"

namespace adit {
namespace {

using enum ConnectionState;
using tcp_numbers::kAhead;
using tcp_numbers::kLate;

// How far an acknowledgment may be behind an end's number while a connection opens.
constexpr uint32_t kNear = 1u << 14;
// This many acknowledgments of new data below the FIN's number are not reordering: the FIN was
// forged.
constexpr uint8_t kDoubts = 4;
// How long a second stream of numbers is remembered.
constexpr uint32_t kTwoStreamsFor_s = 60;

struct Segment {
  unsigned side;  // 1: of the backend
  TcpEvent event;
  bool has_ack;
  uint32_t first, end, ack, payload_len;
};

// The client's own numbers: the PROXY protocol header is not part of its stream.
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
  if (backend && connection.has(Connection::kSendsClientInfo) && segment.event != TcpEvent::kSyn) {
    const ClientInfo& info = connection.client_info;
    segment.ack = lowered_number(segment.ack, info.floor(segment.ack), info.shift());
  }
  // RFC 9293 section 3.4: SYN and FIN take one sequence number each.
  if (segment.event == TcpEvent::kSyn || segment.event == TcpEvent::kFin) ++segment.end;
  return segment;
}

bool is_near(uint32_t a, uint32_t b, uint32_t distance) noexcept {
  return a - b + distance <= 2 * distance;
}

bool is_opening(ConnectionState state) noexcept {
  return state == kSynSent || state == kSynRecv || state == kSynAck;
}

// For connections whose two directions are both seen.
bool keeps_acked(const Connection& connection) noexcept {
  return !connection.has(Connection::kInputOnly);
}

// Of the numbers of `side`.
uint32_t acked_of(const Connection& connection, unsigned side) noexcept {
  return connection.has(Connection::kSendsClientInfo) ? connection.client_info.acked[side]
                                                      : connection.acked[side];
}

void note_acked(Connection& connection, unsigned side, uint32_t ack) noexcept {
  if (!connection.has(Connection::kSendsClientInfo)) {
    connection.acked[side] = ack;
    return;
  }
  ClientInfo& info = connection.client_info;
  // Until then it is the first byte's, which balance/client_info.h notes.
  if (info.acknowledged != 0 || side != info.side_of_first()) info.acked[side] = ack;
}

// A RST is valid with exactly the expected number (RFC 5961 section 3.2), or, while the connection
// opens, with an acknowledgment of the SYN (RFC 9293 section 3.5.2).
bool is_believed_reset(const Connection& connection, const Segment& segment) noexcept {
  const uint32_t next = connection.next[segment.side];
  if (next != 0 && segment.first == next) return true;
  if (keeps_acked(connection)) {
    // While nothing is acknowledged, the SYN's own number is as good.
    const uint32_t acked = acked_of(connection, segment.side);
    if (next != 0 && segment.first == (acked != 0 ? acked : next - 1)) return true;
  }
  return is_opening(connection.state) && segment.has_ack &&
         connection.next[segment.side ^ 1] - segment.ack <= kNear;
}

// RFC 5961 section 5.2: the acknowledgment has to be of this connection too.
bool is_believed_fin(const Connection& connection, const Segment& segment) noexcept {
  const uint32_t own = connection.next[segment.side], other = connection.next[segment.side ^ 1];
  const bool opens = is_opening(connection.state);
  if (!(opens && own == 0) && !is_near(segment.first, own, kAhead)) return false;
  return connection.has(Connection::kInputOnly) || !segment.has_ack || other == 0 ||
         is_near(segment.ack, other, opens ? kNear : kLate);
}

// While a client opens: without the backend's SYN a sender does not know its number, and segments
// of the backend's former connection do not acknowledge the client's SYN. 0: not known.
bool is_believed_ack(const Connection& connection, const Segment& segment) noexcept {
  const uint32_t expected = connection.next[segment.side ^ 1];
  return connection.state != kSynRecv || expected == 0 || connection.has(Connection::kInputOnly) ||
         is_near(segment.ack, expected, kNear);
}

// Only segments that open or end a connection have to match the numbers seen so far.
bool is_believed(const Connection& connection, const Segment& segment) noexcept {
  if (connection.state == kNone) return true;
  switch (segment.event) {
    case TcpEvent::kRst:
      return is_believed_reset(connection, segment);
    case TcpEvent::kFin:
      return is_believed_fin(connection, segment);
    case TcpEvent::kAck:
      return is_believed_ack(connection, segment);
    case TcpEvent::kSyn:
      // One that acknowledges another opens nothing.
      return !segment.has_ack || !is_in(connection.state, kClosingStates);
    default:
      return true;
  }
}

bool has_closed(const Connection& connection, unsigned side) noexcept {
  switch (connection.state) {
    case kTimeWait:
      return true;
    case kCloseWait:
      return side == 0;
    case kFinWait:
      return side != 0 || connection.has(Connection::kInputOnly);
    default:
      return false;
  }
}

// An end that has sent its FIN sends acknowledgments with the number behind it. One with a lower
// number was reordered, or the FIN was forged.
bool contradicts_fin(Connection& connection, const Segment& segment) noexcept {
  if (segment.payload_len != 0) return false;
  const uint32_t before = connection.has(Connection::kInputOnly)
                              ? connection.next[segment.side ^ 1]
                              : acked_of(connection, segment.side ^ 1);
  if (before == 0 || segment.ack - before - 1 >= kLate ||
      connection.next[segment.side] - segment.end - 1 >= kLate || ++connection.doubts < kDoubts)
    return false;
  connection.next[segment.side] = segment.end;
  return true;
}

// An end that has closed sends no new data. After a RST, an acknowledgment of a new number shows
// that the connection continues; data that the other end sent before it received the RST does not.
bool goes_on(Connection& connection, const Segment& segment) noexcept {
  if (segment.event != TcpEvent::kAck) return false;
  // 0: nothing was seen.
  const uint32_t own = connection.next[segment.side], other = connection.next[segment.side ^ 1];
  const bool is_new = own != 0 && segment.payload_len != 0 && segment.end - own - 1 < kLate;
  if (connection.state == kClose) {
    const bool acknowledges = other != 0 && segment.ack - other - 1 < kLate;
    return (segment.side != 0) == connection.has(Connection::kResetByBackend) &&
           (is_new || acknowledges);
  }
  return has_closed(connection, segment.side) && (is_new || contradicts_fin(connection, segment));
}

void begin_numbers(Connection& connection, const Segment& segment) noexcept {
  // What the backend sent before did not answer this SYN.
  if (segment.side == 0 && segment.event == TcpEvent::kSyn && connection.next[0] != segment.end &&
      !segment.has_ack)
    connection.next[1] = 0;
  connection.next[segment.side] = segment.end;
  connection.flags &= static_cast<uint8_t>(~Connection::kTwoStreams);
  connection.doubts = 0;
  if (!keeps_acked(connection)) return;
  note_acked(connection, segment.side, 0);
  if (segment.side == 0) note_acked(connection, 1, 0);
}

void note_acknowledgment(Connection& connection, const Segment& segment) noexcept {
  connection.next[segment.side ^ 1] = segment.ack;
  if (keeps_acked(connection)) note_acked(connection, segment.side ^ 1, segment.ack);
}

// RFC 9293 section 3.10.7.4: a SYN within an open connection does not change it. But a backend that
// answers one has lost the open connection, and uses the numbers of a new one.
void note_syn_within(Connection& connection, const Segment& segment) noexcept {
  if (segment.side == 0 || !segment.has_ack || connection.next[1] - segment.end < kLate) return;
  begin_numbers(connection, segment);
  note_acknowledgment(connection, segment);
}

void note_numbers(Connection& connection, const Segment& segment) noexcept {
  if (segment.event == TcpEvent::kRst) return;
  const ConnectionState state = connection.state;
  // Data behind a RST is not noted until it is acknowledged: see goes_on().
  if (state == kClose && segment.event == TcpEvent::kAck &&
      (segment.side != 0) != connection.has(Connection::kResetByBackend))
    return;
  const bool input_only = connection.has(Connection::kInputOnly);
  const bool is_syn = segment.event == TcpEvent::kSyn;
  if (is_syn && (state == kEstablished || state == kSynAck)) {
    if (!input_only) note_syn_within(connection, segment);
    return;
  }
  const bool begins = (is_syn && (segment.side == 0 || is_opening(state))) || state == kNone ||
                      (state == kSynRecv && input_only);
  if (begins) begin_numbers(connection, segment);
  uint32_t& own = connection.next[segment.side];
  // What the backend acknowledges, the client has sent. A client's acknowledgment counts if its
  // sequence number fits too (RFC 5961 section 5.2).
  bool is_own = begins || segment.event != TcpEvent::kOther;
  if (segment.has_ack) {
    const uint32_t other = connection.next[segment.side ^ 1];
    const bool is_late = other - segment.ack < kLate;
    if (is_late && !input_only) {
      note_acked(connection, segment.side ^ 1, segment.ack);
    } else if (!is_late) {
      is_own = segment.side != 0 || other == 0 || input_only || begins ||
               is_near(segment.first, own, kAhead);
      if (is_own) note_acknowledgment(connection, segment);
    }
  }
  if (is_own && (own == 0 || segment.end - own < kAhead)) own = segment.end;
}

void change_streams(Connection& connection, uint32_t now_s) noexcept {
  OtherStream& other = connection.other_stream;
  std::swap(connection.next[0], other.next);
  other.is_former = !other.is_former;
  other.sent_data = false;
  other.since_s = now_s;
}

void remember_stream(Connection& connection, uint32_t next, uint32_t now_s) noexcept {
  connection.flags |= Connection::kTwoStreams;
  connection.other_stream = {next, now_s, false, false};
}

// The client's segment where its half alone is seen: Connection::next becomes that of the stream
// which it is of. True: of one that was taken for a former connection's.
bool choose_stream(Connection& connection, const Segment& segment, uint32_t now_s) noexcept {
  if (connection.state == kNone || is_opening(connection.state)) return false;
  OtherStream& other = connection.other_stream;
  const bool two = connection.has(Connection::kTwoStreams);
  const bool has_former = two && other.is_former;
  const uint32_t own = connection.next[0];
  if (segment.event == TcpEvent::kSyn) {
    const bool is_repeated = has_former && own - segment.end < kAhead;
    if (connection.state == kEstablished && !is_repeated)
      remember_stream(connection, segment.end, now_s);
    return false;
  }
  if (segment.event == TcpEvent::kRst) {
    if (has_former && segment.first == other.next) change_streams(connection, now_s);
    return false;
  }
  const bool follows = two && !has_former && segment.first == other.next;
  if (!follows && (segment.end - own < kAhead || own - segment.first < kLate)) {
    if (segment.payload_len != 0) other.sent_data |= has_former;
    if (two && now_s - other.since_s >= kTwoStreamsFor_s)
      connection.flags &= static_cast<uint8_t>(~Connection::kTwoStreams);
    return false;
  }
  if (follows || (two && is_near(segment.first, other.next, kAhead))) {
    change_streams(connection, now_s);
    return has_former && segment.event == TcpEvent::kAck;
  }
  // Preceding segments were lost before they came here, or this one is spoofed.
  if (segment.event == TcpEvent::kAck && connection.state == kEstablished)
    remember_stream(connection, segment.end, now_s);
  return false;
}

// After a RST that was accepted. If it is the only segment of its stream it may be forged, so the
// connection with the earlier numbers gets time to continue.
ConnectionState reset_state(Connection& connection, const Segment& segment) noexcept {
  connection.flags &= static_cast<uint8_t>(~Connection::kResetByBackend);
  if (segment.side != 0) connection.flags |= Connection::kResetByBackend;
  const bool is_doubtful = connection.has(Connection::kTwoStreams) &&
                           connection.other_stream.is_former && !connection.other_stream.sent_data;
  return is_doubtful ? kFinWait : kClose;
}

}  // namespace

ConnectionState follow_unusual(Connection& connection, Direction from, const Flow& flow,
                               const TcpHeader& tcp, uint32_t now_s) noexcept {
  const Segment segment = read_segment(connection, from, flow, tcp);
  const bool comes_back = connection.has(Connection::kInputOnly) && segment.side == 0 &&
                          choose_stream(connection, segment, now_s);
  if (!is_believed(connection, segment)) return connection.state;
  const bool open_again =
      is_in(connection.state, kClosingStates) && (comes_back || goes_on(connection, segment));
  note_numbers(connection, segment);
  if (open_again) {
    connection.doubts = 0;
    return kEstablished;
  }
  if (segment.event == TcpEvent::kRst) return reset_state(connection, segment);
  return next_tcp_state(TcpMode::kNormal, state_direction(connection, from), segment.event,
                        connection.state);
}

}  // namespace adit

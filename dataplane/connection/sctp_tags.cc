// SPDX-License-Identifier: Apache-2.0
#include "connection/sctp_tags.h"

#include "connection/protocol_state.h"

namespace adit {
namespace {

struct Tagged {
  unsigned side;  // 1: of the backend
  SctpEvent event;
  uint32_t tag;
};

bool is_open(ConnectionState state) noexcept {
  return !is_in(state, kYoungStates | kSctpEndedStates);
}

bool ends_something(SctpEvent event) noexcept {
  switch (event) {
    case SctpEvent::kShutdown:
    case SctpEvent::kShutdownAck:
    case SctpEvent::kShutdownComplete:
    case SctpEvent::kAbort:
      return true;
    default:
      return false;
  }
}

// Section 8.5.1: an end without an association replies with the tag of the packet.
bool is_believed(const Connection& connection, const Tagged& packet) noexcept {
  if (!is_open(connection.state) || !ends_something(packet.event)) return true;
  const uint32_t own = connection.next[packet.side];
  if (own == 0 || packet.tag == own) return true;
  const bool may_reflect =
      packet.event == SctpEvent::kAbort || packet.event == SctpEvent::kShutdownComplete;
  return may_reflect && packet.tag == connection.next[packet.side ^ 1];
}

// Section 5.2: an end that restarts has new tags. They count when the other end has accepted its
// cookie; where that is not seen, when data comes with them. `acked`: of the last cookie's packet.
void note_open(Connection& connection, const Tagged& packet) noexcept {
  uint32_t& own = connection.next[packet.side];
  uint32_t& asked = connection.acked[packet.side];
  uint32_t& answered = connection.acked[packet.side ^ 1];
  switch (packet.event) {
    case SctpEvent::kCookieEcho:
      asked = packet.tag;
      break;
    case SctpEvent::kCookieAck:
      if (answered == 0) break;
      connection.next[packet.side ^ 1] = answered;
      own = packet.tag;
      asked = answered = 0;
      break;
    case SctpEvent::kData:
      if (connection.has(Connection::kInputOnly) && asked != 0 && packet.tag == asked) own = asked;
      break;
    default:
      break;
  }
  if (own == 0 && !ends_something(packet.event) && packet.event != SctpEvent::kInit)
    own = packet.tag;
}

void note_tag(Connection& connection, const Tagged& packet) noexcept {
  if (is_open(connection.state)) return note_open(connection, packet);
  // During the handshake. An INIT has no tag, and an ABORT may be forged.
  if (packet.event != SctpEvent::kInit && !ends_something(packet.event))
    connection.next[packet.side] = packet.tag;
  connection.acked[0] = connection.acked[1] = 0;
}

}  // namespace

ConnectionState follow_sctp(Connection& connection, Direction from, const uint8_t* l4,
                            unsigned len) noexcept {
  const auto event = sctp_event(l4, len);
  if (!event) return connection.state;
  be32 tag;  // behind the ports
  std::memcpy(&tag, l4 + 4, sizeof tag);
  const Tagged packet{from == Direction::kFromBackend, *event, tag.host()};
  if (!is_believed(connection, packet)) return connection.state;
  note_tag(connection, packet);
  return next_sctp_state(state_direction(connection, from), *event, connection.state);
}

}  // namespace adit

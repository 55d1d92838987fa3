// SPDX-License-Identifier: Apache-2.0
// Each table is made, while compiling, of functions that say what a packet tells of its
// connection. A state is the backend's own (RFC 9293 section 3.3.2, RFC 9260 section 4), as far
// as the packets show it. What tells nothing new leaves the state as it is, repeated packets
// above all: the gateway sees packets that may be lost behind it.
#include "connection/protocol_state.h"

namespace adit {
namespace {

using enum ConnectionState;

constexpr bool is_backend(Direction from) noexcept {
  return from == Direction::kFromBackend;
}
constexpr bool is_input_only(Direction from) noexcept {
  return from == Direction::kInputOnly;
}
// During attacks a client's word counts only where the backend's could not be heard.
constexpr bool is_doubted(TcpMode mode, Direction from) noexcept {
  return mode == TcpMode::kSecure && from == Direction::kFromClient;
}

constexpr ConnectionState after_syn(TcpMode mode, Direction from, ConnectionState state) noexcept {
  switch (state) {
    case kSynRecv:  // repeated, or the backend's answer, of which only kSecure keeps account
      return is_backend(from) && mode == TcpMode::kSecure ? kSynAck : state;
    case kSynSent:  // repeated, or the client's answer: it receives what the backend sends
      return is_backend(from) ? state : kEstablished;
    case kSynAck:
    case kEstablished:  // RFC 9293 section 3.10.7.4: a SYN ends nothing that is open
      return state;
    case kFinWait:
    case kCloseWait:
      // A SYN-ACK that comes late. A client's SYN though is of a new connection: the ends may
      // have given up the old one, which only the gateway remembers.
      return is_backend(from) ? state : kSynRecv;
    default:  // nothing is open: who sends it opens
      return is_backend(from) ? kSynSent : kSynRecv;
  }
}

constexpr ConnectionState after_fin(TcpMode mode, Direction from, ConnectionState state) noexcept {
  switch (state) {
    case kNone:  // the end of something that was never seen
      return kClose;
    case kSynRecv:  // RFC 9293 section 3.10.7.4: as if it were open
    case kSynAck:
      if (is_doubted(mode, from)) return state;
      [[fallthrough]];
    case kEstablished:
      // Input-only: the backend's FIN will not be seen, thus the longer of the two waits.
      return from == Direction::kFromClient ? kCloseWait : kFinWait;
    case kCloseWait:
      return is_backend(from) ? kTimeWait : state;
    case kFinWait:
      return from == Direction::kFromClient ? kTimeWait : state;
    default:
      // Also kTimeWait, whichever end closed first: what is repeated until both have all of
      // it needs the connection. So nothing leads to kLastAck.
      return state;
  }
}

constexpr ConnectionState after_ack(TcpMode mode, Direction from, ConnectionState state) noexcept {
  switch (state) {
    case kNone:  // open already when it came to this gateway; an attacker could say so too
      return mode == TcpMode::kSecure ? state : kEstablished;
    case kSynRecv:  // the backend's own ACK without a SYN: it has had the client's
    case kSynAck:
      return is_doubted(mode, from) ? state : kEstablished;
    default:
      return state;
  }
}

constexpr ConnectionState after_segment(TcpMode mode, Direction from, TcpEvent event,
                                        ConnectionState state) noexcept {
  switch (event) {
    case TcpEvent::kSyn:
      return after_syn(mode, from, state);
    case TcpEvent::kFin:
      return after_fin(mode, from, state);
    case TcpEvent::kAck:
      return after_ack(mode, from, state);
    case TcpEvent::kRst:
      return kClose;
    case TcpEvent::kOther:  // RFC 9293 section 3.10.7.4: its receiver drops it
      return state;
  }
  return state;
}

constexpr bool is_between(ConnectionState state, ConnectionState first,
                          ConnectionState last) noexcept {
  return state >= first && state <= last;
}
constexpr bool is_setup(ConnectionState state) noexcept {
  return is_between(state, kSctpInit1, kSctpCookieEchoed);
}
constexpr bool is_shutdown(ConnectionState state) noexcept {
  return is_between(state, kSctpShutdownSent, kSctpShutdownAckSent);
}
constexpr bool is_over(ConnectionState state) noexcept {
  return state == kSctpRejected || state == kSctpClosed;
}

// RFC 9260 sections 5.2.1 and 5.2.2: an INIT changes nothing that is there already, be it that
// both ends opened at once or that one of them restarts; the cookies decide.
constexpr ConnectionState after_init(Direction from, ConnectionState state) noexcept {
  if (state == kSctpNone || is_over(state)) return is_backend(from) ? kSctpCookieWait : kSctpInit1;
  return state == kSctpInit1 && !is_backend(from) ? kSctpInit : state;
}

constexpr ConnectionState after_init_ack(Direction from, ConnectionState state) noexcept {
  if (is_backend(from))
    return state == kSctpNone || state == kSctpInit1 || state == kSctpInit ? kSctpCookieSent
                                                                           : state;
  return state == kSctpNone || state == kSctpCookieWait ? kSctpCookie : state;
}

constexpr ConnectionState after_cookie_echo(Direction from, ConnectionState state) noexcept {
  // Nothing more will be seen of how the cookie was received.
  if (is_input_only(from)) return kSctpEstablished;
  // Also where both opened at once: of two cookies the backend's is not a forgery.
  if (is_backend(from)) return state == kSctpNone || is_setup(state) ? kSctpCookieEchoed : state;
  // One that the backend has not given proves nothing.
  return state == kSctpNone || state == kSctpCookieSent ? kSctpCookieReplied : state;
}

constexpr ConnectionState after_cookie_ack(Direction from, ConnectionState state) noexcept {
  // RFC 9260 section 5.2.4: an association that restarts while it is shut down is open again.
  if (is_backend(from)) return kSctpEstablished;
  const bool echoed = state == kSctpCookieEchoed || (is_input_only(from) && state == kSctpCookie);
  return state == kSctpNone || echoed ? kSctpEstablished : state;
}

// The refusal of an INIT, which its sender may try again soon; else the end.
constexpr ConnectionState after_abort(Direction from, ConnectionState state) noexcept {
  const bool refused =
      is_backend(from) ? state == kSctpInit1 || state == kSctpInit : state == kSctpCookieWait;
  return refused ? kSctpRejected : kSctpClosed;
}

// In kSctpNone a chunk is believed: the association came to this gateway while it was there.
constexpr ConnectionState after_chunk(Direction from, SctpEvent event,
                                      ConnectionState state) noexcept {
  if (event == SctpEvent::kInit) return after_init(from, state);
  if (is_over(state)) return state;
  const bool may_be_open = state == kSctpNone || state == kSctpEstablished;
  switch (event) {
    case SctpEvent::kData:
      return may_be_open ? kSctpEstablished : state;
    case SctpEvent::kInitAck:
      return after_init_ack(from, state);
    case SctpEvent::kCookieEcho:
      return after_cookie_echo(from, state);
    case SctpEvent::kCookieAck:
      return after_cookie_ack(from, state);
    // RFC 9260 section 9.2, also where both ends begin at once. During the set-up the three
    // are of an earlier association.
    case SctpEvent::kShutdown:
      if (!may_be_open) return state;
      return is_backend(from) ? kSctpShutdownSent : kSctpShutdownReceived;
    case SctpEvent::kShutdownAck:
      // Answers a SHUTDOWN, seen or not. With the client's the backend has all that it needs.
      if (!may_be_open && !is_shutdown(state)) return state;
      return is_backend(from) ? kSctpShutdownAckSent : kSctpClosed;
    case SctpEvent::kShutdownComplete:
      return state == kSctpNone || is_shutdown(state) ? kSctpClosed : state;
    case SctpEvent::kAbort:
      return after_abort(from, state);
    case SctpEvent::kInit:   // above
    case SctpEvent::kError:  // RFC 9260 section 3.3.10: by itself it ends nothing
      return state;
  }
  return state;
}

// `after` for the states of one protocol; those of others stay.
template <unsigned Events, class Event, class After>
constexpr Transitions<Events> tabulate(ConnectionState first, ConnectionState last,
                                       After after) noexcept {
  Transitions<Events> table{};
  for (unsigned from = 0; from < kDirections; ++from)
    for (unsigned event = 0; event < Events; ++event)
      for (unsigned i = 0; i < kConnectionStates; ++i) {
        const auto state = static_cast<ConnectionState>(i);
        table[from][event][i] =
            is_between(state, first, last)
                ? after(static_cast<Direction>(from), static_cast<Event>(event), state)
                : state;
      }
  return table;
}

constexpr Transitions<kTcpEvents> tabulate_tcp(TcpMode mode) noexcept {
  return tabulate<kTcpEvents, TcpEvent>(
      kNone, kListen, [mode](Direction from, TcpEvent event, ConnectionState state) {
        return after_segment(mode, from, event, state);
      });
}

// RFC 9260 section 3.2: chunk types; those left out keep an association alive.
constexpr auto kSctpChunkEvents = [] {
  std::array<SctpEvent, 15> events{};
  events[1] = SctpEvent::kInit;
  events[2] = SctpEvent::kInitAck;
  events[6] = SctpEvent::kAbort;
  events[7] = SctpEvent::kShutdown;
  events[8] = SctpEvent::kShutdownAck;
  events[9] = SctpEvent::kError;
  events[10] = SctpEvent::kCookieEcho;
  events[11] = SctpEvent::kCookieAck;
  events[14] = SctpEvent::kShutdownComplete;
  return events;
}();

SctpEvent chunk_event(uint8_t type) noexcept {
  return type < kSctpChunkEvents.size() ? kSctpChunkEvents[type] : SctpEvent::kData;
}

}  // namespace

constinit const std::array<Transitions<kTcpEvents>, 2> kTcpTransitions = {
    tabulate_tcp(TcpMode::kNormal), tabulate_tcp(TcpMode::kSecure)};
constinit const Transitions<kSctpEvents> kSctpTransitions =
    tabulate<kSctpEvents, SctpEvent>(kSctpNone, kSctpClosed, after_chunk);

// RFC 9260 section 6.10: a packet may have several chunks. The first one says what it is about, but
// for an ABORT behind it: section 3.3.7 has control chunks before it, and no DATA.
std::optional<SctpEvent> sctp_event(const uint8_t* l4, unsigned len) noexcept {
  constexpr unsigned kHeaderLen = 12;
  constexpr unsigned kChunkHeaderLen = 4;
  constexpr unsigned kMostChunks = 8;  // that are looked at
  constexpr uint8_t kDataChunk = 0;
  if (len < kHeaderLen + kChunkHeaderLen) return std::nullopt;
  unsigned at = kHeaderLen;
  for (unsigned left = kMostChunks; left != 0 && l4[at] != kDataChunk; --left) {
    if (chunk_event(l4[at]) == SctpEvent::kAbort) return SctpEvent::kAbort;
    const unsigned chunk_len = unsigned{l4[at + 2]} << 8 | l4[at + 3];
    at += (chunk_len + 3) / 4 * 4;
    if (chunk_len < kChunkHeaderLen || at + kChunkHeaderLen > len) break;
  }
  return chunk_event(l4[kHeaderLen]);
}

bool is_half_open(ConnectionState state) noexcept {
  switch (state) {
    case kSynRecv:
    case kSynAck:
    case kSctpInit1:
    case kSctpInit:
    case kSctpCookieSent:
      return true;
    default:
      return false;
  }
}

}  // namespace adit

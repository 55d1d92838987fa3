// SPDX-License-Identifier: Apache-2.0
// What the packets of a connection do to its state. Pure tables.
#pragma once

#include <array>
#include <cstdint>
#include <optional>

#include "adit/wire.h"
#include "connection/connection.h"

namespace adit {

// By the first flag that a segment has of RST, SYN, FIN, ACK.
enum class TcpEvent : uint8_t { kSyn, kFin, kAck, kRst, kOther };
inline constexpr unsigned kTcpEvents = 5;

// kSecure, during attacks: a client's ACK alone establishes nothing, where the backend's half
// is seen.
enum class TcpMode : uint8_t { kNormal, kSecure };

// By the first chunk of a packet.
enum class SctpEvent : uint8_t {
  kData,  // and what else keeps an association alive
  kInit,
  kInitAck,
  kCookieEcho,
  kCookieAck,
  kShutdown,
  kShutdownAck,
  kShutdownComplete,
  kError,
  kAbort,
};
inline constexpr unsigned kSctpEvents = 10;

// By direction, event and state; states of other protocols stay as they are.
template <unsigned Events>
using Transitions =
    std::array<std::array<std::array<ConnectionState, kConnectionStates>, Events>, kDirections>;

extern const std::array<Transitions<kTcpEvents>, 2> kTcpTransitions;  // by TcpMode
extern const Transitions<kSctpEvents> kSctpTransitions;

// `flags`: byte 13 of the TCP header. With several, the first of this order counts.
constexpr TcpEvent tcp_event(uint8_t flags) noexcept {
  if (flags & kTcpRst) return TcpEvent::kRst;
  if (flags & kTcpSyn) return TcpEvent::kSyn;
  if (flags & kTcpFin) return TcpEvent::kFin;
  return flags & kTcpAck ? TcpEvent::kAck : TcpEvent::kOther;
}
// `l4`: contiguous bytes from the SCTP header on, `len` of them. None where they hold no chunk.
std::optional<SctpEvent> sctp_event(const uint8_t* l4, unsigned len) noexcept;

// The state after the event; one of another protocol stays.
inline ConnectionState next_tcp_state(TcpMode mode, Direction direction, TcpEvent event,
                                      ConnectionState state) noexcept {
  return kTcpTransitions[static_cast<unsigned>(mode)][static_cast<unsigned>(direction)]
                        [static_cast<unsigned>(event)][static_cast<unsigned>(state)];
}
inline ConnectionState next_sctp_state(Direction direction, SctpEvent event,
                                       ConnectionState state) noexcept {
  return kSctpTransitions[static_cast<unsigned>(direction)][static_cast<unsigned>(event)]
                         [static_cast<unsigned>(state)];
}

// The direction that counts for the tables: a connection is input-only until the first packet
// of its backend.
inline Direction state_direction(Connection& connection, Direction from) noexcept {
  if (!connection.has(Connection::kInputOnly)) [[likely]]
    return from;
  if (from != Direction::kFromBackend) return Direction::kInputOnly;
  connection.flags &= static_cast<uint8_t>(~Connection::kInputOnly);
  return from;
}

// Which packets may begin a connection; every UDP packet may.
constexpr bool tcp_begins(uint8_t flags) noexcept {
  return (flags & (kTcpSyn | kTcpAck | kTcpRst | kTcpFin)) == kTcpSyn;
}
// RFC 9260 section 5.1.
constexpr bool sctp_begins(SctpEvent event) noexcept {
  return event == SctpEvent::kInit;
}

// State of a UDP flow after a packet. The first answer and the client's next packet show that both
// ends are present; if the backend's half is not seen, the client's second packet suffices. An
// answer alone does not suffice, because services also answer packets with a spoofed source.
inline ConnectionState next_udp_state(Connection& connection, Direction from) noexcept {
  if (connection.state != ConnectionState::kUdpNew) [[likely]]
    return connection.state;
  uint32_t& packets = connection.next[from == Direction::kFromBackend];
  if (packets < 2) ++packets;
  const bool both = connection.next[0] == 2 &&
                    (connection.next[1] != 0 || connection.has(Connection::kInputOnly));
  return both ? ConnectionState::kUdp : ConnectionState::kUdpNew;
}

// Before its first packet has been looked at.
constexpr ConnectionState first_state(uint8_t protocol) noexcept {
  if (protocol == kIpProtocolTcp) return ConnectionState::kNone;
  return protocol == kIpProtocolSctp ? ConnectionState::kSctpNone : ConnectionState::kUdpNew;
}
// Whether it counts in BackendLoad::active, else in inactive; UDP always counts as inactive.
constexpr bool is_active(ConnectionState state) noexcept {
  return state == ConnectionState::kEstablished || state == ConnectionState::kSctpEstablished;
}
// Whether the client has not yet shown that it receives packets: its source may be spoofed.
bool is_half_open(ConnectionState state) noexcept;

// One bit for each of the states.
template <class... States>
constexpr uint32_t states(States... list) noexcept {
  return ((1u << static_cast<unsigned>(list)) | ...);
}
// `set`: of states().
constexpr bool is_in(ConnectionState state, uint32_t set) noexcept {
  return (set >> static_cast<unsigned>(state) & 1) != 0;
}
// States that may be replaced: young, as its source may be spoofed, or closed, as little is lost.
inline constexpr uint32_t kYoungStates = states(
    ConnectionState::kNone, ConnectionState::kSynSent, ConnectionState::kSynRecv,
    ConnectionState::kSynAck, ConnectionState::kUdpNew, ConnectionState::kSctpNone,
    ConnectionState::kSctpInit1, ConnectionState::kSctpInit, ConnectionState::kSctpCookieSent,
    ConnectionState::kSctpCookieReplied, ConnectionState::kSctpCookieWait,
    ConnectionState::kSctpCookie, ConnectionState::kSctpCookieEchoed);
inline constexpr uint32_t kEndedStates =
    states(ConnectionState::kTimeWait, ConnectionState::kClose);
inline constexpr uint32_t kSctpEndedStates =
    states(ConnectionState::kSctpRejected, ConnectionState::kSctpClosed);
// One end at least has closed.
inline constexpr uint32_t kClosingStates =
    kEndedStates | kSctpEndedStates |
    states(ConnectionState::kFinWait, ConnectionState::kCloseWait, ConnectionState::kLastAck,
           ConnectionState::kSctpShutdownSent, ConnectionState::kSctpShutdownReceived,
           ConnectionState::kSctpShutdownAckSent);
// Makes room for a new connection where there is none.
constexpr bool gives_way(ConnectionState state) noexcept {
  return is_in(state, kYoungStates | kEndedStates | kSctpEndedStates);
}

}  // namespace adit

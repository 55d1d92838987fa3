// SPDX-License-Identifier: Apache-2.0
// The states of balanced connections: their names and idle timeouts.
#pragma once

#include <array>
#include <cstdint>
#include <string_view>

namespace adit {

// Named as in IPVS. Each protocol has its own states. No packet leads to kLastAck and kListen: they
// exist so that their timeouts can be configured, as with IPVS.
enum class ConnectionState : uint8_t {
  // TCP
  kNone,
  kSynSent,
  kSynRecv,
  kSynAck,
  kEstablished,
  kFinWait,
  kTimeWait,
  kClose,
  kCloseWait,
  kLastAck,
  kListen,
  kUdp,
  kUdpNew,  // no answer yet, or no further packet of the client since
  kSctpNone,
  kSctpInit1,          // the client's first INIT
  kSctpInit,           // its further ones
  kSctpCookieSent,     // the backend's INIT-ACK
  kSctpCookieReplied,  // the client's COOKIE-ECHO
  kSctpCookieWait,     // the backend's INIT
  kSctpCookie,         // the client's INIT-ACK
  kSctpCookieEchoed,   // the backend's COOKIE-ECHO
  kSctpEstablished,
  kSctpShutdownSent,
  kSctpShutdownReceived,
  kSctpShutdownAckSent,
  kSctpRejected,
  kSctpClosed,
};
inline constexpr unsigned kConnectionStates = 27;
static_assert(static_cast<unsigned>(ConnectionState::kSctpClosed) + 1 == kConnectionStates);

struct ConnectionStateFacts {
  std::string_view name;
  uint32_t timeout_s;
};
// SCTP: the longest retransmission timeout and a second, or the first one and a second.
inline constexpr uint32_t kSctpMaxRto_s = 60 + 1;
inline constexpr uint32_t kSctpFirstRto_s = 3 + 1;
inline constexpr std::array<ConnectionStateFacts, kConnectionStates> kConnectionStateFacts = {{
    {"NONE", 2},
    {"SYN_SENT", 120},
    {"SYN_RECV", 60},
    {"SYNACK", 120},
    {"ESTABLISHED", 900},
    {"FIN_WAIT", 120},
    {"TIME_WAIT", 120},
    {"CLOSE", 10},
    {"CLOSE_WAIT", 60},
    {"LAST_ACK", 30},
    {"LISTEN", 120},
    {"UDP", 300},
    {"UDP_NEW", 30},
    {"NONE", 2},
    {"INIT1", kSctpFirstRto_s},
    {"INIT", kSctpMaxRto_s},
    {"C-SENT", kSctpMaxRto_s},
    {"C-REPLIED", kSctpMaxRto_s},
    {"C-WAIT", kSctpMaxRto_s},
    {"COOKIE", kSctpMaxRto_s},
    {"C-ECHOED", kSctpMaxRto_s},
    {"ESTABLISHED", 900},
    {"S-SENT", kSctpMaxRto_s},
    {"S-RECEIVED", kSctpMaxRto_s},
    {"S-ACK-SENT", kSctpMaxRto_s},
    {"REJECTED", kSctpFirstRto_s},
    {"CLOSED", kSctpMaxRto_s},
}};

// "SYN_RECV": as ipvsadm shows it. TCP and SCTP have some names in common.
constexpr std::string_view state_name(ConnectionState state) noexcept {
  return kConnectionStateFacts[static_cast<unsigned>(state)].name;
}

// Idle timeouts by state: how long a connection exists after its last packet.
struct Timeouts {
  std::array<uint32_t, kConnectionStates> seconds = defaults();

  constexpr uint32_t operator[](ConnectionState state) const noexcept {
    return seconds[static_cast<unsigned>(state)];
  }
  constexpr uint32_t& operator[](ConnectionState state) noexcept {
    return seconds[static_cast<unsigned>(state)];
  }
  friend bool operator==(const Timeouts&, const Timeouts&) = default;

 private:
  static constexpr std::array<uint32_t, kConnectionStates> defaults() noexcept {
    std::array<uint32_t, kConnectionStates> seconds{};
    for (unsigned state = 0; state < kConnectionStates; ++state)
      seconds[state] = kConnectionStateFacts[state].timeout_s;
    return seconds;
  }
};

}  // namespace adit

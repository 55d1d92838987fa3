// SPDX-License-Identifier: Apache-2.0
// The keys of `timeouts:`, of all services and of one.
#pragma once

#include "adit/connection_state.h"
#include "config/config.h"

namespace adit {

struct TimeoutKey {
  const char* name;
  ConnectionState state;
  uint32_t TimeoutsConfig::*all;
  std::optional<uint32_t> ServiceTimeoutsConfig::*own;
  const char* help;
};

#define ADIT_TIMEOUT(name, state, help) \
  { #name, ConnectionState::state, &TimeoutsConfig::name, &ServiceTimeoutsConfig::name, help }
inline constexpr TimeoutKey kTimeoutKeys[] = {
    ADIT_TIMEOUT(none_s, kNone, "Idle timeout in seconds of a connection without state."),
    ADIT_TIMEOUT(syn_sent_s, kSynSent, "Idle timeout in seconds after a SYN of the backend."),
    ADIT_TIMEOUT(syn_recv_s, kSynRecv, "Idle timeout in seconds after the client's SYN."),
    ADIT_TIMEOUT(synack_s, kSynAck, "Idle timeout in seconds after a SYN-ACK of the client."),
    ADIT_TIMEOUT(established_s, kEstablished,
                 "Idle timeout in seconds of established TCP connections."),
    ADIT_TIMEOUT(fin_wait_s, kFinWait, "Idle timeout in seconds after the first FIN."),
    ADIT_TIMEOUT(time_wait_s, kTimeWait, "Idle timeout in seconds after both FINs."),
    ADIT_TIMEOUT(close_s, kClose, "Idle timeout in seconds after a RST."),
    ADIT_TIMEOUT(close_wait_s, kCloseWait, "Idle timeout in seconds after a FIN of the other end."),
    ADIT_TIMEOUT(last_ack_s, kLastAck, "Idle timeout in seconds while the last ACK is awaited."),
    ADIT_TIMEOUT(listen_s, kListen, "Idle timeout in seconds in state LISTEN."),
    ADIT_TIMEOUT(udp_s, kUdp, "Idle timeout in seconds of UDP flows."),
    ADIT_TIMEOUT(
        udp_new_s, kUdpNew,
        "Idle timeout in seconds of UDP flows until the backend has answered and the client has "
        "sent again (direct, tunnel: until the client's second packet); never more than 'udp_s'."),
    ADIT_TIMEOUT(sctp_s, kSctpEstablished,
                 "Idle timeout in seconds of established SCTP associations."),
};
#undef ADIT_TIMEOUT

}  // namespace adit

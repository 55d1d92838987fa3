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
    ADIT_TIMEOUT(none_s, kNone,
                 "Seconds of silence after which a connection without state is gone."),
    ADIT_TIMEOUT(syn_sent_s, kSynSent, "The same after a SYN of the backend."),
    ADIT_TIMEOUT(syn_recv_s, kSynRecv, "The same after the client's SYN."),
    ADIT_TIMEOUT(synack_s, kSynAck, "The same after a SYN-ACK of the client."),
    ADIT_TIMEOUT(established_s, kEstablished, "The same for established TCP connections."),
    ADIT_TIMEOUT(fin_wait_s, kFinWait, "The same after the first FIN."),
    ADIT_TIMEOUT(time_wait_s, kTimeWait, "The same after both FINs."),
    ADIT_TIMEOUT(close_s, kClose, "The same after a RST."),
    ADIT_TIMEOUT(close_wait_s, kCloseWait, "The same after a FIN of the other end."),
    ADIT_TIMEOUT(last_ack_s, kLastAck, "The same while the last ACK is awaited."),
    ADIT_TIMEOUT(listen_s, kListen, "The same in state LISTEN."),
    ADIT_TIMEOUT(udp_s, kUdp, "The same for UDP."),
    ADIT_TIMEOUT(
        udp_new_s, kUdpNew,
        "The same for UDP until the backend has answered and the client has gone on (direct, "
        "tunnel: until its second packet); never more than 'udp_s'."),
    ADIT_TIMEOUT(sctp_s, kSctpEstablished, "The same for established SCTP associations."),
};
#undef ADIT_TIMEOUT

}  // namespace adit

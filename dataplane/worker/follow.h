// SPDX-License-Identifier: Apache-2.0
// A packet's part in its connection's life: the state that it leads to, and how long the connection
// lives after it.
#pragma once

#include "connection/protocol_state.h"
#include "connection/sctp_tags.h"
#include "connection/tcp_numbers.h"
#include "packet/flow_reader.h"
#include "worker/worker.h"

namespace adit {

// Of a connection of the VRF that is not established: less and less from where a quarter of the
// table is free. As long as ever in a VRF that has taken less than three quarters of its equal part
// of the table: it is others who fill it.
uint32_t shortened(const Worker& worker, VrfId vrf, uint32_t seconds) noexcept;

// In seconds: its service's own where it had such when it began, else those of `balancer`.
inline const Timeouts& timeouts_of(const Snapshot& snapshot,
                                   const Connection& connection) noexcept {
  if (!connection.has(Connection::kOwnTimeouts)) [[likely]]
    return snapshot.timeouts;
  const ServiceEntry& service = snapshot.services[connection.owner.id];
  return service.own_timeouts == 0 ? snapshot.timeouts
                                   : snapshot.own_timeouts[service.own_timeouts - 1u];
}

inline constexpr uint32_t kSettled =
    states(ConnectionState::kEstablished, ConnectionState::kUdp, ConnectionState::kSctpEstablished);

// How long the connection lives after a packet. Where the table fills, those that are not
// established live shorter.
inline uint32_t lifetime_s(const Worker& worker, const Connection& connection) noexcept {
  const uint32_t seconds = timeouts_of(*worker.snapshot, connection)[connection.state];
  if (is_in(connection.state, kSettled)) [[likely]]
    return seconds;
  return shortened(worker, connection.forward.vrf, seconds);
}

// Where `flow.kind` is kFlow.
inline ConnectionState next_state(Connection& connection, Direction from, const Flow& flow,
                                  const rte_mbuf* mbuf, uint32_t now_s) noexcept {
  if (flow.key.protocol == kIpProtocolTcp) return follow_tcp(connection, from, flow, mbuf, now_s);
  if (flow.key.protocol != kIpProtocolSctp) return next_udp_state(connection, from);
  const uint32_t l4 = flow.packet.l4;
  return follow_sctp(connection, from, rte_pktmbuf_mtod_offset(mbuf, const uint8_t*, l4),
                     std::min<unsigned>(mbuf->data_len, flow.packet.end) - l4);
}

// Whether the end has moved to a later second. An earlier one is told to the expiry wheel at once.
inline bool extend_by(Worker& worker, ConnectionId id, Connection& connection,
                      uint32_t seconds) noexcept {
  const uint32_t expires_s = worker.now_s + seconds;
  if (expires_s < connection.expires_s) [[unlikely]] {
    worker.connections->expire_at(id, expires_s);
    return false;
  }
  const bool is_later = expires_s != connection.expires_s;
  connection.expires_s = expires_s;
  return is_later;
}

// After a packet: the connection lives on from now. Whether its end has moved away.
inline bool extend(Worker& worker, ConnectionId id) noexcept {
  Connection& connection = worker.connections->at(id);
  return extend_by(worker, id, connection, lifetime_s(worker, connection));
}
// The same for one in a state that lives as long as is configured, whatever the table has room for.
inline void extend_settled(Worker& worker, ConnectionId id, Connection& connection) noexcept {
  ADIT_ASSERT(is_in(connection.state, kSettled));
  extend_by(worker, id, connection, timeouts_of(*worker.snapshot, connection)[connection.state]);
}

// The packet's part in its connection's life. It is read as it came, before anything in it is
// changed.
inline void follow(Worker& worker, ConnectionId id, Direction from, const Flow& flow,
                   const rte_mbuf* mbuf) noexcept {
  Connections& connections = *worker.connections;
  Connection& connection = connections.at(id);
  const ConnectionState state = next_state(connection, from, flow, mbuf, worker.now_s);
  if (state != connection.state) [[unlikely]]
    connections.set_state(worker, id, state);
  // Once a second is often enough.
  if (extend(worker, id) && state == ConnectionState::kUdpNew) [[unlikely]]
    connections.renew(id);
}

}  // namespace adit

// SPDX-License-Identifier: Apache-2.0
#include "balance/client_info.h"

#include "connection/protocol_state.h"
#include "rewrite/client_address.h"
#include "rewrite/sequence_shift.h"
#include "worker/originate.h"

namespace adit {
namespace {

const TcpHeader& tcp_of(const rte_mbuf* mbuf, const Flow& flow) noexcept {
  return *rte_pktmbuf_mtod_offset(mbuf, const TcpHeader*, flow.packet.l4);
}

// RFC 9293 section 3.4: sequence numbers are compared modulo 2^32.
bool is_before(uint32_t a, uint32_t b) noexcept {
  return static_cast<int32_t>(a - b) < 0;
}

// The server's SYN answers the client's, so both sequence numbers are known. Numbers that differ
// from those before belong to a new connection of the same ports.
void take_syn(const TcpHeader& tcp, ClientInfo& info) noexcept {
  if (tcp.acknowledgment.host() != info.asked) return;
  const uint32_t first = info.how == ClientAddress::kToa ? tcp.sequence.host() + 1 : info.asked;
  if (info.answered && info.first == first) return;
  info.first = first;
  info.shift = 0;
  info.answered = true;
  info.acknowledged = false;
}

// Comparisons with `first` work within 2^31, so `first` follows the numbers once nothing else needs
// its value.
void take_acknowledgment(uint32_t number, ClientInfo& info) noexcept {
  constexpr uint32_t kFar = 1u << 30, kNear = 1u << 29;
  if (!info.acknowledged)
    info.acknowledged = !is_before(number, info.first + info.shift);
  else if (is_before(info.first + kFar, number))
    info.first = number - kNear;
}

void add_option(Worker& worker, const Packet& packet, Flow& flow,
                const Connection& connection) noexcept {
  const TcpHeader& tcp = tcp_of(packet.mbuf, flow);
  if ((flow.l4_type & (kTcpAck | kTcpRst)) != kTcpAck ||
      tcp.acknowledgment.host() != connection.client_info.first)
    return;
  const FlowKey& reverse = connection.reverse;
  const bool ipv6 = reverse.ipv6 != 0;
  const RouteTarget& target =
      worker.snapshot->routes.find(reverse.vrf, bytes_of(reverse.source, ipv6), ipv6);
  const ToaResult result =
      insert_toa(packet.mbuf, flow, source_of(connection.forward), target.max_bytes);
  BackendCounters& counters = worker.balancer->counters[connection.backend];
  (result == ToaResult::kInserted ? counters.client_info_sent : counters.client_info_omitted)
      .add(1);
}

// False: no buffer.
bool send_header(Worker& worker, const Packet& like, const Flow& flow,
                 Connection& connection) noexcept {
  ClientInfo& info = connection.client_info;
  ProxyHeader header;
  const unsigned len =
      write_proxy_header(header, source_of(connection.forward), destination_of(connection.forward));
  Packet segment = like;
  segment.mbuf =
      make_proxy_segment(like.mbuf, flow, info.first, std::span(header).first(len), worker.pool);
  if (segment.mbuf == nullptr) return false;
  info.shift = static_cast<uint8_t>(len);
  worker.counters.originated.add(1);
  worker.balancer->counters[connection.backend].client_info_sent.add(1);
  route_later(worker, segment);
  return true;
}

PacketVerdict precede(Worker& worker, Packet& packet, const Flow& flow,
                      Connection& connection) noexcept {
  const ClientInfo& info = connection.client_info;
  const bool has_ack = (flow.l4_type & kTcpAck) != 0;
  const bool may_begin = has_ack && (flow.l4_type & kTcpRst) == 0;
  if (info.shift == 0 && !may_begin) return PacketVerdict::kRoute;
  const bool at_first =
      !info.acknowledged && tcp_of(packet.mbuf, flow).sequence.host() == info.first;
  // RFC 9293 section 3.10.7.1: a reset without ACK has the number that the server's segment asked
  // for, and that was no more than this.
  if (at_first && !has_ack) return PacketVerdict::kRoute;
  if ((info.shift == 0 || at_first) && !send_header(worker, packet, flow, connection))
    return refuse(worker, packet.mbuf, DropReason::k_no_buffer);
  shift_sequence(packet.mbuf, flow, info.shift);
  return PacketVerdict::kRoute;
}

}  // namespace

void begin_client_info(Connection& connection, ClientAddress how, const Flow& flow) noexcept {
  if (!tcp_begins(flow.l4_type)) return;
  connection.flags |= Connection::kSendsClientInfo;
  connection.client_info.how = how;
}

DropReason take_answer(rte_mbuf* mbuf, const Flow& flow, ClientInfo& info) noexcept {
  if (flow.kind == FlowKind::kIcmpError) {
    if (info.shift != 0) lower_embedded_sequence(mbuf, flow, info.first, info.shift);
    return DropReason::kNone;
  }
  if ((flow.l4_type & kTcpAck) == 0) return DropReason::kNone;
  const TcpHeader& tcp = tcp_of(mbuf, flow);
  if ((flow.l4_type & kTcpSyn) != 0) take_syn(tcp, info);
  if (info.shift == 0) return DropReason::kNone;
  take_acknowledgment(tcp.acknowledgment.host(), info);
  return lower_acknowledgment(mbuf, flow, info.first, info.shift) ? DropReason::kNone
                                                                  : DropReason::k_tcp_options;
}

PacketVerdict send_client_info(Worker& worker, Packet& packet, Flow flow,
                               Connection& connection) noexcept {
  if (flow.kind != FlowKind::kFlow) return PacketVerdict::kRoute;
  ClientInfo& info = connection.client_info;
  if ((flow.l4_type & kTcpSyn) != 0) {
    if (info.how == ClientAddress::kProxy && flow.payload_len != 0)
      return refuse(worker, packet.mbuf, DropReason::k_tcp_syn_data);
    info.asked = tcp_of(packet.mbuf, flow).sequence.host() + 1;
    return PacketVerdict::kRoute;
  }
  if (!info.answered) return PacketVerdict::kRoute;
  if (info.how == ClientAddress::kProxy) return precede(worker, packet, flow, connection);
  add_option(worker, packet, flow, connection);
  return PacketVerdict::kRoute;
}

}  // namespace adit

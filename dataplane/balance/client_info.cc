// SPDX-License-Identifier: Apache-2.0
#include "balance/client_info.h"

#include "connection/lowered_number.h"
#include "connection/protocol_state.h"
#include "rewrite/client_address.h"
#include "rewrite/sequence_shift.h"
#include "worker/originate.h"

namespace adit {
namespace {

const TcpHeader& tcp_of(const rte_mbuf* mbuf, const Flow& flow) noexcept {
  return *rte_pktmbuf_mtod_offset(mbuf, const TcpHeader*, flow.packet.l4);
}

// The server's SYN answers the client's, so both sequence numbers are known. Numbers that differ
// from those before belong to a new connection of the same ports.
void take_syn(const TcpHeader& tcp, ClientInfo& info) noexcept {
  const uint32_t asked = tcp.acknowledgment.host();
  if (!info.is_asked(asked)) return;
  const uint32_t first = info.is_proxy != 0 ? asked : tcp.sequence.host() + 1;
  const bool is_repeated = info.answered != 0 && info.asks_again == 0 &&
                           (info.acknowledged != 0 || info.first() == first);
  if (is_repeated) return;
  info.acked[info.side_of_first()] = first;
  info.header_words = 0;
  info.answered = 1;
  info.asks_again = info.acknowledged = 0;
}

void take_acknowledgment(uint32_t number, ClientInfo& info) noexcept {
  if (info.acknowledged != 0 || is_number_after(info.first() + info.shift(), number)) return;
  info.acknowledged = 1;
  info.acked[0] = number - info.shift();
}

// kToa: whether the client acknowledges the server's SYN and nothing else. An acknowledgment of
// data that the server has not sent does not count.
bool is_at_first(uint32_t number, Connection& connection) noexcept {
  ClientInfo& info = connection.client_info;
  if (info.acknowledged != 0) return false;
  const uint32_t more = number - info.first();
  if (more <= connection.next[1] - info.first() && is_number_after(number, info.first())) {
    info.acknowledged = 1;
    info.acked[1] = number;
  }
  return more == 0;
}

void add_option(Worker& worker, const Packet& packet, Flow& flow, Connection& connection) noexcept {
  const TcpHeader& tcp = tcp_of(packet.mbuf, flow);
  if ((flow.l4_type & (kTcpAck | kTcpRst)) != kTcpAck ||
      !is_at_first(tcp.acknowledgment.host(), connection))
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
      make_proxy_segment(like.mbuf, flow, info.first(), std::span(header).first(len), worker.pool);
  if (segment.mbuf == nullptr) return false;
  // The client is told nothing about what it did not send.
  segment.origin.id_is = Origin::kOurs;
  if (is_ipv4(segment))
    Ipv4::set_ttl(header_of<Ipv4>(segment.mbuf), kReplyTtl);
  else
    Ipv6::set_ttl(header_of<Ipv6>(segment.mbuf), kReplyTtl);
  info.header_words = len / 4 & 15;
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
  if (info.shift() == 0 && !may_begin) return PacketVerdict::kRoute;
  const bool at_first =
      info.acknowledged == 0 && tcp_of(packet.mbuf, flow).sequence.host() == info.first();
  // RFC 9293 section 3.10.7.1: a reset without ACK has the number that the server's segment asked
  // for, and that was no more than this.
  if (at_first && !has_ack) return PacketVerdict::kRoute;
  if ((info.shift() == 0 || at_first) && !send_header(worker, packet, flow, connection))
    return refuse(worker, packet.mbuf, DropReason::k_no_buffer);
  shift_sequence(packet.mbuf, flow, info.shift());
  return PacketVerdict::kRoute;
}

}  // namespace

void note_syn(uint32_t behind, bool is_open, ClientInfo& info) noexcept {
  const bool is_known = info.is_asked(behind) && (is_open || info.asks_again == 0);
  if (is_known) return;
  if (is_open)
    info.asks_again = info.answered;
  else
    info = {.is_proxy = info.is_proxy};
  info.asked = behind & 0xff'ffff;
}

void begin_client_info(Connection& connection, ClientAddress how, const Flow& flow) noexcept {
  if (!tcp_begins(flow.l4_type)) return;
  connection.flags |= Connection::kSendsClientInfo;
  connection.client_info.is_proxy = how == ClientAddress::kProxy;
}

DropReason take_answer(rte_mbuf* mbuf, const Flow& flow, ClientInfo& info) noexcept {
  if (flow.kind == FlowKind::kIcmpError) {
    if (info.shift() != 0)
      lower_embedded_sequence(mbuf, flow, info.floor(info.acked[0]), info.shift());
    return DropReason::kNone;
  }
  if ((flow.l4_type & kTcpAck) == 0) return DropReason::kNone;
  const TcpHeader& tcp = tcp_of(mbuf, flow);
  if ((flow.l4_type & kTcpSyn) != 0) {
    // It acknowledges a SYN, whose number is not shifted.
    take_syn(tcp, info);
    return DropReason::kNone;
  }
  if (info.shift() == 0) return DropReason::kNone;
  const uint32_t number = tcp.acknowledgment.host();
  take_acknowledgment(number, info);
  return lower_acknowledgment(mbuf, flow, info.floor(number), info.shift())
             ? DropReason::kNone
             : DropReason::k_tcp_options;
}

PacketVerdict send_client_info(Worker& worker, Packet& packet, Flow flow,
                               Connection& connection) noexcept {
  if (flow.kind != FlowKind::kFlow) return PacketVerdict::kRoute;
  ClientInfo& info = connection.client_info;
  if ((flow.l4_type & kTcpSyn) != 0) {
    if (info.is_proxy != 0 && flow.payload_len != 0)
      return refuse(worker, packet.mbuf, DropReason::k_tcp_syn_data);
    note_syn(tcp_of(packet.mbuf, flow).sequence.host() + 1,
             connection.state != ConnectionState::kSynRecv, info);
    return PacketVerdict::kRoute;
  }
  if (info.answered == 0) return PacketVerdict::kRoute;
  if (info.is_proxy != 0) return precede(worker, packet, flow, connection);
  add_option(worker, packet, flow, connection);
  return PacketVerdict::kRoute;
}

}  // namespace adit

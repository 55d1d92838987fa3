// SPDX-License-Identifier: Apache-2.0
#include "packet/flow_reader.h"

namespace adit {
namespace {

// RFC 792: an error quotes the IP header and this much of the rest.
constexpr uint32_t kLeastEmbedded = 8;

enum class Order : uint8_t { kAsIs, kReverse };

Ipv6Key address_at(const uint8_t* at, bool ipv6) noexcept {
  Ipv6Key key;
  if (ipv6)
    std::memcpy(&key, at, sizeof key);
  else
    key.low = sum_words(at, 4);  // one word: itself
  return key;
}

void read_addresses(const uint8_t* data, const IpPacket& packet, Order order,
                    FlowKey& key) noexcept {
  const uint8_t* ip = data + packet.ip;
  key.source = address_at(
      ip + (packet.ipv6 ? offsetof(Ipv6Header, src) : offsetof(Ipv4Header, src)), packet.ipv6);
  key.destination = address_at(
      ip + (packet.ipv6 ? offsetof(Ipv6Header, dst) : offsetof(Ipv4Header, dst)), packet.ipv6);
  if (order == Order::kReverse) std::swap(key.source, key.destination);
  key.protocol = packet.protocol;
  key.ipv6 = packet.ipv6;
}

void read_ports(const uint8_t* l4, Order order, FlowKey& key) noexcept {
  std::memcpy(&key.source_port, l4, sizeof key.source_port);
  std::memcpy(&key.destination_port, l4 + 2, sizeof key.destination_port);
  if (order == Order::kReverse) std::swap(key.source_port, key.destination_port);
}

// For a packet with malformed headers after the fixed one, whose addresses are still valid.
[[gnu::cold]] void read_fixed_header(const rte_mbuf* mbuf, FlowKey& key) noexcept {
  const auto* data = rte_pktmbuf_mtod(mbuf, const uint8_t*);
  IpPacket packet{};
  packet.ipv6 = mbuf->data_len != 0 && data[0] >> 4 == 6;
  if (mbuf->data_len >= (packet.ipv6 ? sizeof(Ipv6Header) : sizeof(Ipv4Header)))
    read_addresses(data, packet, Order::kAsIs, key);
}

// Whether a routing header has addresses to visit before the pseudo-header's.
bool routes_by_itself(const IpPacket& packet) noexcept {
  return packet.ipv6 && packet.destination != packet.ip + offsetof(Ipv6Header, dst);
}

void refuse(Flow& flow, DropReason reason) noexcept {
  flow.kind = FlowKind::kMalformed;
  flow.drop = reason;
}

// Reads the ports of a malformed packet, if they are there.
void refuse_l4(const uint8_t* l4, uint32_t room, Flow& flow, DropReason reason) noexcept {
  refuse(flow, reason);
  if (room >= 4) read_ports(l4, Order::kAsIs, flow.key);
}

DropReason why_unread(const rte_mbuf* mbuf) noexcept {
  const uint32_t len = mbuf->data_len;
  if (len < sizeof(Ipv4Header)) return DropReason::k_ip_truncated;
  const auto* data = rte_pktmbuf_mtod(mbuf, const uint8_t*);
  if (data[0] >> 4 == 4) {
    const uint32_t header_len = (data[0] & 15u) * 4;
    return header_len < sizeof(Ipv4Header) || header_len > len ? DropReason::k_ip_header_length
                                                               : DropReason::k_ip_total_length;
  }
  if (data[0] >> 4 != 6) return DropReason::k_ip_version;
  if (len < sizeof(Ipv6Header)) return DropReason::k_ip_truncated;
  const auto* ip = reinterpret_cast<const Ipv6Header*>(data);
  return sizeof *ip + ip->payload_length.host() > mbuf->pkt_len ? DropReason::k_ip_total_length
                                                                : DropReason::k_ip_extensions;
}

// These read the header at `l4`, with `room` contiguous bytes of `bytes` in all.
void read_tcp(const uint8_t* l4, uint32_t room, uint32_t bytes, Flow& flow) noexcept {
  if (room < sizeof(TcpHeader)) return refuse_l4(l4, room, flow, DropReason::k_tcp_truncated);
  const auto* tcp = reinterpret_cast<const TcpHeader*>(l4);
  const uint32_t header_len = (tcp->data_offset >> 4) * 4u;
  if (header_len < sizeof *tcp || header_len > bytes)
    return refuse_l4(l4, room, flow, DropReason::k_tcp_truncated);
  flow.l4_type = tcp->flags;
  flow.payload_len = bytes - header_len;
  read_ports(l4, Order::kAsIs, flow.key);
}

void read_udp(const uint8_t* l4, uint32_t room, uint32_t bytes, Flow& flow) noexcept {
  if (room < sizeof(UdpHeader)) return refuse_l4(l4, room, flow, DropReason::k_udp_truncated);
  const uint32_t length = reinterpret_cast<const UdpHeader*>(l4)->length.host();
  if (length < sizeof(UdpHeader) || length > bytes)
    return refuse_l4(l4, room, flow, DropReason::k_udp_length);
  flow.payload_len = length - unsigned{sizeof(UdpHeader)};
  read_ports(l4, Order::kAsIs, flow.key);
}

void read_sctp(const uint8_t* l4, uint32_t room, uint32_t bytes, Flow& flow) noexcept {
  if (room < sizeof(SctpHeader)) return refuse_l4(l4, room, flow, DropReason::k_sctp_truncated);
  flow.l4_type = reinterpret_cast<const SctpHeader*>(l4)->chunk_type;
  flow.payload_len = bytes - kSctpCommonHeaderLen;
  read_ports(l4, Order::kAsIs, flow.key);
}

// `end`: of the contiguous bytes.
void read_embedded(const uint8_t* data, uint32_t end, Flow& flow) noexcept {
  IpPacket& embedded = flow.embedded;
  flow.kind = FlowKind::kIcmpError;
  // A quote has only the packet's first bytes, so any length in its header is possible.
  const uint32_t ip = flow.packet.l4 + unsigned{sizeof(IcmpHeader)};
  if (!read_ip_packet(data, end, UINT32_MAX, ip, embedded) || embedded.ipv6 != flow.packet.ipv6 ||
      embedded.later_fragment || routes_by_itself(embedded) ||
      embedded.l4 + kLeastEmbedded > std::min(end, embedded.end))
    return refuse(flow, DropReason::k_icmp_embedded);
  read_addresses(data, embedded, Order::kReverse, flow.key);
  if (has_ports(embedded.protocol)) read_ports(data + embedded.l4, Order::kReverse, flow.key);
}

bool is_icmp_error(uint8_t type, bool ipv6) noexcept {
  return ipv6 ? type >= 1 && type <= 4 : type == 3 || type == 11 || type == 12;
}

// Source quench and redirect quote a packet as errors do, but are not forwarded (RFC 6633, RFC 1812
// section 4.3.3.2).
bool is_obsolete_error(uint8_t type, bool ipv6) noexcept {
  return !ipv6 && (type == 4 || type == 5);
}

// Reads the quoted packet, to find its connection.
[[gnu::cold]] void refuse_obsolete(const uint8_t* data, uint32_t end, Flow& flow) noexcept {
  const FlowKey key = flow.key;
  read_embedded(data, end, flow);
  flow.key = key;
  refuse(flow, DropReason::k_icmp_embedded);
}

void read_icmp(const uint8_t* data, uint32_t end, Flow& flow) noexcept {
  if (flow.packet.l4 + sizeof(IcmpHeader) > end) return refuse(flow, DropReason::k_icmp_truncated);
  const uint8_t type = data[flow.packet.l4];
  flow.l4_type = type;
  flow.kind = FlowKind::kOther;
  if (is_icmp_error(type, flow.packet.ipv6)) return read_embedded(data, end, flow);
  if (is_obsolete_error(type, flow.packet.ipv6)) return refuse_obsolete(data, end, flow);
  if (flow.packet.ipv6 ? type == 128 || type == 129 : type == 8 || type == 0)
    flow.kind = FlowKind::kEcho;
}

}  // namespace

Flow read_flow(const rte_mbuf* mbuf, VrfId vrf) noexcept {
  Flow flow{};
  const auto* data = rte_pktmbuf_mtod(mbuf, const uint8_t*);
  const IpPacket& packet = flow.packet;
  flow.key.vrf = vrf;
  if (!read_ip_packet(data, mbuf->data_len, mbuf->pkt_len, 0, flow.packet)) {
    refuse(flow, why_unread(mbuf));
    read_fixed_header(mbuf, flow.key);
    return flow;
  }
  read_addresses(data, packet, Order::kAsIs, flow.key);
  if (routes_by_itself(packet)) {
    refuse(flow, DropReason::k_ip_extensions);
    return flow;
  }
  if (packet.is_fragment()) {
    flow.kind = FlowKind::kFragment;
    return flow;
  }
  const uint32_t end = std::min<uint32_t>(mbuf->data_len, packet.end);
  const uint8_t* l4 = data + packet.l4;
  const uint32_t room = end - packet.l4, bytes = packet.end - packet.l4;
  switch (packet.protocol) {
    case kIpProtocolTcp:
      read_tcp(l4, room, bytes, flow);
      break;
    case kIpProtocolUdp:
      read_udp(l4, room, bytes, flow);
      break;
    case kIpProtocolSctp:
      read_sctp(l4, room, bytes, flow);
      break;
    default:
      if (is_icmp(packet))
        read_icmp(data, end, flow);
      else
        flow.kind = FlowKind::kOther;
  }
  return flow;
}

bool read_first_ports(const rte_mbuf* mbuf, const Flow& flow, FlowKey& key) noexcept {
  const uint32_t l4 = flow.packet.l4;
  if (flow.packet.later_fragment || !has_ports(flow.packet.protocol) || l4 + 4 > mbuf->data_len)
    return false;
  key = flow.key;
  read_ports(rte_pktmbuf_mtod_offset(mbuf, const uint8_t*, l4), Order::kAsIs, key);
  return true;
}

bool begins_icmp_error(const rte_mbuf* mbuf, const Flow& flow) noexcept {
  const IpPacket& packet = flow.packet;
  if (packet.later_fragment || !is_icmp(packet) || packet.l4 >= mbuf->data_len) return false;
  const uint8_t type = *rte_pktmbuf_mtod_offset(mbuf, const uint8_t*, packet.l4);
  return is_icmp_error(type, packet.ipv6) || is_obsolete_error(type, packet.ipv6);
}

Flow read_first_error(const rte_mbuf* mbuf, const Flow& flow) noexcept {
  Flow error = flow;
  read_icmp(rte_pktmbuf_mtod(mbuf, const uint8_t*),
            std::min<uint32_t>(mbuf->data_len, flow.packet.end), error);
  return error;
}

}  // namespace adit

// SPDX-License-Identifier: Apache-2.0
#include "bridge/gateway.h"

#include <algorithm>

#include "packet/extension_headers.h"
#include "packet/ip_rules.h"
#include "packet/vlan.h"
#include "worker/doors.h"

namespace adit {
namespace {

bool is_own(const std::vector<Ipv6Key>& own, const Ipv6Key& address) noexcept {
  return std::find(own.begin(), own.end(), address) != own.end();
}

// Where its message begins; 0: it is no neighbour discovery. It may have extension headers (RFC
// 8200 section 4). `at`: of the IPv6 header.
unsigned discovery_at(const rte_mbuf* mbuf, unsigned at) noexcept {
  const auto& ip = *rte_pktmbuf_mtod_offset(mbuf, const Ipv6Header*, at);
  if (!is_extension_header(ip.next_header)) {
    const unsigned behind = at + unsigned{sizeof ip};
    const bool is_one = ip.next_header == kIpProtocolIcmpv6 && ip.hop_limit == 255 &&
                        mbuf->data_len > behind &&
                        is_nd_type(*rte_pktmbuf_mtod_offset(mbuf, const uint8_t*, behind));
    return is_one ? behind : 0;
  }
  const uint32_t end = at + unsigned{sizeof ip} + ip.payload_length.host();
  IpPacket found;
  const bool is_one =
      ip.hop_limit == 255 && end <= mbuf->pkt_len &&
      read_at_destination(rte_pktmbuf_mtod(mbuf, const uint8_t*), mbuf->data_len, at, end, found) &&
      !found.is_fragment() && found.protocol == kIpProtocolIcmpv6 && found.l4 < mbuf->data_len &&
      is_nd_type(*rte_pktmbuf_mtod_offset(mbuf, const uint8_t*, found.l4));
  return is_one ? found.l4 : 0;
}

// ARP and ND for the gateway: requests for our addresses or for routers, announcements of hosts
// (RFC 5227 section 3, RFC 4861 section 7.2.6), and messages of others that use one of our
// addresses.
bool concerns(const GatewayEntry& gateway, const rte_mbuf* mbuf) noexcept {
  const auto* ethernet = rte_pktmbuf_mtod(mbuf, const EthernetHeader*);
  unsigned behind = sizeof *ethernet;
  be16 type_of_frame = ethernet->ether_type;
  if (is_vlan_type(type_of_frame) && !skip_priority_tags(mbuf, behind, type_of_frame)) [[unlikely]]
    return false;
  const unsigned left = mbuf->data_len - behind;
  if (type_of_frame == be16(kEtherTypeArp)) {
    const auto& arp = *rte_pktmbuf_mtod_offset(mbuf, const ArpPacket*, behind);
    return left >= sizeof arp && ethernet->dst.is_broadcast() &&
           (arp.sender_ip == arp.target_ip ||
            is_own(gateway.own_ipv4, Ipv6Key{0, arp.target_ip.raw()}) ||
            is_own(gateway.own_ipv4, Ipv6Key{0, arp.sender_ip.raw()}));
  }
  constexpr unsigned kTarget = 8;  // behind type, code, checksum and flags
  constexpr uint8_t kRouterSolicitation = 133, kSolicitation = 135, kAdvertisement = 136;
  if (type_of_frame != be16(kEtherTypeIpv6) || left < sizeof(Ipv6Header)) return false;
  const auto& ip = *rte_pktmbuf_mtod_offset(mbuf, const Ipv6Header*, behind);
  const unsigned icmp = discovery_at(mbuf, behind);
  if (icmp == 0 || mbuf->data_len < icmp + kTarget) return false;
  const auto* at = rte_pktmbuf_mtod_offset(mbuf, const uint8_t*, icmp);
  const uint8_t type = at[0];
  if (type == kRouterSolicitation) return !gateway.router_advertisement.empty();
  if (mbuf->data_len < icmp + kTarget + sizeof(Ipv6Key)) return false;
  Ipv6Key source, target;
  std::memcpy(&source, ip.src.data(), sizeof source);
  std::memcpy(&target, at + kTarget, sizeof target);
  return type == kAdvertisement || (type == kSolicitation && (is_own(gateway.own_ipv6, target) ||
                                                              is_own(gateway.own_ipv6, source)));
}

}  // namespace

void send_to_gateway(Worker& worker, Packet& packet) noexcept {
  leave(worker, packet.out, packet.mbuf->pkt_len);
  worker.to_gateways.push(packet);
}

bool offer_to_gateway(Worker& worker, const Packet& packet) noexcept {
  const GatewayEntry* gateway = gateway_of(*worker.snapshot, packet.network);
  if (packet.in == gateway->bridge_port || !concerns(*gateway, packet.mbuf)) return false;
  worker.counters.copied.add(1);
  const bool has_room = worker.gateway_copy_count < worker.gateway_copies.size();
  rte_mbuf* copy = has_room ? rte_pktmbuf_copy(packet.mbuf, worker.pool, 0, UINT32_MAX) : nullptr;
  if (copy == nullptr) {
    count_drop(worker, packet.mbuf, DropReason::k_no_buffer);
    return true;
  }
  Packet& offered = worker.gateway_copies[worker.gateway_copy_count++];
  offered = packet;
  offered.mbuf = copy;
  worker.to_gateways.push(offered);
  return true;
}

}  // namespace adit

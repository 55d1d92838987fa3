// SPDX-License-Identifier: Apache-2.0
#include "bridge/gateway.h"

#include <algorithm>

#include "packet/ip_rules.h"
#include "worker/doors.h"

namespace adit {
namespace {

bool is_own(const std::vector<Ipv6Key>& own, const Ipv6Key& address) noexcept {
  return std::find(own.begin(), own.end(), address) != own.end();
}

// ARP and ND for the gateway: requests for our addresses or for routers, announcements of hosts
// (RFC 5227 section 3, RFC 4861 section 7.2.6), and messages of others that use one of our
// addresses.
bool concerns(const GatewayEntry& gateway, const rte_mbuf* mbuf) noexcept {
  const auto* ethernet = rte_pktmbuf_mtod(mbuf, const EthernetHeader*);
  const unsigned left = mbuf->data_len - unsigned{sizeof *ethernet};
  if (ethernet->ether_type == be16(kEtherTypeArp)) {
    const auto& arp = *reinterpret_cast<const ArpPacket*>(ethernet + 1);
    return left >= sizeof arp && ethernet->dst.is_broadcast() &&
           (arp.sender_ip == arp.target_ip ||
            is_own(gateway.own_ipv4, Ipv6Key{0, arp.target_ip.raw()}) ||
            is_own(gateway.own_ipv4, Ipv6Key{0, arp.sender_ip.raw()}));
  }
  // Type, code, checksum, flags: then the target.
  constexpr unsigned kTarget = sizeof(Ipv6Header) + 8;
  constexpr uint8_t kRouterSolicitation = 133, kSolicitation = 135, kAdvertisement = 136;
  if (ethernet->ether_type != be16(kEtherTypeIpv6) || left < kTarget) return false;
  const auto& ip = *reinterpret_cast<const Ipv6Header*>(ethernet + 1);
  if (!is_neighbour_discovery(mbuf, ip)) return false;
  const auto* at = reinterpret_cast<const uint8_t*>(ethernet + 1);
  const uint8_t type = at[sizeof ip];
  if (type == kRouterSolicitation) return !gateway.router_advertisement.empty();
  if (left < kTarget + sizeof(Ipv6Key)) return false;
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

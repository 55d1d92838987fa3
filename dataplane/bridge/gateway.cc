// SPDX-License-Identifier: Apache-2.0
#include "bridge/gateway.h"

#include <algorithm>

#include "host/host.h"
#include "packet/mss.h"
#include "route/route.h"

namespace adit {
namespace {

bool is_own(const std::vector<Ipv6Key>& own, const Ipv6Key& address) noexcept {
  return std::find(own.begin(), own.end(), address) != own.end();
}

// Questions for our addresses or for routers, what hosts announce (RFC 5227 section 3, RFC 4861
// section 7.2.6), and whatever another says from an address of ours.
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
  if (!underlay::is_neighbour_discovery(mbuf, ip)) return false;
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

void enter_gateway(Worker& worker, Packet& packet) noexcept {
  TrafficCounters& counters = worker.bridge_port_counters[packet.out];
  counters.tx_packets.add(1);
  counters.tx_bytes.add(packet.mbuf->pkt_len);
  take_in(worker, network_link(packet.network), packet);
}

bool offer_to_gateway(Worker& worker, const Packet& packet) noexcept {
  const GatewayEntry* gateway = gateway_of(*worker.snapshot, packet.network);
  if (packet.in == gateway->bridge_port || !concerns(*gateway, packet.mbuf)) return false;
  worker.counters.copied.add(1);
  Packet copy = packet;
  copy.mbuf = rte_pktmbuf_copy(packet.mbuf, worker.pool, 0, UINT32_MAX);
  if (copy.mbuf == nullptr)
    count_drop(worker, packet.mbuf, DropReason::k_no_buffer);
  else
    take_in(worker, network_link(packet.network), copy);
  return true;
}

void send_from_gateway(Worker& worker, NetworkId network, rte_mbuf* mbuf) noexcept {
  const Snapshot& snapshot = *worker.snapshot;
  const GatewayEntry* gateway = gateway_of(snapshot, network);
  const auto* ethernet = rte_pktmbuf_mtod(mbuf, const EthernetHeader*);
  // While the frame waited the gateway may have gone, and its network's id be another's.
  if (gateway == nullptr || ethernet->src != gateway->mac) [[unlikely]]
    return drop(worker, mbuf, DropReason::k_neighbour_unresolved);
  if (worker.from_gateway_count == worker.from_gateways.size()) bridge_from_gateways(worker);
  const BridgePort& in = snapshot.bridge_ports[gateway->bridge_port];
  if (in.flags & BridgePort::kMssClamp)
    clamp_mss(mbuf, snapshot.networks[network].least_frame_bytes);
  Packet& packet = worker.from_gateways[worker.from_gateway_count++];
  packet = {};
  packet.mbuf = mbuf;
  packet.src_key = snapshot.networks[network].gateway_key;
  packet.dst_key = fdb_key(network, ethernet->dst);
  packet.in = gateway->bridge_port;
  packet.network = network;
  packet.in_flags = in.flags;
  packet.drop = DropReason::kCount;
  worker.fdb->prefetch(packet.dst_key);
  TrafficCounters& counters = worker.bridge_port_counters[packet.in];
  counters.rx_packets.add(1);
  counters.rx_bytes.add(mbuf->pkt_len);
}

}  // namespace adit

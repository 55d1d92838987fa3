// SPDX-License-Identifier: Apache-2.0
#include "host.h"

#include <algorithm>

#include "checksum.h"
#include "egress.h"
#include "enter.h"
#include "nd.h"
#include "transmit.h"

namespace adit {
namespace {

constexpr uint16_t kArpRequest = 1;
constexpr uint16_t kArpReply = 2;
constexpr uint8_t kIcmpEchoReply = 0;
constexpr uint8_t kIcmpEchoRequest = 8;

// Whether the address is one of those of this very link.
bool is_address_of(const Interface& interface, be32 address) noexcept {
  const auto& own = interface.own_ipv4;
  return std::find(own.begin(), own.end(), Ipv6Key{0, address.raw()}) != own.end();
}

void report_neighbour(Worker& worker, LinkId link, const ArpPacket& arp) noexcept {
  Event event{};
  event.kind = Event::Kind::kNeighbourSeen;
  event.link = link;
  event.ip = IpAddr::v4(arp.sender_ip);
  event.mac = arp.sender_mac;
  report(worker, event);
}

rte_mbuf* make_arp_request(Worker& worker, const Command& command) noexcept {
  rte_mbuf* mbuf = rte_pktmbuf_alloc(worker.pool);
  if (mbuf == nullptr) return nullptr;
  auto* ethernet = reinterpret_cast<EthernetHeader*>(
      rte_pktmbuf_append(mbuf, sizeof(EthernetHeader) + sizeof(ArpPacket)));
  auto* arp = reinterpret_cast<ArpPacket*>(ethernet + 1);
  *ethernet = {command.destination_mac, command.source_mac, be16(kEtherTypeArp)};
  *arp = {be16(1),
          be16(kEtherTypeIpv4),
          sizeof(MacAddr),
          sizeof(be32),
          be16(kArpRequest),
          command.source_mac,
          command.source_ip.as_v4(),
          MacAddr{},
          command.target_ip.as_v4()};
  return mbuf;
}

}  // namespace

void answer_on(Worker& worker, LinkId link, const Packet& asked, rte_mbuf* mbuf) noexcept {
  if (is_network_link(link)) return send_another(worker, asked, mbuf, asked.in);
  send_on(worker, link, mbuf);
}

void take_in(Worker& worker, LinkId link, Packet& packet) noexcept {
  const Interface& own = *interface_of(*worker.snapshot, link);
  switch (check_routed(own.mac, packet)) {
    case RoutedClass::kRoute:
      return enter_routing(worker, packet, own.vrf);
    case RoutedClass::kHost:
      return packet.l4_payload == 0 ? handle_arp(worker, link, packet)
                                    : handle_icmpv6(worker, link, packet);
    case RoutedClass::kDrop:
      return drop(worker, packet.mbuf, packet.drop);
  }
}

void handle_arp(Worker& worker, LinkId link, Packet& packet) noexcept {
  rte_mbuf* mbuf = packet.mbuf;
  if (mbuf->data_len < sizeof(EthernetHeader) + sizeof(ArpPacket))
    return drop(worker, mbuf, DropReason::k_arp_malformed);
  auto* ethernet = reinterpret_cast<EthernetHeader*>(frame_of(mbuf));
  auto* arp = reinterpret_cast<ArpPacket*>(ethernet + 1);
  if (arp->hardware_type != be16(1) || arp->protocol_type != be16(kEtherTypeIpv4) ||
      arp->hardware_len != sizeof(MacAddr) || arp->protocol_len != sizeof(be32) ||
      (arp->operation != be16(kArpRequest) && arp->operation != be16(kArpReply)) ||
      arp->sender_mac.is_group() || arp->sender_mac.is_zero())
    return drop(worker, mbuf, DropReason::k_arp_malformed);

  const Interface& own = *interface_of(*worker.snapshot, link);
  const bool for_us = is_address_of(own, arp->target_ip);
  const bool announcement = arp->sender_ip == arp->target_ip;  // RFC 5227 section 3
  if (!for_us && !announcement) return drop(worker, mbuf, DropReason::k_arp_not_for_us);
  // Somebody else claims our address: an announcement of it is nothing to learn from.
  if (arp->sender_ip != be32(0) && !(for_us && announcement)) report_neighbour(worker, link, *arp);
  if (!for_us || announcement || arp->operation == be16(kArpReply)) {
    worker.counters.consumed.add(1);
    return discard(worker, mbuf);
  }

  ethernet->dst = arp->sender_mac;
  ethernet->src = own.mac;
  arp->operation = be16(kArpReply);
  std::swap(arp->sender_ip, arp->target_ip);
  arp->target_mac = arp->sender_mac;
  arp->sender_mac = own.mac;
  worker.counters.arp_requests_answered.add(1);
  answer_on(worker, link, packet, mbuf);
}

void handle_icmp(Worker& worker, PortId port, Packet& packet) noexcept {
  rte_mbuf* mbuf = packet.mbuf;
  const uint32_t offset = packet.l4_payload;
  if (offset + sizeof(IcmpEcho) > mbuf->data_len)
    return drop(worker, mbuf, DropReason::k_icmp_truncated);
  if (sum_mbuf(mbuf, offset, mbuf->pkt_len - offset) != 0xffff)
    return drop(worker, mbuf, DropReason::k_icmp_checksum);
  auto* ethernet = reinterpret_cast<EthernetHeader*>(frame_of(mbuf));
  auto* ip = reinterpret_cast<Ipv4Header*>(ethernet + 1);
  auto* icmp = reinterpret_cast<IcmpEcho*>(frame_of(mbuf) + offset);
  if (icmp->type != kIcmpEchoRequest || icmp->code != 0)
    return drop(worker, mbuf, DropReason::k_icmp_ignored);
  if (worker.snapshot->local_ipv4.find(ip->src.raw()) != 0)
    return drop(worker, mbuf, DropReason::k_ip_source);
  // The answer goes where the request says that it comes from: never to everyone.
  if (ethernet->src.is_group() || ethernet->src.is_zero())
    return drop(worker, mbuf, DropReason::k_source_mac_invalid);

  std::swap(ethernet->dst, ethernet->src);
  std::swap(ip->src, ip->dst);
  ip->checksum = update_checksum(ip->checksum, be16(static_cast<uint16_t>(ip->ttl << 8)),
                                 be16(uint16_t{kReplyTtl} << 8));
  ip->ttl = kReplyTtl;
  icmp->checksum = update_message_checksum(icmp->checksum, be16(uint16_t{kIcmpEchoRequest} << 8),
                                           be16(uint16_t{kIcmpEchoReply} << 8));
  icmp->type = kIcmpEchoReply;
  worker.counters.echo_requests_answered.add(1);
  enqueue(worker, port, mbuf);
}

void run_commands(Worker& worker) noexcept {
  Command command;
  while (rte_ring_sc_dequeue_elem(worker.commands, &command, sizeof command) == 0) {
    if (interface_of(*worker.snapshot, command.link) == nullptr) continue;
    rte_mbuf* mbuf = command.kind != Command::Kind::kAsk
                         ? make_router_advertisement(worker, command)
                     : command.target_ip.is_v4() ? make_arp_request(worker, command)
                                                 : make_solicitation(worker, command);
    if (mbuf == nullptr) continue;  // control asks again
    worker.counters.originated.add(1);
    send_on(worker, command.link, mbuf);
  }
}

}  // namespace adit

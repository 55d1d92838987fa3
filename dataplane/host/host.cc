// SPDX-License-Identifier: Apache-2.0
#include "host/host.h"

#include <algorithm>

#include "egress/egress.h"
#include "egress/ip_fragment.h"
#include "egress/transmit.h"
#include "host/nd.h"
#include "icmp/outer_error.h"
#include "packet/checksum.h"
#include "packet/ip_rules.h"
#include "packet/vlan.h"
#include "worker/punt.h"

namespace adit {
namespace {

constexpr uint16_t kArpRequest = 1;
constexpr uint16_t kArpReply = 2;
constexpr uint8_t kIcmpEchoReply = 0;
constexpr uint8_t kIcmpEchoRequest = 8;

// Whether the link's list has the address.
bool is_among(const std::vector<Ipv6Key>& list, be32 address) noexcept {
  return std::find(list.begin(), list.end(), Ipv6Key{0, address.raw()}) != list.end();
}

void report_neighbour(Worker& worker, LinkId link, const ArpPacket& arp, uint8_t what) noexcept {
  Event event{};
  event.kind = Event::Kind::kNeighbourSeen;
  event.link = link;
  event.ip = IpAddr::v4(arp.sender_ip);
  event.mac = arp.sender_mac;
  event.claim = what;
  report(worker, event);
}

// Whether a host on the link can have the address: it is unicast, not a broadcast address of the
// subnet, and not our own on another link. A virtual address is accepted: backends with
// `forwarding: direct` have it, and may send ARP requests from it.
bool can_be_sender(const Snapshot& snapshot, const Interface& own, be32 address) noexcept {
  return can_be_source(address) && !is_among(own.broadcasts, address) &&
         snapshot.own_sources.find(own.vrf, Ipv6Key{0, address.raw()}, false) !=
             OwnSources::Owner::kLink;
}

// kNone: the sender may be answered and, if it has an address, learned.
DropReason check_sender(Worker& worker, LinkId link, const EthernetHeader& ethernet,
                        const ArpPacket& arp) noexcept {
  const Interface& own = *interface_of(*worker.snapshot, link);
  if (ethernet.src.is_group() || ethernet.src.is_zero() || arp.sender_mac == own.mac)
    return DropReason::k_source_mac_invalid;
  // RFC 5227 section 2.4: a conflict, in requests and replies alike.
  if (is_among(own.own_ipv4, arp.sender_ip)) {
    report_conflict(worker, link, IpAddr::v4(arp.sender_ip), arp.sender_mac);
    return DropReason::k_address_conflict;
  }
  // RFC 5227 section 2.1.1: a probe has no sender address.
  const bool probes = arp.sender_ip == be32(0) && arp.operation == be16(kArpRequest);
  if (!probes && !can_be_sender(*worker.snapshot, own, arp.sender_ip))
    return DropReason::k_arp_sender;
  return DropReason::kNone;
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

void report_conflict(Worker& worker, LinkId link, const IpAddr& own, const MacAddr& mac) noexcept {
  if (!worker.reported->first_in(worker.now_s, hash_of(address_key(own)) + own.is_v4(), link))
    return;
  Event event{};
  event.kind = Event::Kind::kAddressConflict;
  event.link = link;
  event.ip = own;
  event.mac = mac;
  report(worker, event);
}

void answer_on(Worker& worker, LinkId link, const Packet& asked, rte_mbuf* mbuf) noexcept {
  if (is_network_link(link)) return send_another(worker, asked, mbuf, asked.in);
  transmit_on_link(worker, link, mbuf, {});
}

void answer_whole(Worker& worker, LinkId link, const Packet& asked, rte_mbuf* mbuf) noexcept {
  if (!was_put_together(mbuf)) [[likely]]
    return answer_on(worker, link, asked, mbuf);
  const EthernetHeader ethernet = *rte_pktmbuf_mtod(mbuf, const EthernetHeader*);
  const AsItCame came = as_it_came(mbuf);
  clear_put_together(mbuf);
  cut_front(mbuf, sizeof ethernet);
  const DropReason why = cut_packet(
      worker, mbuf, came.largest, be32::from_raw(came.id), [&](rte_mbuf* fragment) noexcept {
        std::memcpy(put_front(fragment, sizeof ethernet), &ethernet, sizeof ethernet);
        answer_on(worker, link, asked, fragment);
      });
  if (why != DropReason::kNone) return drop(worker, mbuf, why);
  discard(worker, mbuf);
}

namespace {

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
  if (const DropReason wrong = check_sender(worker, link, *ethernet, *arp);
      wrong != DropReason::kNone)
    return drop(worker, mbuf, wrong);
  const bool for_us = is_among(own.own_ipv4, arp->target_ip);
  const bool announcement = arp->sender_ip == arp->target_ip;  // RFC 5227 section 3
  if (!for_us && (!announcement || arp->sender_ip == be32(0)))
    return drop(worker, mbuf, DropReason::k_arp_not_for_us);
  const bool reply = arp->operation == be16(kArpReply);
  if (arp->sender_ip != be32(0))
    report_neighbour(worker, link, *arp,
                     reply && for_us ? claim::kSolicited | claim::kOverride : claim::kOverride);
  if (!for_us || reply) {
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

void handle_icmp(Worker& worker, LinkId link, Packet& packet) noexcept {
  rte_mbuf* mbuf = packet.mbuf;
  const uint32_t offset = packet.l4_payload;
  if (offset + sizeof(IcmpEcho) > mbuf->data_len)
    return drop(worker, mbuf, DropReason::k_icmp_truncated);
  if (sum_mbuf(mbuf, offset, mbuf->pkt_len - offset) != 0xffff)
    return drop(worker, mbuf, DropReason::k_icmp_checksum);
  auto* ethernet = reinterpret_cast<EthernetHeader*>(frame_of(mbuf));
  auto* ip = reinterpret_cast<Ipv4Header*>(ethernet + 1);
  auto* icmp = reinterpret_cast<IcmpEcho*>(frame_of(mbuf) + offset);
  if (icmp->type != kIcmpEchoRequest &&
      (take_outer_error(worker, mbuf, sizeof *ethernet, offset, 0) ||
       take_for_host(worker, 0, link, mbuf, sizeof *ethernet)))
    return;
  if (icmp->type != kIcmpEchoRequest || icmp->code != 0)
    return drop(worker, mbuf, DropReason::k_icmp_ignored);
  // The reply goes to the sender's MAC as the request has it, never to a group.
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
  answer_whole(worker, link, packet, mbuf);
}

}  // namespace

void answer_host(Worker& worker) noexcept {
  if (worker.to_host.empty()) return;
  for (Packet* packet : worker.to_host.span()) {
    const LinkId link = packet->link;
    if (packet->l4_payload == 0)
      handle_arp(worker, link, *packet);
    else if (packet->outer_ipv6)
      handle_icmpv6(worker, link, *packet);
    else
      handle_icmp(worker, link, *packet);
  }
  finish_encap(worker);
  worker.to_host.count = 0;
}

void run_commands(Worker& worker) noexcept {
  Command command;
  while (rte_ring_sc_dequeue_elem(worker.commands, &command, sizeof command) == 0) {
    if (command.kind == Command::Kind::kSendPacket) {
      worker.counters.originated.add(1);
      if (!worker.outbox.from_control.push({command.packet, command.vrf, command.backend}))
        drop(worker, command.packet, DropReason::k_no_buffer);
      continue;
    }
    if (interface_of(*worker.snapshot, command.link) == nullptr) continue;
    rte_mbuf* mbuf = command.kind != Command::Kind::kSolicit
                         ? make_router_advertisement(worker, command)
                     : command.target_ip.is_v4() ? make_arp_request(worker, command)
                                                 : make_solicitation(worker, command);
    if (mbuf == nullptr) continue;  // control asks again
    worker.counters.originated.add(1);
    transmit_on_link(worker, command.link, mbuf, {});
  }
}

}  // namespace adit

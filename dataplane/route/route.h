// SPDX-License-Identifier: Apache-2.0
// Routing of IP packets within a VRF: what comes in by its ports, tunnels
// and networks' gateways.
#pragma once

#include "icmp/icmp_error.h"
#include "ingress/underlay.h"
#include "worker/worker.h"

namespace adit {

enum class RoutedClass { kDrop, kHost, kRoute };

namespace routed {

// ICMPv6 that stays on its link is for handle_icmpv6: neighbour discovery, and echo requests from
// or to a link-local address, which no route leads to. kRoute: any other.
[[gnu::cold, gnu::noinline]] inline RoutedClass check_icmpv6(Packet& packet, const Ipv6Header& ip,
                                                             bool to_us) noexcept {
  constexpr uint32_t kIcmp = sizeof(EthernetHeader) + sizeof(Ipv6Header);
  constexpr uint8_t kEchoRequest = 128;
  const auto refuse = [&packet](DropReason reason) noexcept {
    packet.drop = reason;
    return RoutedClass::kDrop;
  };
  const bool echo = to_us && packet.mbuf->data_len > kIcmp &&
                    frame_of(packet.mbuf)[kIcmp] == kEchoRequest &&
                    (underlay::is_link_local(ip.src) || underlay::is_link_local(ip.dst));
  if (!echo && !underlay::is_neighbour_discovery(packet.mbuf, ip)) return RoutedClass::kRoute;
  const uint32_t end = kIcmp + ip.payload_length.host();
  if (end > packet.mbuf->pkt_len || !underlay::trim(packet.mbuf, end))
    return refuse(DropReason::k_ip_total_length);
  Ipv6Key source;
  std::memcpy(&source, ip.src.data(), sizeof source);
  if (!underlay::can_be_source(source)) return refuse(DropReason::k_ip_source);
  packet.outer_ipv6 = true;
  packet.l4_payload = kIcmp;
  return RoutedClass::kHost;
}

}  // namespace routed

// What an untagged frame that came in by a routed link is, where `own` is our MAC: an IP packet
// to route, whose Ethernet header is taken off; ARP or ND (kHost); or nothing that we take
// (Packet::drop).
inline RoutedClass check_routed(const MacAddr& own, Packet& packet) noexcept {
  rte_mbuf* mbuf = packet.mbuf;
  const auto* ethernet = reinterpret_cast<const EthernetHeader*>(frame_of(mbuf));
  const bool to_us = ethernet->dst == own;
  const auto refuse = [&packet](DropReason reason) noexcept {
    packet.drop = reason;
    return RoutedClass::kDrop;
  };
  if (ethernet->ether_type == be16(kEtherTypeArp)) {
    if (!to_us && !ethernet->dst.is_broadcast()) return refuse(DropReason::k_not_our_mac);
    packet.l4_payload = 0;
    return RoutedClass::kHost;
  }
  const bool ipv6 = ethernet->ether_type == be16(kEtherTypeIpv6);
  if (ipv6 && mbuf->data_len >= sizeof *ethernet + sizeof(Ipv6Header)) {
    // RFC 2464 section 7: 33:33 and the group's last four bytes.
    const bool to_group = ethernet->dst.bytes[0] == 0x33 && ethernet->dst.bytes[1] == 0x33;
    const auto& ip = *reinterpret_cast<const Ipv6Header*>(ethernet + 1);
    if ((to_us || to_group) && ip.next_header == kIpProtocolIcmpv6) [[unlikely]]
      if (const RoutedClass what = routed::check_icmpv6(packet, ip, to_us);
          what != RoutedClass::kRoute)
        return what;
  }
  if (!to_us) return refuse(DropReason::k_not_our_mac);
  if (!ipv6 && ethernet->ether_type != be16(kEtherTypeIpv4))
    return refuse(DropReason::k_ether_type_unknown);
  if (mbuf->data_len == sizeof *ethernet) return refuse(DropReason::k_ip_truncated);
  rte_pktmbuf_adj(mbuf, sizeof(EthernetHeader));
  if (frame_of(mbuf)[0] >> 4 != (ipv6 ? 6 : 4)) return refuse(DropReason::k_ip_version);
  return RoutedClass::kRoute;
}

// Drops those of Worker::routed whose IP header is wrong, and cuts the others to their length.
void check_packets(Worker& worker) noexcept;

// Lowers the TTL of a packet that is about to be wrapped. False: it ran out, its sender was told,
// and the packet is dropped.
bool take_hop(Worker& worker, Packet& packet) noexcept;

// Tells the packet's source, where that is permitted, and drops it. It is one that check_packets
// let pass, as are those below.
void refuse_with(Worker& worker, Packet& packet, IcmpProblem problem, DropReason reason) noexcept;
// The same with kTooBig, where it may not be fragmented; false: it may.
bool refuse_too_big(Worker& worker, Packet& packet, uint32_t mtu) noexcept;
// Sends `reply`, which begins with its IP header, by the VRF of the packet; null: nothing.
void answer_with(Worker& worker, const Packet& packet, rte_mbuf* reply) noexcept;

// Sends one packet on its way at once, where the list has no place for it.
void route_now(Worker& worker, Packet& packet) noexcept;

// Sends each packet of Worker::routed on its way, answers it or drops it. Their buffers begin
// with the IP header; Packet::network is the VRF.
void route_all(Worker& worker) noexcept;

// Tells the source of a packet, which the buffer begins with, that it does not fit the way behind
// the VRF's link to a network. Afterwards it can only be dropped.
void report_too_big(Worker& worker, VrfId vrf, rte_mbuf* mbuf, uint32_t mtu) noexcept;

// Tells the source of a routed packet that its next hop did not answer. Afterwards the frame can
// only be dropped.
void report_host_unreachable(Worker& worker, LinkId link, rte_mbuf* frame,
                             const RoutedFrame& routed) noexcept;

}  // namespace adit

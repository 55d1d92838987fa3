// SPDX-License-Identifier: Apache-2.0
// What comes in by routed links: ports and VLANs of VRFs, networks' gateways.
#pragma once

#include "ingress/enter.h"
#include "packet/extension_headers.h"
#include "packet/ip_rules.h"
#include "packet/vlan.h"
#include "worker/worker.h"

namespace adit {

enum class RoutedClass { kDrop, kHost, kRoute, kFragment };

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
                    (is_link_local(ip.src) || is_link_local(ip.dst));
  if (!echo && !is_neighbour_discovery(packet.mbuf, ip)) return RoutedClass::kRoute;
  const uint32_t end = kIcmp + ip.payload_length.host();
  if (end > packet.mbuf->pkt_len || !trim_to(packet.mbuf, end))
    return refuse(DropReason::k_ip_total_length);
  Ipv6Key source;
  std::memcpy(&source, ip.src.data(), sizeof source);
  if (!can_be_source(source)) return refuse(DropReason::k_ip_source);
  packet.outer_ipv6 = true;
  packet.l4_payload = kIcmp;
  return RoutedClass::kHost;
}

// Of a fragment of ICMPv6 from or to a link-local address, which ends at `end`.
inline RoutedClass take_link_fragment(Packet& packet, uint32_t end) noexcept {
  if (end <= packet.mbuf->pkt_len && trim_to(packet.mbuf, end)) return RoutedClass::kFragment;
  packet.drop = DropReason::k_ip_total_length;
  return RoutedClass::kDrop;
}

// The same with extension headers (RFC 8200 section 4), which are taken off, but for a fragment's.
// kRoute: it is none.
[[gnu::cold, gnu::noinline]] inline RoutedClass check_extended_icmpv6(Packet& packet,
                                                                      const Ipv6Header& ip,
                                                                      bool to_us) noexcept {
  constexpr uint32_t kIp = sizeof(EthernetHeader);
  constexpr uint8_t kEchoRequest = 128;
  rte_mbuf* mbuf = packet.mbuf;
  const uint32_t end = kIp + unsigned{sizeof ip} + ip.payload_length.host();
  IpPacket found;
  if (end > mbuf->pkt_len ||
      !read_at_destination(frame_of(mbuf), mbuf->data_len, kIp, end, found) ||
      found.protocol != kIpProtocolIcmpv6 || found.l4 >= mbuf->data_len)
    return RoutedClass::kRoute;
  const bool on_link = is_link_local(ip.src) || is_link_local(ip.dst);
  if (found.is_fragment())
    return to_us && on_link ? take_link_fragment(packet, end) : RoutedClass::kRoute;
  const uint8_t type = frame_of(mbuf)[found.l4];
  const bool discovers = is_nd_type(type) && ip.hop_limit == 255;
  const bool echo = to_us && type == kEchoRequest && on_link;
  if (!discovers && !echo) return RoutedClass::kRoute;
  if (discovers && found.has_fragment_header) {  // RFC 6980 section 5
    packet.drop = DropReason::k_nd_malformed;
    return RoutedClass::kDrop;
  }
  take_off_extension_headers(mbuf, kIp, found.l4, found.protocol);
  return check_icmpv6(packet, *rte_pktmbuf_mtod_offset(mbuf, const Ipv6Header*, kIp), to_us);
}

// The same in a fragment, for Worker::link_fragments. kRoute: it is none.
[[gnu::cold, gnu::noinline]] inline RoutedClass check_link_fragment(Packet& packet,
                                                                    const Ipv6Header& ip) noexcept {
  constexpr uint32_t kFragment = sizeof(EthernetHeader) + sizeof(Ipv6Header);
  if ((!is_link_local(ip.src) && !is_link_local(ip.dst)) || packet.mbuf->data_len <= kFragment ||
      frame_of(packet.mbuf)[kFragment] != kIpProtocolIcmpv6)
    return RoutedClass::kRoute;
  return take_link_fragment(packet, kFragment + ip.payload_length.host());
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
    if (to_us && ip.next_header == kIpProtocolFragment) [[unlikely]]
      if (const RoutedClass what = routed::check_link_fragment(packet, ip);
          what != RoutedClass::kRoute)
        return what;
    if ((to_us || to_group) && is_extension_header(ip.next_header)) [[unlikely]]
      if (const RoutedClass what = routed::check_extended_icmpv6(packet, ip, to_us);
          what != RoutedClass::kRoute)
        return what;
  }
  if (!to_us) return refuse(DropReason::k_not_our_mac);
  if (!ipv6 && ethernet->ether_type != be16(kEtherTypeIpv4))
    return refuse(DropReason::k_ether_type_unknown);
  if (mbuf->data_len == sizeof *ethernet) return refuse(DropReason::k_ip_truncated);
  cut_front(mbuf, sizeof(EthernetHeader));
  if (frame_of(mbuf)[0] >> 4 != (ipv6 ? 6 : 4)) return refuse(DropReason::k_ip_version);
  return RoutedClass::kRoute;
}

// Of a frame that came in by `link`, where our MAC is `own`: routes it, in the VRF, puts it in
// Worker::to_host, or drops it.
inline void accept_untagged(Worker& worker, LinkId link, const MacAddr& own, VrfId vrf,
                            Packet& packet) noexcept {
  switch (check_routed(own, packet)) {
    case RoutedClass::kRoute:
      return enter_routing(worker, packet, vrf);
    case RoutedClass::kHost:
      packet.link = link;
      return worker.to_host.push(packet);
    case RoutedClass::kFragment:
      packet.link = link;
      return worker.link_fragments.push(packet);
    case RoutedClass::kDrop:
      return drop(worker, packet.mbuf, packet.drop);
  }
}

// The same, by a VLAN or from a network: takes tags off that carry a priority alone.
void accept_routed(Worker& worker, LinkId link, Packet& packet) noexcept;

// What is whole of Worker::link_fragments.
[[gnu::cold]] void accept_link_fragments(Worker& worker) noexcept;

// What bridges have for their networks' gateways: Worker::to_gateways.
void accept_from_networks(Worker& worker) noexcept;

}  // namespace adit

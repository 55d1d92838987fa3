// SPDX-License-Identifier: Apache-2.0
// Checks of what comes in by an underlay port, from Ethernet to the tunnel header. Inline:
// every packet of every tunnel passes here, and the pipeline is the only caller.
#pragma once

#include "adit/snapshot.h"
#include "packet/checksum.h"
#include "packet/extension_headers.h"
#include "packet/fragment.h"
#include "packet/inner.h"
#include "packet/ip_rules.h"
#include "packet/local_port.h"
#include "packet/packet.h"
#include "packet/udp_checksum.h"
#include "tunnel/outer_source.h"

namespace adit {

// kHost: ARP (Packet::l4_payload is 0), ICMP or ICMPv6. kControl: of Snapshot::local_ports.
enum class UnderlayClass { kDrop, kHost, kTunnel, kFragment, kRoute, kControl };

namespace underlay {

inline constexpr uint32_t kIpOffset = sizeof(EthernetHeader);
inline constexpr uint32_t kIpv6FragmentLen = 8;  // RFC 8200 section 4.5

// The caller drops it: here the reason is noted only.
inline UnderlayClass refuse(Packet& packet, DropReason reason) noexcept {
  packet.drop = reason;
  return UnderlayClass::kDrop;
}

// What no tunnel takes, to an address of ours. `offset`: where its IP header ends.
[[gnu::cold, gnu::noinline]] inline UnderlayClass refuse_unless_control(
    const Snapshot& snapshot, Packet& packet, uint8_t protocol, uint32_t offset,
    DropReason reason) noexcept {
  const LocalPort to{0, protocol, destination_port_of(packet.mbuf, protocol, offset)};
  if (!is_local_port(snapshot, to)) return refuse(packet, reason);
  packet.outer_protocol = protocol;
  packet.l4_payload = static_cast<uint16_t>(offset);
  return UnderlayClass::kControl;
}

// UDP's header is at `offset`, the IP packet ends at `end`: bytes from the frame's start. Trims the
// buffer to the datagram of a tunnel.
inline UnderlayClass check_udp(const Snapshot& snapshot, Packet& packet, uint32_t offset,
                               uint32_t end) noexcept {
  rte_mbuf* mbuf = packet.mbuf;
  if (offset + sizeof(UdpHeader) > end || offset + sizeof(UdpHeader) > mbuf->data_len)
    return refuse(packet, DropReason::k_udp_truncated);
  const auto* udp = reinterpret_cast<const UdpHeader*>(frame_of(mbuf) + offset);
  for (const UdpTunnel& tunnel : snapshot.udp_tunnels) {
    if (udp->dst_port != be16(tunnel.port)) continue;
    const uint32_t length = udp->length.host();
    if (length < sizeof(UdpHeader) || offset + length > end)
      return refuse(packet, DropReason::k_udp_length);
    // Zero is accepted over IPv4 (RFC 7348 section 4.3), over IPv6 where the operator says so
    // (RFC 6935); anything else has to be right.
    const bool none = udp->checksum == be16(0);
    if (none ? packet.outer_ipv6 && !tunnel.zero_checksum6
             : !udp_checksum_ok(mbuf, udp, kIpOffset, offset, packet.outer_ipv6))
      return refuse(packet, DropReason::k_udp_checksum);
    if (!trim_to(mbuf, offset + length)) return refuse(packet, DropReason::k_udp_length);
    packet.tunnel = tunnel.tunnel;
    packet.l4_payload = static_cast<uint16_t>(offset + sizeof(UdpHeader));
    return UnderlayClass::kTunnel;
  }
  return refuse_unless_control(snapshot, packet, kIpProtocolUdp, offset,
                               DropReason::k_udp_port_closed);
}

// What follows the IP header, which begins at kIpOffset; the packet ends at `end`.
inline UnderlayClass check_payload(const Snapshot& snapshot, Packet& packet, uint8_t protocol,
                                   uint32_t offset, uint32_t end) noexcept {
  packet.l4_payload = static_cast<uint16_t>(offset);
  packet.outer_protocol = protocol;
  if (protocol == kIpProtocolUdp) return check_udp(snapshot, packet, offset, end);
  const uint8_t action = snapshot.ip_protocols[protocol];
  const bool to_host = protocol == (packet.outer_ipv6 ? kIpProtocolIcmpv6 : kIpProtocolIcmp);
  if (action == 0 && !to_host) [[unlikely]]
    return refuse_unless_control(snapshot, packet, protocol, offset,
                                 DropReason::k_ip_protocol_unknown);
  if (!trim_to(packet.mbuf, end)) return refuse(packet, DropReason::k_ip_total_length);
  if (to_host) return UnderlayClass::kHost;
  packet.tunnel = static_cast<uint8_t>(action - 1);
  return UnderlayClass::kTunnel;
}

// RFC 7348 section 4.3 permits to drop a tunnel's. Only a remote's are kept, so that nobody else
// takes the room for them; a host puts together what it answers itself (RFC 1122 section 3.3.2).
[[gnu::cold, gnu::noinline]] inline UnderlayClass check_fragment(const Snapshot& snapshot,
                                                                 Packet& packet, uint8_t protocol,
                                                                 uint32_t end) noexcept {
  packet.outer_protocol = protocol;
  const bool to_host = protocol == (packet.outer_ipv6 ? kIpProtocolIcmpv6 : kIpProtocolIcmp);
  const bool wanted =
      to_host || (snapshot.reassemble && snapshot.remote_addresses.find(outer_source(packet)) != 0);
  if (!wanted || !trim_to(packet.mbuf, end)) return refuse(packet, DropReason::k_ip_fragment);
  return UnderlayClass::kFragment;
}

// To none of our addresses: perhaps a service's, or an answer of its backends.
inline UnderlayClass take_for_services(const Snapshot& snapshot, Packet& packet) noexcept {
  if (!snapshot.balanced_vrfs[0]) return refuse(packet, DropReason::k_ip_not_local);
  return UnderlayClass::kRoute;
}

// RFC 1812 sections 5.2.2 and 5.3.7: version, lengths, checksum (unless the NIC has found it right)
// and source; then what the packet carries, if it is to an address of ours.
inline UnderlayClass check_ipv4(const Snapshot& snapshot, Packet& packet) noexcept {
  rte_mbuf* mbuf = packet.mbuf;
  if (mbuf->data_len < kIpOffset + sizeof(Ipv4Header))
    return refuse(packet, DropReason::k_ip_truncated);
  const auto* ip = reinterpret_cast<const Ipv4Header*>(frame_of(mbuf) + kIpOffset);
  const uint32_t header_len = (ip->version_ihl & 15u) * 4;
  if (ip->version_ihl != 0x45) [[unlikely]] {
    if (ip->version_ihl >> 4 != 4) return refuse(packet, DropReason::k_ip_version);
    if (header_len < sizeof(Ipv4Header) || kIpOffset + header_len > mbuf->data_len)
      return refuse(packet, DropReason::k_ip_header_length);
  }
  const uint32_t end = kIpOffset + ip->total_length.host();
  if (end < kIpOffset + header_len || end > mbuf->pkt_len)
    return refuse(packet, DropReason::k_ip_total_length);
  const uint64_t offloaded = mbuf->ol_flags & RTE_MBUF_F_RX_IP_CKSUM_MASK;
  if (offloaded != RTE_MBUF_F_RX_IP_CKSUM_GOOD) {
    // The usual length is known to the compiler, which unrolls the sum.
    const bool right = header_len == sizeof(Ipv4Header) ? ipv4_header_sum_ok(ip, sizeof(Ipv4Header))
                                                        : ipv4_header_sum_ok(ip, header_len);
    if (!right) return refuse(packet, DropReason::k_ip_checksum);
  }
  if (!can_be_source(ip->src)) return refuse(packet, DropReason::k_ip_source);
  if (snapshot.local_ipv4.find(ip->dst.raw()) == 0) return take_for_services(snapshot, packet);
  packet.outer_ipv6 = false;
  packet.outer_tos = ip->tos;
  if ((ip->fragment.host() & (kIpv4MoreFragments | kIpv4OffsetMask)) != 0)
    return check_fragment(snapshot, packet, ip->protocol, end);
  return check_payload(snapshot, packet, ip->protocol, kIpOffset + header_len, end);
}

// RFC 6980 section 5: neighbour discovery with a fragment header, wherever that stands, is dropped.
inline bool is_discovery_type(const rte_mbuf* mbuf, const IpPacket& found) noexcept {
  if (found.protocol != kIpProtocolIcmpv6 || found.l4 >= mbuf->data_len) return false;
  return is_nd_type(*rte_pktmbuf_mtod_offset(mbuf, const uint8_t*, found.l4));
}

// What is for the host step goes there without extension headers, and so does its answer.
[[gnu::cold, gnu::noinline]] inline UnderlayClass check_extension_headers(const Snapshot& snapshot,
                                                                          Packet& packet,
                                                                          uint32_t end) noexcept {
  rte_mbuf* mbuf = packet.mbuf;
  IpPacket found;
  const bool good = read_at_destination(frame_of(mbuf), mbuf->data_len, kIpOffset, end, found);
  // What is behind the header of a fragment may go on in the next one.
  if (found.is_fragment()) return check_fragment(snapshot, packet, found.protocol, end);
  if (!good) return refuse(packet, DropReason::k_ip_extensions);
  if (found.has_fragment_header && is_discovery_type(mbuf, found))
    return refuse(packet, DropReason::k_nd_malformed);
  if (found.protocol == kIpProtocolIcmpv6) {
    const uint32_t bytes = take_off_extension_headers(mbuf, kIpOffset, found.l4, found.protocol);
    found.l4 -= bytes;
    end -= bytes;
  }
  return check_payload(snapshot, packet, found.protocol, found.l4, end);
}

// What has a fragment header as its first one, at `offset`. A whole packet may have it too: it is
// one like any other without (RFC 6946), except that neighbour discovery must not (RFC 6980).
[[gnu::cold, gnu::noinline]] inline UnderlayClass check_fragment_header(const Snapshot& snapshot,
                                                                        Packet& packet,
                                                                        uint32_t offset,
                                                                        uint32_t end) noexcept {
  rte_mbuf* mbuf = packet.mbuf;
  if (offset + kIpv6FragmentLen > end || offset + kIpv6FragmentLen > mbuf->data_len)
    return refuse(packet, DropReason::k_ip_truncated);
  const uint8_t* header = frame_of(mbuf) + offset;
  const uint8_t protocol = header[0];
  if (header[2] != 0 || (header[3] & 0xf9) != 0)
    return check_fragment(snapshot, packet, protocol, end);
  if (is_extension_header(protocol)) return check_extension_headers(snapshot, packet, end);
  take_off_fragment_header(mbuf, kIpOffset, offset, kIpOffset + offsetof(Ipv6Header, next_header));
  end -= kIpv6FragmentLen;
  const auto* ip = reinterpret_cast<const Ipv6Header*>(frame_of(mbuf) + kIpOffset);
  if (is_neighbour_discovery(mbuf, *ip)) return refuse(packet, DropReason::k_nd_malformed);
  return check_payload(snapshot, packet, protocol, offset, end);
}

// Of what has no ICMPv6 behind its IP header, but perhaps neighbour discovery behind others.
[[gnu::cold, gnu::noinline]] inline DropReason why_not_to_group(const rte_mbuf* mbuf,
                                                                const Ipv6Header& ip,
                                                                uint32_t end) noexcept {
  IpPacket found;
  if (!is_extension_header(ip.next_header) ||
      !read_at_destination(rte_pktmbuf_mtod(mbuf, const uint8_t*), mbuf->data_len, kIpOffset, end,
                           found) ||
      found.is_fragment() || !is_discovery_type(mbuf, found))
    return DropReason::k_ip_not_local;
  return found.has_fragment_header ? DropReason::k_nd_malformed : DropReason::kNone;
}

// To one of our addresses, or to a group that ICMPv6 uses.
inline UnderlayClass check_ipv6(const Snapshot& snapshot, Packet& packet, bool to_group) noexcept {
  rte_mbuf* mbuf = packet.mbuf;
  if (mbuf->data_len < kIpOffset + sizeof(Ipv6Header))
    return refuse(packet, DropReason::k_ip_truncated);
  const auto* ip = reinterpret_cast<const Ipv6Header*>(frame_of(mbuf) + kIpOffset);
  const uint32_t word = ip->version_class_label.host();
  if (word >> 28 != 6) return refuse(packet, DropReason::k_ip_version);
  constexpr uint32_t kPayload = kIpOffset + sizeof(Ipv6Header);
  const uint32_t end = kPayload + ip->payload_length.host();
  if (end > mbuf->pkt_len) return refuse(packet, DropReason::k_ip_total_length);
  Ipv6Key src, dst;
  std::memcpy(&src, ip->src.data(), sizeof src);
  std::memcpy(&dst, ip->dst.data(), sizeof dst);
  if (!can_be_source(src)) return refuse(packet, DropReason::k_ip_source);
  if (to_group && ip->next_header != kIpProtocolIcmpv6) {
    if (const DropReason why = why_not_to_group(mbuf, *ip, end); why != DropReason::kNone)
      return refuse(packet, why);
  }
  // A service's address may be asked for by its own name.
  if (!to_group && snapshot.local_ipv6.find(dst) == 0 && !is_neighbour_discovery(mbuf, *ip))
    return take_for_services(snapshot, packet);
  packet.outer_ipv6 = true;
  packet.outer_tos = static_cast<uint8_t>(word >> 20);
  if (ip->next_header == kIpProtocolFragment) [[unlikely]]
    return check_fragment_header(snapshot, packet, kPayload, end);
  if (is_extension_header(ip->next_header)) [[unlikely]]
    return check_extension_headers(snapshot, packet, end);
  return check_payload(snapshot, packet, ip->next_header, kPayload, end);
}

// Why a packet that enters no tunnel is dropped: what has a sound header and is from an address of
// ours, a subnet's broadcast, or no address, is so for that alone. Tunnels know their senders, and
// ICMPv6 is for handle_icmpv6 to judge.
template <class Header>
[[gnu::cold, gnu::noinline]] UnderlayClass check_own_source(const Snapshot& snapshot,
                                                            Packet& packet,
                                                            UnderlayClass judged) noexcept {
  constexpr bool kIpv6 = sizeof(Header) == sizeof(Ipv6Header);
  const rte_mbuf* mbuf = packet.mbuf;
  if ((kIpv6 && judged == UnderlayClass::kHost) || mbuf->data_len < kIpOffset + sizeof(Header))
    return judged;
  const bool header_is_wrong =
      judged == UnderlayClass::kDrop &&
      (packet.drop == DropReason::k_ip_version || packet.drop == DropReason::k_ip_header_length ||
       packet.drop == DropReason::k_ip_total_length || packet.drop == DropReason::k_ip_checksum);
  if (header_is_wrong) return judged;
  const auto* ip = reinterpret_cast<const Header*>(frame_of(packet.mbuf) + kIpOffset);
  Ipv6Key source;
  if constexpr (kIpv6)
    std::memcpy(&source, ip->src.data(), sizeof source);
  else
    source.low = ip->src.raw();
  // Before it has an address, a host tells routers of its groups from none (RFC 3590).
  bool none = kIpv6 && (source.high | source.low) == 0;
  if constexpr (kIpv6) none = none && ip->dst[0] != 0xff;
  if (!none && !snapshot.own_sources.has(0, source, kIpv6)) return judged;
  return refuse(packet, DropReason::k_ip_source);
}

// The final judgement: that of what enters no tunnel may change by its source.
template <class Header>
UnderlayClass checked_source(const Snapshot& snapshot, Packet& packet,
                             UnderlayClass judged) noexcept {
  if (judged == UnderlayClass::kTunnel) [[likely]]
    return judged;
  return check_own_source<Header>(snapshot, packet, judged);
}

}  // namespace underlay

// Sets the outer facts of the packet, trims the buffer to the IP packet's (UDP datagram's)
// end, or sets Packet::drop. The frame is untagged and has an Ethernet header.
inline UnderlayClass check_underlay(const Snapshot& snapshot, const PortEntry& port,
                                    Packet& packet) noexcept {
  const auto* ethernet = reinterpret_cast<const EthernetHeader*>(frame_of(packet.mbuf));
  const bool to_us = ethernet->dst == port.mac;
  if (ethernet->ether_type == be16(kEtherTypeIpv4)) {
    if (!to_us) return underlay::refuse(packet, DropReason::k_not_our_mac);
    return underlay::checked_source<Ipv4Header>(snapshot, packet,
                                                underlay::check_ipv4(snapshot, packet));
  }
  if (ethernet->ether_type == be16(kEtherTypeIpv6)) {
    // RFC 2464 section 7: 33:33 and the group's last four bytes.
    const bool to_group = ethernet->dst.bytes[0] == 0x33 && ethernet->dst.bytes[1] == 0x33;
    if (!to_us && !to_group) return underlay::refuse(packet, DropReason::k_not_our_mac);
    return underlay::checked_source<Ipv6Header>(snapshot, packet,
                                                underlay::check_ipv6(snapshot, packet, to_group));
  }
  if (ethernet->ether_type == be16(kEtherTypeArp)) {
    if (!to_us && !ethernet->dst.is_broadcast())
      return underlay::refuse(packet, DropReason::k_not_our_mac);
    packet.l4_payload = 0;
    return UnderlayClass::kHost;
  }
  return underlay::refuse(packet,
                          to_us ? DropReason::k_ether_type_unknown : DropReason::k_not_our_mac);
}

}  // namespace adit

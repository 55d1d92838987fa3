// SPDX-License-Identifier: Apache-2.0
#include "underlay.h"

#include "checksum.h"
#include "inner.h"

namespace adit {
namespace {

UnderlayClass refuse(Packet& packet, DropReason reason) noexcept {
  packet.drop = reason;
  return UnderlayClass::kDrop;
}

// Cuts everything after the first `len` bytes: padding, or what lies behind a datagram.
bool trim(rte_mbuf* mbuf, uint32_t len) noexcept {
  if (mbuf->pkt_len == len) return true;
  return rte_pktmbuf_trim(mbuf, static_cast<uint16_t>(mbuf->pkt_len - len)) == 0;
}

// Unspecified, loopback, multicast and reserved (RFC 1122 section 3.2.1.3) cannot send.
bool can_be_source(be32 address) noexcept {
  const uint32_t first = address.host() >> 24;
  return first != 0 && first != 127 && first < 224;
}

bool udp_checksum_ok(const rte_mbuf* mbuf, const Ipv4Header* ip, const UdpHeader* udp,
                     uint32_t udp_offset) noexcept {
  const uint64_t offloaded = mbuf->ol_flags & RTE_MBUF_F_RX_L4_CKSUM_MASK;
  if (offloaded == RTE_MBUF_F_RX_L4_CKSUM_GOOD) return true;
  // RFC 768: addresses, protocol and UDP length, then the datagram.
  const uint64_t pseudo = sum_words(&ip->src, 8) + be16(kIpProtocolUdp).raw() + udp->length.raw();
  return fold_sum(pseudo + sum_mbuf(mbuf, udp_offset, udp->length.host())) == 0xffff;
}

UnderlayClass check_udp(const Snapshot& snapshot, Packet& packet, const Ipv4Header* ip,
                        uint32_t offset, uint32_t end) noexcept {
  rte_mbuf* mbuf = packet.mbuf;
  if (offset + sizeof(UdpHeader) > end || offset + sizeof(UdpHeader) > mbuf->data_len)
    return refuse(packet, DropReason::k_udp_truncated);
  const auto* udp = reinterpret_cast<const UdpHeader*>(frame_of(mbuf) + offset);
  for (const UdpTunnel& tunnel : snapshot.udp_tunnels) {
    if (udp->dst_port != be16(tunnel.port)) continue;
    const uint32_t length = udp->length.host();
    if (length < sizeof(UdpHeader) || offset + length > end)
      return refuse(packet, DropReason::k_udp_length);
    // RFC 7348 section 4.3: zero is accepted, anything else has to be right.
    if (udp->checksum != be16(0) && !udp_checksum_ok(mbuf, ip, udp, offset))
      return refuse(packet, DropReason::k_udp_checksum);
    if (!trim(mbuf, offset + length)) return refuse(packet, DropReason::k_udp_length);
    packet.tunnel = tunnel.tunnel;
    packet.l4_payload = static_cast<uint16_t>(offset + sizeof(UdpHeader));
    return UnderlayClass::kTunnel;
  }
  return refuse(packet, DropReason::k_udp_port_closed);
}

UnderlayClass check_ipv4(const Snapshot& snapshot, Packet& packet) noexcept {
  rte_mbuf* mbuf = packet.mbuf;
  constexpr uint32_t kStart = sizeof(EthernetHeader);
  if (mbuf->data_len < kStart + sizeof(Ipv4Header))
    return refuse(packet, DropReason::k_ip_truncated);
  const auto* ip = reinterpret_cast<const Ipv4Header*>(frame_of(mbuf) + kStart);
  if (ip->version_ihl >> 4 != 4) return refuse(packet, DropReason::k_ip_version);
  const uint32_t header_len = (ip->version_ihl & 15u) * 4;
  if (header_len < sizeof(Ipv4Header) || kStart + header_len > mbuf->data_len)
    return refuse(packet, DropReason::k_ip_header_length);
  const uint32_t end = kStart + ip->total_length.host();
  if (end < kStart + header_len || end > mbuf->pkt_len)
    return refuse(packet, DropReason::k_ip_total_length);
  const uint64_t offloaded = mbuf->ol_flags & RTE_MBUF_F_RX_IP_CKSUM_MASK;
  if (offloaded != RTE_MBUF_F_RX_IP_CKSUM_GOOD && !ipv4_header_sum_ok(ip, header_len))
    return refuse(packet, DropReason::k_ip_checksum);
  if (!can_be_source(ip->src)) return refuse(packet, DropReason::k_ip_source);
  if (snapshot.local_addresses.find(ip->dst.raw()) == 0)
    return refuse(packet, DropReason::k_ip_not_local);
  if ((ip->fragment.host() & (kIpv4MoreFragments | kIpv4OffsetMask)) != 0)
    return refuse(packet, DropReason::k_ip_fragment);

  packet.outer_src = ip->src.raw();
  packet.outer_ecn = ip->tos & kEcnMask;
  packet.l4_payload = static_cast<uint16_t>(kStart + header_len);
  if (ip->protocol == kIpProtocolUdp)
    return check_udp(snapshot, packet, ip, kStart + header_len, end);
  if (ip->protocol == kIpProtocolIcmp) {
    if (!trim(mbuf, end)) return refuse(packet, DropReason::k_ip_total_length);
    return UnderlayClass::kIcmp;
  }
  return refuse(packet, DropReason::k_ip_protocol_unknown);
}

}  // namespace

UnderlayClass check_underlay(const Snapshot& snapshot, const PortEntry& port,
                             Packet& packet) noexcept {
  const auto* ethernet = reinterpret_cast<const EthernetHeader*>(frame_of(packet.mbuf));
  const bool to_us = ethernet->dst == port.mac;
  if (ethernet->ether_type == be16(kEtherTypeIpv4)) {
    if (!to_us) return refuse(packet, DropReason::k_not_our_mac);
    return check_ipv4(snapshot, packet);
  }
  if (ethernet->ether_type == be16(kEtherTypeArp)) {
    if (!to_us && !ethernet->dst.is_broadcast()) return refuse(packet, DropReason::k_not_our_mac);
    return UnderlayClass::kArp;
  }
  return refuse(packet, to_us ? DropReason::k_ether_type_unknown : DropReason::k_not_our_mac);
}

}  // namespace adit

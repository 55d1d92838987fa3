// SPDX-License-Identifier: Apache-2.0
// The outer headers of plain frames of tunnels: IP without options or fragments, the tunnel's
// header without options. What is checked is what ingress/underlay.h checks.
#pragma once

#include "express/lane.h"
#include "packet/udp_checksum.h"
#include "tunnel/plain.h"

namespace adit {

struct Outer {
  SenderKey sender;
  uint64_t hash;                          // of the sender
  const SharedTable<SenderKey>* senders;  // of its tunnel kind
  uint32_t end;                           // of the inner frame, bytes from the outer one's begin
  uint16_t inside;                        // offset of the inner frame, bytes
  uint8_t tos;                            // or traffic class
  uint8_t ttl;                            // or hop limit
};

class OuterReader {
 public:
  // For one burst: the snapshot has to stay.
  explicit OuterReader(const Snapshot& snapshot) noexcept
      : snapshot_(snapshot), gre_kinds_(snapshot) {}

  // Whether the frame, which is to our MAC, is a plain one of a tunnel. Nothing is said of its
  // sender: who may send at all is known of those that have a remote.
  [[gnu::always_inline]] bool read(const rte_mbuf* mbuf, Outer& outer) noexcept {
    const be16 type = rte_pktmbuf_mtod(mbuf, const EthernetHeader*)->ether_type;
    if (type == be16(kEtherTypeIpv4)) [[likely]]
      return read_ip<Ipv4>(mbuf, outer);
    return type == be16(kEtherTypeIpv6) && read_ip<Ipv6>(mbuf, outer);
  }

 private:
  static bool is_plain_header(const Ipv4Header& ip, const rte_mbuf* mbuf) noexcept {
    return ip.version_ihl == 0x45 && !Ipv4::is_fragment(ip) &&
           ((mbuf->ol_flags & RTE_MBUF_F_RX_IP_CKSUM_MASK) == RTE_MBUF_F_RX_IP_CKSUM_GOOD ||
            ipv4_header_sum_ok(&ip, sizeof ip));
  }
  static bool is_plain_header(const Ipv6Header& ip, const rte_mbuf*) noexcept {
    return ip.version_class_label.host() >> 28 == 6;
  }
  static uint32_t packet_bytes(const Ipv4Header& ip) noexcept { return ip.total_length.host(); }
  static uint32_t packet_bytes(const Ipv6Header& ip) noexcept {
    return unsigned{sizeof ip} + ip.payload_length.host();
  }
  static uint8_t tos(const Ipv4Header& ip) noexcept { return ip.tos; }
  static uint8_t tos(const Ipv6Header& ip) noexcept {
    return static_cast<uint8_t>(ip.version_class_label.host() >> 20);
  }

  bool is_own(const Ipv4&, const Ipv6Key& address) const noexcept {
    return snapshot_.local_ipv4.find(address.low) != 0;
  }
  bool is_own(const Ipv6&, const Ipv6Key& address) const noexcept {
    return snapshot_.local_ipv6.find(address) != 0;
  }

  // Most packets are to the same address of ours.
  template <class Ip>
  bool is_for_us(const Ipv6Key& destination) noexcept {
    if (destination == own_) [[likely]]
      return true;
    if (!is_own(Ip{}, destination)) return false;
    own_ = destination;
    return true;
  }

  template <class Ip>
  [[gnu::always_inline]] bool read_ip(const rte_mbuf* mbuf, Outer& outer) noexcept {
    constexpr uint32_t kL4 = kIpOffset + sizeof(typename Ip::Header);
    constexpr uint32_t kLeast = kL4 + sizeof(UdpHeader) + kMostPlainBytes + sizeof(EthernetHeader);
    if (mbuf->data_len < kLeast) return false;
    const auto& ip = *rte_pktmbuf_mtod_offset(mbuf, const typename Ip::Header*, kIpOffset);
    outer.sender.source = Ip::key_at(Ip::source(ip));
    const uint32_t end = kIpOffset + packet_bytes(ip);
    if (!is_plain_header(ip, mbuf) || end > mbuf->data_len || !is_for_us<Ip>(Ip::host_key(ip)))
      return false;
    const uint8_t* l4 = reinterpret_cast<const uint8_t*>(&ip + 1);
    PlainHeader header{};
    if (Ip::protocol(ip) == kIpProtocolUdp) [[likely]] {
      header = read_udp(mbuf, l4, kL4, end, Ip::kIpv6, outer);
      outer.inside = static_cast<uint16_t>(kL4 + sizeof(UdpHeader) + header.bytes);
    } else if (Ip::protocol(ip) == kIpProtocolGre) {
      header = read_plain_gre(gre_kinds_, l4);
      outer.inside = static_cast<uint16_t>(kL4 + header.bytes);
      outer.end = end;
    } else if (Ip::protocol(ip) == kIpProtocolTcp && end >= kL4) {
      header = read_plain_tcp(snapshot_, ip, mbuf, kL4, end - kL4);
      outer.inside = static_cast<uint16_t>(kL4 + header.bytes);
      outer.end = end;
    } else {
      return false;
    }
    outer.sender.id = header.id;
    outer.hash = hash_of(outer.sender);
    outer.senders = &snapshot_.tunnels[header.tunnel].senders;
    outer.tos = tos(ip);
    outer.ttl = Ip::ttl(ip);
    return header.bytes != 0 && outer.end >= outer.inside + sizeof(EthernetHeader);
  }

  // UDP's header is at `offset`; the IP packet ends at `end`.
  [[gnu::always_inline]] PlainHeader read_udp(const rte_mbuf* mbuf, const uint8_t* at,
                                              uint32_t offset, uint32_t end, bool ipv6,
                                              Outer& outer) noexcept {
    const auto& udp = *reinterpret_cast<const UdpHeader*>(at);
    outer.end = offset + udp.length.host();
    if (outer.end > end || !knows_port(udp.dst_port)) return {};
    const bool none = udp.checksum == be16(0);
    if (none ? ipv6 && !tunnel_.zero_checksum6
             : !udp_checksum_ok(mbuf, &udp, kIpOffset, offset, ipv6))
      return {};
    return read_plain_udp(tunnel_.tunnel, at + sizeof udp);
  }

  // Most packets are of the same kind.
  bool knows_port(be16 port) noexcept {
    if (port.raw() == port_) [[likely]]
      return true;
    for (const UdpTunnel& tunnel : snapshot_.udp_tunnels) {
      if (port != be16(tunnel.port)) continue;
      tunnel_ = tunnel;
      port_ = port.raw();
      return true;
    }
    return false;
  }

  const Snapshot& snapshot_;
  GreKinds gre_kinds_;
  // What the last one had: our address, UDP port and kind.
  Ipv6Key own_ = {};
  uint32_t port_ = UINT32_MAX;  // as it is in the header
  UdpTunnel tunnel_ = {};
};

}  // namespace adit

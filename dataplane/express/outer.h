// SPDX-License-Identifier: Apache-2.0
// The outer headers of plain frames of tunnels: IP without options or fragments, the tunnel's
// header without options. What is checked is what ingress/underlay.h checks.
#pragma once

#include "express/own_packets.h"
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

class OuterReader : OwnPackets {
 public:
  // For one burst: the snapshot has to stay.
  explicit OuterReader(const Snapshot& snapshot) noexcept
      : OwnPackets(snapshot), gre_kinds_(snapshot) {}

  // Whether the frame, which is to our MAC, is a plain one of a tunnel. Nothing is said of its
  // sender: who may send at all is known of those that have a remote.
  [[gnu::always_inline]] bool read(const rte_mbuf* mbuf, Outer& outer) noexcept {
    const be16 type = rte_pktmbuf_mtod(mbuf, const EthernetHeader*)->ether_type;
    if (type == be16(kEtherTypeIpv4)) [[likely]]
      return read_ip<Ipv4>(mbuf, outer);
    return type == be16(kEtherTypeIpv6) && read_ip<Ipv6>(mbuf, outer);
  }

 private:
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

  GreKinds gre_kinds_;
  // What the last one had: UDP port and kind.
  uint32_t port_ = UINT32_MAX;  // as it is in the header
  UdpTunnel tunnel_ = {};
};

}  // namespace adit

// SPDX-License-Identifier: Apache-2.0
// The outer Ethernet and IP header of every tunnel: template and patch, over IPv4 and IPv6.
#pragma once

#include <rte_mbuf.h>

#include <cstring>

#include "adit/tunnel_ops.h"
#include "packet/checksum.h"
#include "packet/inner.h"
#include "tunnel/outer_source.h"
#include "worker/worker.h"

namespace adit {

// Bytes, without options and extension headers.
constexpr unsigned outer_ip_len(bool ipv6) noexcept {
  constexpr unsigned kIpv6 = sizeof(EthernetHeader) + sizeof(Ipv6Header);
  constexpr unsigned kIpv4 = sizeof(EthernetHeader) + sizeof(Ipv4Header);
  return ipv6 ? kIpv6 : kIpv4;
}
inline unsigned outer_ip_len(const BridgePort& out) noexcept {
  return outer_ip_len((out.outer & outer::kIpv6) != 0);
}

// Control: writes both headers to the start of the template, and the sizes for a tunnel
// header of `tunnel_len` bytes behind them, UDP's included; returns where that begins.
// Destination MAC, length, ECN and checksum are left zero; the next hop's MAC is written
// when it is known.
inline uint8_t* compile_outer_ip(const TunnelEndpoint& endpoint, uint8_t protocol,
                                 unsigned tunnel_len, BridgePort& out) {
  const bool ipv6 = !endpoint.remote_ip.is_v4();
  out.outer = endpoint.outer;
  auto* ethernet = reinterpret_cast<EthernetHeader*>(out.header.data());
  *ethernet = {MacAddr{}, endpoint.source_mac, be16(ipv6 ? kEtherTypeIpv6 : kEtherTypeIpv4)};
  if (ipv6) {
    auto* ip = reinterpret_cast<Ipv6Header*>(ethernet + 1);
    ip->version_class_label = be32(uint32_t{6} << 28 | uint32_t{endpoint.dscp} << 22);
    ip->payload_length = be16(0);
    ip->next_header = protocol;
    ip->hop_limit = endpoint.ttl;
    std::memcpy(ip->src.data(), endpoint.source_ip.bytes.data(), sizeof ip->src);
    std::memcpy(ip->dst.data(), endpoint.remote_ip.bytes.data(), sizeof ip->dst);
    out.outer |= outer::kIpv6;
    // RFC 8200 section 8.1: addresses, length and protocol.
    out.checksum_base =
        fold_sum(sum_words(ip->src.data(), 2 * sizeof ip->src) + be16(protocol).raw());
  } else {
    auto* ip = reinterpret_cast<Ipv4Header*>(ethernet + 1);
    // RFC 7348 section 4.3: not to be fragmented; an atomic datagram needs no id (RFC 6864).
    *ip = {0x45,
           static_cast<uint8_t>(endpoint.dscp << 2),
           be16(0),
           be16(0),
           be16(kIpv4DontFragment),
           endpoint.ttl,
           protocol,
           be16(0),
           endpoint.source_ip.as_v4(),
           endpoint.remote_ip.as_v4()};
    out.checksum_base = fold_sum(sum_words(ip, sizeof *ip));
  }
  const unsigned begin = outer_ip_len(ipv6);
  ADIT_ASSERT(begin + tunnel_len >= 32 && begin + tunnel_len <= out.header.size());
  out.header_len = static_cast<uint8_t>(begin + tunnel_len);
  out.max_frame_bytes = endpoint.mtu_bytes + unsigned{sizeof(EthernetHeader)} - out.header_len;
  return out.header.data() + begin;
}

// Control: the header is the template, and what finish_plain() fills in (tunnel/plain.h), unless
// packets need an identification (RFC 6864).
inline void set_plain_header(BridgePort& out) noexcept {
  if ((out.outer & (outer::kClearDf | outer::kInheritDf)) == 0)
    out.plain_outer = PlainOuter::kOther;
}

// Two moves of 32 bytes that overlap, or four: shorter than a call for any length.
inline void copy_header(uint8_t* header, const BridgePort& out) noexcept {
  const unsigned len = out.header_len;
  ADIT_ASSERT(len >= 32 && len <= out.header.size());
  const uint8_t* from = out.header.data();
  std::memcpy(header, from, 32);
  if (len > 64) std::memcpy(header + 32, from + 32, 32);
  std::memcpy(header + len - 32, from + len - 32, 32);
}

// Copies the template before the frame. Null when there is no headroom.
inline uint8_t* prepend_header(rte_mbuf* mbuf, const BridgePort& out) noexcept {
  auto* header = reinterpret_cast<uint8_t*>(rte_pktmbuf_prepend(mbuf, out.header_len));
  if (header != nullptr) [[likely]]
    copy_header(header, out);
  return header;
}

// Whom the packet with this outer header is sent to.
inline Ipv6Key outer_destination(const uint8_t* header, const BridgePort& out) noexcept {
  const uint8_t* ip = header + sizeof(EthernetHeader);
  Ipv6Key key;
  if (out.outer & outer::kIpv6)
    std::memcpy(&key, ip + offsetof(Ipv6Header, dst), sizeof key);
  else
    key.low = reinterpret_cast<const Ipv4Header*>(ip)->dst.raw();
  return key;
}

// TunnelOps::wire_id of kinds whose id is just that.
inline uint64_t plain_wire_id(const std::optional<uint64_t>& id) {
  return id.value_or(0);
}

// RFC 2983: DSCP; DF and TTL where the operator wants those of the inner packet. Out of line:
// hardly anybody asks for it.
[[gnu::noinline]] inline void patch_inner_dependent(Worker& worker, uint8_t* header,
                                                    const BridgePort& out,
                                                    const InnerFlow& inner) noexcept {
  const bool uniform_dscp = (out.outer & outer::kUniformDscp) && inner.is_ip;
  const bool uniform_ttl = (out.outer & outer::kUniformTtl) && inner.is_ip;
  if (out.outer & outer::kIpv6) {
    auto* ip = reinterpret_cast<Ipv6Header*>(header + sizeof(EthernetHeader));
    const uint32_t word = ip->version_class_label.host();
    constexpr uint32_t kClass = uint32_t{0xff} << 20;
    if (uniform_dscp) ip->version_class_label = be32((word & ~kClass) | uint32_t{inner.tos} << 20);
    if (uniform_ttl) ip->hop_limit = inner.ttl;
    return;
  }
  auto* ip = reinterpret_cast<Ipv4Header*>(header + sizeof(EthernetHeader));
  if (uniform_dscp) ip->tos = inner.tos;
  if (uniform_ttl) ip->ttl = inner.ttl;
  const bool inherits = (out.outer & outer::kInheritDf) != 0;
  if ((out.outer & outer::kClearDf) || (inherits && !inner.df)) {
    ip->fragment = be16(0);
    // RFC 6864: now it matters.
    ip->id = be16(next_ip_id(worker, kUnderlayTenant, outer_destination(header, out)));
  }
  ip->checksum = be16(0);
  const uint16_t sum = fold_sum(sum_words(ip, sizeof *ip));
  ip->checksum = be16::from_raw(static_cast<uint16_t>(~sum));
}

// Workers: fill in what differs from packet to packet. `header` is a copy of the template; `bytes`
// come behind the IP header.
inline void patch_outer_ipv4(uint8_t* header, const BridgePort& out, uint32_t bytes,
                             uint8_t ecn) noexcept {
  auto* ip = reinterpret_cast<Ipv4Header*>(header + sizeof(EthernetHeader));
  const be16 length(static_cast<uint16_t>(bytes + sizeof *ip));
  ip->total_length = length;
  ip->tos |= ecn;
  const uint16_t sum = fold_sum(uint64_t{out.checksum_base} + length.raw() + be16(ecn).raw());
  ip->checksum = be16::from_raw(static_cast<uint16_t>(~sum));
}
inline void patch_outer_ipv6(uint8_t* header, uint32_t bytes, uint8_t ecn,
                             uint32_t entropy) noexcept {
  auto* ip = reinterpret_cast<Ipv6Header*>(header + sizeof(EthernetHeader));
  ip->payload_length = be16(static_cast<uint16_t>(bytes));
  // RFC 6438: the flow label carries the entropy.
  ip->version_class_label = be32::from_raw(ip->version_class_label.raw() |
                                           be32(uint32_t{ecn} << 20 | entropy >> 12).raw());
}

// Fills in what the template left open. `bytes`: behind the outer IP header.
inline void patch_outer_ip(Worker& worker, uint8_t* header, const BridgePort& out, uint32_t bytes,
                           const InnerFlow& inner) noexcept {
  const uint8_t ecn = inner.tos & kEcnMask;
  if (out.outer & outer::kIpv6)
    patch_outer_ipv6(header, bytes, ecn, inner.entropy);
  else
    patch_outer_ipv4(header, out, bytes, ecn);
  if (out.outer & outer::kInnerDependent) [[unlikely]]
    patch_inner_dependent(worker, header, out, inner);
}

// RFC 7637 section 3.2: the FlowID, the lowest byte of NVGRE's header, is the flow's entropy.
inline void finish_nvgre(uint8_t* header, unsigned ip_end, uint32_t entropy) noexcept {
  header[ip_end + sizeof(NvgreHeader) - 1] = static_cast<uint8_t>(entropy >> 24);
}

// TunnelOps::encap: `finish(header, ip_end, out, packet)` fills in what the kind has behind the IP
// header, which ends at `ip_end`.
template <class Finish>
inline std::size_t encap_each(Worker& worker, std::span<Packet* const> packets,
                              Finish finish) noexcept {
  for (Packet* packet : packets) {
    const BridgePort& out = worker.snapshot->bridge_ports[packet->out];
    uint8_t* header = prepend_header(packet->mbuf, out);
    if (header == nullptr) [[unlikely]] {
      packet->drop = DropReason::k_no_headroom;
      continue;
    }
    const unsigned ip_end = outer_ip_len(out);
    patch_outer_ip(worker, header, out, packet->mbuf->pkt_len - ip_end, packet->inner);
    finish(header, ip_end, out, *packet);
  }
  return packets.size();
}

}  // namespace adit

// SPDX-License-Identifier: Apache-2.0
// Tunnel headers of plain frames, for the express lane: those without options, whose length is
// known. A kind that is not here is left to the pipeline.
#pragma once

#include "tunnel/gre_kinds.h"
#include "tunnel/outer_udp.h"
#include "tunnel/stt_plain.h"

namespace adit {

// No tunnel header here is longer.
inline constexpr unsigned kMostPlainBytes = 8;

struct PlainHeader {
  uint64_t id;     // as Packet::tunnel_id
  uint8_t tunnel;  // tunnel_index()
  uint8_t bytes;   // of the tunnel header; 0: it is not plain
};

// Of what came to the UDP port of `tunnel`. `at`: kMostPlainBytes behind UDP's header.
inline PlainHeader read_plain_udp(uint8_t tunnel, const uint8_t* at) noexcept {
  static_assert(sizeof(VxlanHeader) == kMostPlainBytes && sizeof(GeneveHeader) == kMostPlainBytes);
  const auto& geneve = *reinterpret_cast<const GeneveHeader*>(at);
  const bool is_plain = tunnel == tunnel_index(TunnelKind::kVxlan)
                            ? (at[0] & kVxlanFlagVni) != 0
                            : tunnel == tunnel_index(TunnelKind::kGeneve) &&
                                  geneve.version_length == 0 &&
                                  (geneve.flags & (kGeneveCritical | kGeneveControl)) == 0 &&
                                  geneve.protocol == be16(kEtherTypeBridged);
  // VXLAN has its VNI at the same place.
  return {geneve.vni_reserved.host() >> 8, tunnel,
          static_cast<uint8_t>(is_plain ? sizeof(VxlanHeader) : 0)};
}

// Of what came by GRE. `at`: kMostPlainBytes behind the IP header.
inline PlainHeader read_plain_gre(const GreKinds& kinds, const uint8_t* at) noexcept {
  constexpr uint32_t kKeyed = uint32_t{kGreKey} << 16;
  const uint32_t word = reinterpret_cast<const be32*>(at)->host();
  const uint32_t key = reinterpret_cast<const be32*>(at + sizeof(GreHeader))->host();
  const bool has_key = (word & kKeyed) != 0;
  if ((word & ~kKeyed) != kEtherTypeBridged || kinds.numbered ||
      (has_key && kinds.keyed == GreKinds::Keyed::kEither))
    return {};
  if (!has_key) return {0, tunnel_index(TunnelKind::kGre), sizeof(GreHeader)};
  if (kinds.keyed == GreKinds::Keyed::kNvgre)
    return {key >> 8, tunnel_index(TunnelKind::kNvgre), sizeof(NvgreHeader)};
  return {kGreHasKey | key, tunnel_index(TunnelKind::kGre), sizeof(GreHeader) + sizeof key};
}

// Of what a VRF's tunnel carries.
struct PlainIpHeader {
  uint64_t id;     // as Packet::tunnel_id
  uint8_t tunnel;  // tunnel_index()
  uint8_t bytes;   // of the tunnel header
  bool ipv6;       // the packet behind it
  bool is_plain;
};

// `at`: kMostPlainBytes behind the outer IP header.
inline PlainIpHeader read_plain_gre_ip(const GreKinds& kinds, const uint8_t* at) noexcept {
  constexpr uint32_t kKeyed = uint32_t{kGreKey} << 16;
  const uint32_t word = reinterpret_cast<const be32*>(at)->host();
  const uint32_t key = reinterpret_cast<const be32*>(at + sizeof(GreHeader))->host();
  const bool has_key = (word & kKeyed) != 0;
  const uint32_t type = word & ~kKeyed;
  const bool ipv6 = type == kEtherTypeIpv6;
  return {has_key ? kGreHasKey | key : 0, tunnel_index(TunnelKind::kGreIp),
          static_cast<uint8_t>(sizeof(GreHeader) + (has_key ? sizeof key : 0)), ipv6,
          (ipv6 || type == kEtherTypeIpv4) && !kinds.numbered};
}

// The same of all protocols that routed tunnels have.
inline PlainIpHeader read_plain_ip_tunnel(const GreKinds& kinds, uint8_t protocol,
                                          const uint8_t* at) noexcept {
  if (protocol == kIpProtocolGre) return read_plain_gre_ip(kinds, at);
  const bool ipv6 = protocol == kIpProtocolIpv6;
  return {0, tunnel_index(TunnelKind::kIpip), 0, ipv6, ipv6 || protocol == kIpProtocolIpv4};
}

// Of what came by TCP's protocol number: `tcp` is at `offset` of the buffer, behind `ip`, and the
// packet ends `bytes` behind it.
template <class IpHeader>
inline PlainHeader read_plain_tcp(const Snapshot& snapshot, const IpHeader& ip,
                                  const rte_mbuf* mbuf, uint32_t offset, uint32_t bytes) noexcept {
  constexpr uint8_t kIndex = tunnel_index(TunnelKind::kStt);
  const auto& tcp = *rte_pktmbuf_mtod_offset(mbuf, const SttTcpHeader*, offset);
  if (!is_plain_stt(tcp, bytes, snapshot.tunnels[kIndex].port) ||
      !stt_checksum_ok(ip, mbuf, offset, static_cast<uint16_t>(bytes)))
    return {};
  const auto& frame = *reinterpret_cast<const SttFrameHeader*>(&tcp + 1);
  return {frame.context_id.host(), kIndex, kSttHeaders};
}

// Whether the kind, which segments frames, sends this one as it is.
inline bool is_one_segment(const BridgePort& out, const uint8_t* frame, uint32_t bytes) noexcept {
  constexpr unsigned kEthernet = sizeof(EthernetHeader);
  const auto& ethernet = *reinterpret_cast<const EthernetHeader*>(frame);
  return bytes + out.header_len - kEthernet <= unsigned{out.segment_head} + out.segment_bytes &&
         ethernet.ether_type != be16(kEtherTypeVlan);
}

// What follows the outer IP header, which ends at `ip_end` of `header`; of remotes with
// a PlainOuter.
inline void finish_plain(Worker& worker, uint8_t* header, unsigned ip_end, const BridgePort& out,
                         rte_mbuf* mbuf, uint32_t entropy) noexcept {
  if (out.segment_bytes != 0) {
    const uint32_t inner_len = mbuf->pkt_len - out.header_len;
    finish_stt(worker, header, ip_end, out, inner_len,
               sum_bytes(header + out.header_len, inner_len), entropy);
    return;
  }
  if (out.tunnel == tunnel_index(TunnelKind::kNvgre))
    finish_nvgre(header, ip_end, entropy);
  else if (out.tunnel != tunnel_index(TunnelKind::kGre))
    finish_udp(header, ip_end, out, mbuf, entropy);
}

}  // namespace adit

// SPDX-License-Identifier: Apache-2.0
// What tunnels in UDP have in common: VXLAN and Geneve differ in their own 8 bytes alone.
#pragma once

#include "tunnel/outer_ip.h"
#include "worker/worker.h"

namespace adit {

// PlainOuter::kUdpIpv4: bytes of the tunnel's own header.
inline constexpr unsigned kPlainUdpTunnelLen = 8;

// Control: everything up to UDP; returns where the tunnel's own header of `tunnel_len` bytes
// goes.
inline uint8_t* compile_outer_udp(const TunnelEndpoint& endpoint, unsigned tunnel_len,
                                  BridgePort& out) {
  uint8_t* begin =
      compile_outer_ip(endpoint, kIpProtocolUdp, unsigned{sizeof(UdpHeader)} + tunnel_len, out);
  auto* udp = reinterpret_cast<UdpHeader*>(begin);
  // RFC 7348 section 5: over IPv4 the checksum should be zero. Over IPv6 it may be by RFC 6935.
  *udp = {be16(0), be16(endpoint.port), be16(0), be16(0)};
  if ((out.outer & outer::kIpv6) && endpoint.checksum) out.outer |= outer::kUdpChecksum;
  set_plain_header(out);
  if (out.plain_outer != PlainOuter::kNone && tunnel_len == kPlainUdpTunnelLen &&
      (out.outer & (outer::kIpv6 | outer::kInnerDependent)) == 0)
    out.plain_outer = PlainOuter::kUdpIpv4;
  return begin + sizeof(UdpHeader);
}

// RFC 8200 section 8.1, over the whole datagram: that is what it costs. Never inline: not
// needed over IPv4.
[[gnu::noinline]] inline void write_udp_checksum(const BridgePort& out, rte_mbuf* mbuf,
                                                 UdpHeader* udp, unsigned offset) noexcept {
  const uint64_t pseudo = uint64_t{out.checksum_base} + udp->length.raw();
  const uint16_t sum =
      static_cast<uint16_t>(~sum_mbuf(mbuf, offset, mbuf->pkt_len - offset, pseudo));
  udp->checksum = be16::from_raw(sum == 0 ? uint16_t{0xffff} : sum);
}

// Fills in UDP's header, which begins at `ip_end`.
inline void finish_udp(uint8_t* header, unsigned ip_end, const BridgePort& out, rte_mbuf* mbuf,
                       uint32_t entropy) noexcept {
  auto* udp = reinterpret_cast<UdpHeader*>(header + ip_end);
  // RFC 7348 section 5: from the dynamic range, equal for all packets of a flow.
  udp->src_port = be16(static_cast<uint16_t>(0xc000 | entropy >> 18));
  udp->length = be16(static_cast<uint16_t>(mbuf->pkt_len - ip_end));
  if (out.outer & outer::kUdpChecksum) write_udp_checksum(out, mbuf, udp, ip_end);
}

// TunnelOps::encap of kinds whose template has all that follows UDP's header.
inline std::size_t encap_udp(Worker& worker, std::span<Packet* const> packets) noexcept {
  return encap_each(
      worker, packets,
      [](uint8_t* header, unsigned ip_end, const BridgePort& out, Packet& packet) noexcept {
        finish_udp(header, ip_end, out, packet.mbuf, packet.inner.entropy);
      });
}

// TunnelOps::read_quote of kinds whose header ends with the VNI and a reserved byte.
template <TunnelKind kKind>
inline std::optional<QuotedId> read_quoted_vni(const Snapshot&, const TunnelQuote& quote) {
  constexpr uint32_t kVni = sizeof(UdpHeader) + 4;
  if (!quote.has(kVni + 4)) return QuotedId{kKind, {}};
  return QuotedId{kKind, quote.word32(kVni) >> 8};
}

}  // namespace adit

// SPDX-License-Identifier: Apache-2.0
// The outer Ethernet and IPv4 header of every tunnel over IPv4: template and patch.
#pragma once

#include <rte_mbuf.h>

#include "adit/tunnel_ops.h"
#include "checksum.h"

namespace adit {

inline constexpr unsigned kOuterIpv4Len = sizeof(EthernetHeader) + sizeof(Ipv4Header);

// Control: writes both headers to the start of the template. Destination MAC, length, ECN
// and checksum are left zero; the next hop's MAC is written when it is known.
inline void compile_outer_ipv4(const TunnelEndpoint& endpoint, uint8_t protocol, BridgePort& out) {
  auto* ethernet = reinterpret_cast<EthernetHeader*>(out.header.data());
  *ethernet = {MacAddr{}, endpoint.source_mac, be16(kEtherTypeIpv4)};
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

// Workers: fills in what differs from packet to packet. `ip` is a copy of the template,
// `total_length` counts from the IP header on.
inline void patch_outer_ipv4(Ipv4Header* ip, uint32_t checksum_base, uint16_t total_length,
                             uint8_t ecn) noexcept {
  const be16 length(total_length);
  ip->total_length = length;
  ip->tos |= ecn;
  const uint16_t sum = fold_sum(uint64_t{checksum_base} + length.raw() + be16(ecn).raw());
  ip->checksum = be16::from_raw(static_cast<uint16_t>(~sum));
}

}  // namespace adit

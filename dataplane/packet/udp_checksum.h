// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "packet/checksum.h"

namespace adit {

// RFC 768, RFC 8200 section 8.1: addresses, protocol and UDP length, then the datagram. The IP
// header is at `ip_offset`, UDP's at `offset`.
[[gnu::noinline]] inline bool udp_checksum_ok(const rte_mbuf* mbuf, const UdpHeader* udp,
                                              uint32_t ip_offset, uint32_t offset,
                                              bool ipv6) noexcept {
  if ((mbuf->ol_flags & RTE_MBUF_F_RX_L4_CKSUM_MASK) == RTE_MBUF_F_RX_L4_CKSUM_GOOD) return true;
  const uint8_t* ip = rte_pktmbuf_mtod_offset(mbuf, const uint8_t*, ip_offset);
  const uint64_t addresses = ipv6 ? sum_words(ip + offsetof(Ipv6Header, src), 32)
                                  : sum_words(ip + offsetof(Ipv4Header, src), 8);
  const uint64_t pseudo = addresses + be16(kIpProtocolUdp).raw() + udp->length.raw();
  return sum_mbuf(mbuf, offset, udp->length.host(), pseudo) == 0xffff;
}

}  // namespace adit

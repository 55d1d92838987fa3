// SPDX-License-Identifier: Apache-2.0
// Fragmentation of IP packets (RFC 791 section 2.3, RFC 8200 section 4.5).
#pragma once

#include <rte_ip_frag.h>

#include <array>
#include <span>

#include "ip_packet.h"
#include "worker.h"

namespace adit {

inline constexpr unsigned kMostFragments = 64;
inline constexpr unsigned kLeastIpv4Mtu = 68;  // RFC 791 section 3.2
using Fragments = std::array<rte_mbuf*, kMostFragments>;

// Fragments of at most `mtu` bytes of the packet whose IP header `mbuf` begins with; they
// refer to its data, and have their whole headroom. Empty where there are no buffers, or the
// packet has too many; `mbuf` stays the caller's in any case.
inline std::span<rte_mbuf*> fragment_ipv4(Worker& worker, rte_mbuf* mbuf, unsigned mtu,
                                          Fragments& fragments) noexcept {
  const int count = rte_ipv4_fragment_packet(mbuf, fragments.data(), kMostFragments,
                                             static_cast<uint16_t>(mtu), worker.pool, worker.pool);
  if (count <= 0) return {};
  worker.counters.copied.add(static_cast<uint64_t>(count) - 1);
  const std::span made = std::span(fragments).first(static_cast<unsigned>(count));
  for (rte_mbuf* fragment : made) write_ipv4_checksum(rte_pktmbuf_mtod(fragment, Ipv4Header*));
  return made;
}

// The same for IPv6, of a packet whose source we stand for; `mtu` of 1280 at least. All behind its
// fixed header is cut.
inline std::span<rte_mbuf*> fragment_ipv6(Worker& worker, rte_mbuf* mbuf, unsigned mtu,
                                          Fragments& fragments) noexcept {
  const int count = rte_ipv6_fragment_packet(mbuf, fragments.data(), kMostFragments,
                                             static_cast<uint16_t>(mtu), worker.pool, worker.pool);
  if (count <= 0) return {};
  worker.counters.copied.add(static_cast<uint64_t>(count) - 1);
  const std::span made = std::span(fragments).first(static_cast<unsigned>(count));
  const be32 id(worker.id << 24 | (worker.fragment_id++ & 0xff'ffff));  // no other worker's
  for (rte_mbuf* fragment : made)
    std::memcpy(rte_pktmbuf_mtod_offset(fragment, char*, sizeof(Ipv6Header) + 4), &id, sizeof id);
  return made;
}

}  // namespace adit

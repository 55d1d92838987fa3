// SPDX-License-Identifier: Apache-2.0
// Rules of IP that every place has where packets come in: who can send, what has to be cut off.
#pragma once

#include <array>

#include "adit/addr.h"
#include "adit/byte_order.h"
#include "adit/snapshot.h"
#include "adit/wire.h"
#include "packet/packet.h"

namespace adit {

// Cuts everything after the first `len` bytes: padding, or what lies behind a datagram.
inline bool trim_to(rte_mbuf* mbuf, uint32_t len) noexcept {
  if (mbuf->pkt_len == len) return true;
  return rte_pktmbuf_trim(mbuf, static_cast<uint16_t>(mbuf->pkt_len - len)) == 0;
}

// Unspecified, loopback, multicast and reserved (RFC 1122 section 3.2.1.3) cannot send.
inline bool can_be_source(be32 address) noexcept {
  const uint32_t first = address.host() >> 24;
  return first != 0 && first != 127 && first < 224;
}
// RFC 4291 sections 2.5.3, 2.5.5 and 2.7: loopback, multicast, and addresses that stand for IPv4
// ones within hosts (::a.b.c.d, ::ffff:a.b.c.d; RFC 6890 section 2.2.3), which would pass by the
// rules for IPv4. The unspecified address is for handle_icmpv6 to judge: a host that probes for
// duplicates has no other.
inline bool can_be_source(const Ipv6Key& address) noexcept {
  if (address.high != 0) [[likely]]
    return (address.high & 0xff) != 0xff;
  constexpr uint64_t kUpperHalf = be64(uint64_t{0xffff'ffff} << 32).raw();
  constexpr uint64_t kMapped = be64(uint64_t{0xffff} << 32).raw();
  const uint64_t upper = address.low & kUpperHalf;
  return address.low == 0 || (upper != 0 && upper != kMapped);
}
// Of one host elsewhere, as source or destination.
inline bool can_be_host(const Ipv6Key& address) noexcept {
  return can_be_source(address) && (address.high | address.low) != 0;
}

// RFC 4291 section 2.5.6
inline bool is_link_local(const std::array<uint8_t, 16>& address) noexcept {
  return address[0] == 0xfe && (address[1] & 0xc0) == 0x80;
}

inline constexpr uint64_t kLinkLocal = 0xfe80'0000'0000'0000;
// fe80::/10 (RFC 4291 section 2.5.6).
inline bool is_link_local(const Ipv6Key& address) noexcept {
  return (be64::from_raw(address.high).host() & 0xffc0'0000'0000'0000) == kLinkLocal;
}

// ICMPv6 types of RFC 4861.
constexpr bool is_nd_type(uint8_t type) noexcept {
  return type >= 133 && type <= 137;
}

// RFC 4861 section 7.1: what has not crossed a router, and must not.
inline bool is_neighbour_discovery(const rte_mbuf* mbuf, const Ipv6Header& ip) noexcept {
  constexpr unsigned kIcmp = sizeof(EthernetHeader) + sizeof(Ipv6Header);
  if (ip.next_header != kIpProtocolIcmpv6 || ip.hop_limit != 255 || mbuf->data_len <= kIcmp)
    return false;
  const uint8_t type = *rte_pktmbuf_mtod_offset(mbuf, const uint8_t*, kIcmp);
  return is_nd_type(type);
}

}  // namespace adit

// SPDX-License-Identifier: Apache-2.0
// What the headers of an IP fragment say (RFC 791 section 3.1, RFC 8200 section 4.5), and which
// fragments belong together.
#pragma once

#include <rte_mbuf.h>

#include <bit>
#include <cstring>

#include "adit/snapshot.h"

namespace adit {

// Where fragments came in. Nobody's fragments are put together with those of another place, and
// each place has its share of the table.
using FragmentPlace = uint32_t;
inline constexpr FragmentPlace kTunnelPlace = 0;  // the underlay: of remotes, for a tunnel
inline constexpr FragmentPlace kHostPlace = 1;    // the underlay: ICMP for one of our addresses
constexpr FragmentPlace place_of(VrfId vrf) noexcept {
  return 2u + vrf;
}
// The inverse of place_of(); 0 of the places of the underlay.
constexpr VrfId vrf_of(FragmentPlace place) noexcept {
  return place < 2 ? VrfId{0} : static_cast<VrfId>(place - 2);
}

// The fragments of one datagram have one key. IPv6 has no protocol there: the fragments may name
// different ones, of which the first one's counts (RFC 8200 section 4.5).
struct FragmentKey {
  Ipv6Key source, destination;  // as FlowKey has them
  uint32_t id = 0;              // as on the wire
  FragmentPlace place = 0;
  uint8_t protocol = 0;
  bool ipv6 = false;
  friend bool operator==(const FragmentKey&, const FragmentKey&) = default;
};
// `seed`: 0 where all workers have to agree, else one that senders do not know.
uint64_t hash_of(const FragmentKey& key, uint64_t seed) noexcept;

// Offsets count from the first byte of the buffer.
struct Fragment {
  FragmentKey key;
  uint32_t ip = 0;               // of the IP header
  uint32_t payload = 0;          // behind the IP header, options and the fragment header
  uint32_t fragment_header = 0;  // IPv6
  uint32_t next_header_at = 0;   // IPv6: of the byte that names the fragment header
  uint32_t offset = 0;           // of the payload within the datagram's, bytes
  uint32_t bytes = 0;            // of payload
  uint32_t ip_bytes = 0;         // from the IP header on
  uint8_t ecn = 0;
  bool more = false;

  // RFC 6946: with a fragment header, and nevertheless whole.
  bool is_atomic() const noexcept { return key.ipv6 && offset == 0 && !more; }
};

// Of the packet whose IP header is at `ip`; `place` becomes the key's. False: it is no fragment, or
// its headers up to the fragment's are wrong, longer than kMostFragmentHeader or not contiguous.
inline constexpr uint32_t kMostFragmentHeader = 160;
// The same, of which only the headers need be there, as in an ICMP error.
bool read_fragment_header(const rte_mbuf* mbuf, uint32_t ip, FragmentPlace place,
                          Fragment& fragment) noexcept;
bool read_fragment(const rte_mbuf* mbuf, uint32_t ip, FragmentPlace place,
                   Fragment& fragment) noexcept;

// The key of a quoted packet: a fragment, or whole and of IPv4 without DF. False: it is none.
bool read_quoted_key(const rte_mbuf* mbuf, uint32_t ip, FragmentPlace place,
                     FragmentKey& key) noexcept;

// Removes the fragment header. The buffer with the headers before it must not be shared.
void take_off_fragment_header(rte_mbuf* mbuf, uint32_t ip, uint32_t fragment_header,
                              uint32_t next_header_at) noexcept;

// A datagram's first fragment as its sender sent it, or the whole packet.
struct SentFragment {
  uint32_t id = 0;     // as on the wire
  uint16_t bytes = 0;  // from its IP header on
  bool more = false;   // false: it was whole
  uint32_t label = 0;  // IPv6's flow label, where it became IPv4
};

// A reassembled packet carries this flag, and its mbuf keeps how it arrived, until it is fragmented
// again; so does one that became IPv6 and whose fragments are to have an id of its own. Drivers set
// the flag for TCP segments that the NIC coalesced; no port is configured for that.
inline constexpr uint64_t kPutTogether = RTE_MBUF_F_RX_LRO;

struct AsItCame {
  uint32_t id = 0;       // IPv6, as on the wire
  uint16_t largest = 0;  // bytes of the largest fragment, from its IP header on; 0: it was whole
  uint16_t source = 0;   // source_tag() of its sender, where it came in
};
static_assert(sizeof(AsItCame) == sizeof(rte_mbuf::tx_offload));

// Shows whether a packet's source was translated since; if not, the id is still its sender's.
// `vrf`: where it came in. Equal addresses of two VRFs never have the same: the factor is odd.
constexpr uint16_t source_tag(const Ipv6Key& source, VrfId vrf) noexcept {
  return static_cast<uint16_t>((hash_of(source) >> 16) + vrf * 0x9e37u);
}

// The id of a datagram whose source was translated, as others from there may have its own: each
// sender has different ones. `tag`: of the sender. Applied twice, it gives the id back.
constexpr uint32_t id_elsewhere(uint32_t id, uint16_t tag) noexcept {
  return id ^ tag * 0x1'0001u;
}
// IPv4's. The id may be one of IPv6.
constexpr uint16_t ipv4_id_elsewhere(uint32_t id, uint16_t tag) noexcept {
  return static_cast<uint16_t>(id ^ id >> 16 ^ tag);
}

// The flag, and what the buffer keeps beside it; clear_put_together() leaves offload fields of
// zero.
inline bool was_put_together(const rte_mbuf* mbuf) noexcept {
  return (mbuf->ol_flags & kPutTogether) != 0;
}
inline AsItCame as_it_came(const rte_mbuf* mbuf) noexcept {
  return std::bit_cast<AsItCame>(mbuf->tx_offload);
}
inline void set_put_together(rte_mbuf* mbuf, const AsItCame& how) noexcept {
  mbuf->ol_flags |= kPutTogether;
  mbuf->tx_offload = std::bit_cast<uint64_t>(how);
}
inline void clear_put_together(rte_mbuf* mbuf) noexcept {
  mbuf->ol_flags &= ~kPutTogether;
  mbuf->tx_offload = 0;
}

}  // namespace adit

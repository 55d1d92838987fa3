// SPDX-License-Identifier: Apache-2.0
// Fragmentation of IP packets (RFC 791 section 2.3, RFC 8200 section 4.5). The fragments are
// copies: each fits one buffer, with its whole headroom.
#pragma once

#include <algorithm>
#include <array>

#include "packet/fragment.h"
#include "packet/ip_packet.h"
#include "packet/ip_version.h"
#include "worker/worker.h"

namespace adit {

// The header of each fragment but for lengths and offset: the first one's and the others'.
struct CutHeader {
  std::array<uint8_t, kMostFragmentHeader> first, rest;
  uint32_t first_len = 0, rest_len = 0;
  uint32_t skip = 0;  // bytes of the packet that they stand for
};

// RFC 791 section 3.1: options are in all fragments, or in the first one alone.
inline void write_cut_header(const Ipv4Header* ip, CutHeader& header) noexcept {
  constexpr uint8_t kEnd = 0, kNop = 1, kCopied = 0x80;
  const auto* from = reinterpret_cast<const uint8_t*>(ip);
  header.skip = header.first_len = (ip->version_ihl & 15u) * 4;
  std::memcpy(header.first.data(), from, header.first_len);
  std::memcpy(header.rest.data(), from, sizeof *ip);
  uint32_t to = sizeof *ip;
  for (uint32_t at = sizeof *ip; at < header.skip && from[at] != kEnd;) {
    const uint32_t bytes = from[at] == kNop || at + 1 == header.skip ? 1 : from[at + 1];
    if (bytes == 0 || at + bytes > header.skip) break;
    if (from[at] & kCopied) {
      std::memcpy(header.rest.data() + to, from + at, bytes);
      to += bytes;
    }
    at += bytes;
  }
  while (to % 4 != 0) header.rest[to++] = kEnd;
  header.rest_len = to;
  header.rest[0] = static_cast<uint8_t>(0x40 | to / 4);
}

// False: what comes before the fragment header is too long for us.
inline bool write_cut_header(const uint8_t* data, uint32_t len, be32 id,
                             CutHeader& header) noexcept {
  constexpr uint8_t kHopByHop = 0, kRouting = 43, kDestinationOptions = 60;
  uint32_t next_header_at = offsetof(Ipv6Header, next_header), end = sizeof(Ipv6Header);
  // What nodes on the way read: destination options belong to it only before a routing header.
  for (uint32_t at = end, names = next_header_at; at + 8 <= len;) {
    const uint8_t kind = data[names];
    if (kind != kHopByHop && kind != kRouting && kind != kDestinationOptions) break;
    names = at;
    at += 8 + data[at + 1] * 8u;
    if (at > len) return false;
    if (kind == kDestinationOptions) continue;
    next_header_at = names;
    end = at;
  }
  if (end + 8 > header.first.size()) return false;
  std::memcpy(header.first.data(), data, end);
  uint8_t* fragment = header.first.data() + end;
  std::memset(fragment, 0, 8);
  fragment[0] = data[next_header_at];
  std::memcpy(fragment + 4, &id, sizeof id);
  header.first[next_header_at] = kIpProtocolFragment;
  header.skip = end;
  header.first_len = header.rest_len = end + 8;
  header.rest = header.first;
  return true;
}

// `place`: offset within the uncut packet's payload, in bytes; `more`: follow it.
inline void finish_cut_header(uint8_t* at, uint32_t header_len, uint32_t payload, uint32_t place,
                              bool more, bool ipv6) noexcept {
  if (ipv6) {
    auto* ip = reinterpret_cast<Ipv6Header*>(at);
    ip->payload_length = be16(static_cast<uint16_t>(header_len - sizeof *ip + payload));
    const be16 where(static_cast<uint16_t>(place | more));
    std::memcpy(at + header_len - 6, &where, sizeof where);
    return;
  }
  auto* ip = reinterpret_cast<Ipv4Header*>(at);
  ip->total_length = be16(static_cast<uint16_t>(header_len + payload));
  const auto flags = static_cast<uint16_t>(ip->fragment.host() & kIpv4DontFragment);
  ip->fragment = be16(static_cast<uint16_t>(flags | place / 8 | (more ? kIpv4MoreFragments : 0)));
  write_ipv4_checksum(ip);
}

// Calls `send` with each fragment, of at most `max_bytes`, of the packet whose IP header `mbuf`
// begins with; DF is in all of them or in none, as in the packet. An IPv4 packet may be a fragment
// itself. `id`: of IPv6's. `mbuf` stays the caller's, who discards it: kNone; else it is to be
// dropped, for that reason, and some fragments may be on their way nevertheless.
template <class Send>
DropReason cut_packet(Worker& worker, const rte_mbuf* mbuf, uint32_t max_bytes, be32 id,
                      Send send) noexcept {
  const auto* data = rte_pktmbuf_mtod(mbuf, const uint8_t*);
  const bool ipv6 = data[0] >> 4 == 6;
  CutHeader header;
  uint32_t place = 0;
  bool more_after = false;
  if (ipv6) {
    if (!write_cut_header(data, mbuf->data_len, id, header)) return DropReason::k_ip_extensions;
  } else {
    const auto* ip = reinterpret_cast<const Ipv4Header*>(data);
    write_cut_header(ip, header);
    place = (ip->fragment.host() & kIpv4OffsetMask) * 8u;
    more_after = (ip->fragment.host() & kIpv4MoreFragments) != 0;
  }
  uint64_t made = 0;
  for (uint32_t at = header.skip; at < mbuf->pkt_len; ++made) {
    const uint32_t len = made == 0 ? header.first_len : header.rest_len;
    rte_mbuf* fragment = rte_pktmbuf_alloc(worker.pool);
    if (fragment == nullptr) {
      worker.counters.copied.add(made);
      return DropReason::k_no_buffer;
    }
    // A sender may cut smaller than what we add to each: 8 bytes always go.
    const uint32_t room = std::min<uint32_t>(max_bytes, rte_pktmbuf_tailroom(fragment));
    const uint32_t most = std::max((room - std::min(room, len)) & ~7u, 8u);
    const uint32_t payload = std::min(most, mbuf->pkt_len - at);
    ADIT_ASSERT(len + payload <= rte_pktmbuf_tailroom(fragment));
    auto* to = reinterpret_cast<uint8_t*>(
        rte_pktmbuf_append(fragment, static_cast<uint16_t>(len + payload)));
    std::memcpy(to, made == 0 ? header.first.data() : header.rest.data(), len);
    copy_from_mbuf(to + len, mbuf, at, payload);
    finish_cut_header(to, len, payload, place + at - header.skip,
                      more_after || at + payload < mbuf->pkt_len, ipv6);
    fragment->port = mbuf->port;
    if (worker.observer != nullptr) rte_mbuf_dynfield_copy(fragment, mbuf);
    at += payload;
    send(fragment);
  }
  if (made == 0) return DropReason::k_mtu_exceeded;
  worker.counters.copied.add(made - 1);
  return DropReason::kNone;
}

// Of a packet that is to be cut, in the VRF; no other worker's.
template <class Ip>
be32 next_fragment_id(Worker& worker, VrfId vrf, rte_mbuf* mbuf) noexcept {
  const Ipv6Key peer = Ip::host_key(header_of<Ip>(mbuf));
  return be32(worker.id << 24 | (worker.fragment_ids.next(tenant_of_vrf(vrf), peer) & 0xff'ffff));
}

}  // namespace adit

// SPDX-License-Identifier: Apache-2.0
// TCP maximum segment size, lowered where a connection begins (RFC 4459 section 3.2).
#pragma once

#include "checksum.h"
#include "inner.h"

namespace adit {

namespace mss {

inline constexpr uint8_t kOptionEnd = 0, kOptionNop = 1, kOptionMss = 2;
inline constexpr unsigned kMssOptionLen = 4;

// Lowers the option at `at`. RFC 1624 works on 16-bit words; at an odd place the bytes of
// the value belong to two of them, which is the same sum with its bytes swapped.
inline void lower(TcpHeader* tcp, uint8_t* at, uint16_t limit) noexcept {
  be16 value;
  std::memcpy(&value, at, sizeof value);
  if (value.host() <= limit) return;
  const be16 fresh(limit);
  std::memcpy(at, &fresh, sizeof fresh);
  const bool odd = (at - reinterpret_cast<uint8_t*>(tcp)) % 2 != 0;
  const auto as_word = [odd](be16 word) {
    return odd ? be16::from_raw(__builtin_bswap16(word.raw())) : word;
  };
  tcp->checksum = update_checksum(tcp->checksum, as_word(value), as_word(fresh));
}

// `left` contiguous bytes from the TCP header on. Options that are malformed are left alone.
inline void clamp_tcp(uint8_t* from, unsigned left, unsigned limit) noexcept {
  auto* tcp = reinterpret_cast<TcpHeader*>(from);
  if (left < sizeof *tcp || !(tcp->flags & kTcpSyn)) return;
  const unsigned header_len = (tcp->data_offset >> 4) * 4u;
  if (header_len > left) return;
  for (unsigned at = sizeof *tcp; at < header_len && from[at] != kOptionEnd;) {
    if (from[at] == kOptionNop) {
      ++at;
      continue;
    }
    if (at + 2 > header_len || from[at + 1] < 2 || at + from[at + 1] > header_len) return;
    if (from[at] == kOptionMss && from[at + 1] == kMssOptionLen)
      return lower(tcp, from + at + 2, static_cast<uint16_t>(std::min(limit, 0xffffu)));
    at += from[at + 1];
  }
}

}  // namespace mss

// Makes the TCP connection that the frame begins fit into frames of `max_frame_bytes`, from
// the Ethernet header on. `len` contiguous bytes, at least an Ethernet header.
inline void clamp_mss(uint8_t* frame, unsigned len, unsigned max_frame_bytes) noexcept {
  const NetworkHeader network = find_network_header(frame, len);
  const unsigned left = len - network.offset;
  unsigned headers = 0;  // IP's, then TCP's without options
  if (network.type == be16(kEtherTypeIpv4) && left >= sizeof(Ipv4Header)) {
    const auto* ip = reinterpret_cast<const Ipv4Header*>(frame + network.offset);
    if (ip->protocol != kIpProtocolTcp || (ip->fragment.host() & kIpv4OffsetMask) != 0) return;
    headers = (ip->version_ihl & 15u) * 4;
  } else if (network.type == be16(kEtherTypeIpv6) && left >= sizeof(Ipv6Header)) {
    const auto* ip = reinterpret_cast<const Ipv6Header*>(frame + network.offset);
    if (ip->next_header != kIpProtocolTcp) return;
    headers = sizeof *ip;
  }
  const unsigned before = network.offset + headers + unsigned{sizeof(TcpHeader)};
  if (headers < sizeof(Ipv4Header) || headers > left || before >= max_frame_bytes) return;
  mss::clamp_tcp(frame + network.offset + headers, left - headers, max_frame_bytes - before);
}

}  // namespace adit

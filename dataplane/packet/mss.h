// SPDX-License-Identifier: Apache-2.0
// TCP maximum segment size, lowered where a connection begins (RFC 4459 section 3.2).
#pragma once

#include "packet/checksum.h"
#include "packet/inner.h"
#include "packet/ip_packet.h"

namespace adit {

// kPending: the sender left it to a network card. Then the field holds the pseudo-header's sum
// at most, of which no TCP option is a part, and must stay as it is.
enum class TcpChecksum : bool { kComplete, kPending };

// By the offload flags of the mbuf.
inline TcpChecksum tcp_checksum_of(const rte_mbuf* mbuf) noexcept {
  constexpr uint64_t kPending = RTE_MBUF_F_TX_L4_MASK | RTE_MBUF_F_TX_TCP_SEG;
  return (mbuf->ol_flags & kPending) != 0 ? TcpChecksum::kPending : TcpChecksum::kComplete;
}

namespace mss {

inline constexpr uint8_t kOptionEnd = 0, kOptionNop = 1, kOptionMss = 2;
inline constexpr unsigned kMssOptionLen = 4;

// Lowers the option at `at`. RFC 1624 works on 16-bit words; at an odd place the bytes of
// the value belong to two of them, which is the same sum with its bytes swapped.
inline void lower(TcpHeader* tcp, uint8_t* at, uint16_t limit, TcpChecksum checksum) noexcept {
  be16 value;
  std::memcpy(&value, at, sizeof value);
  if (value.host() <= limit) return;
  const be16 fresh(limit);
  std::memcpy(at, &fresh, sizeof fresh);
  if (checksum == TcpChecksum::kPending) return;
  const bool odd = (at - reinterpret_cast<uint8_t*>(tcp)) % 2 != 0;
  const auto as_word = [odd](be16 word) {
    return odd ? be16::from_raw(__builtin_bswap16(word.raw())) : word;
  };
  tcp->checksum = update_checksum(tcp->checksum, as_word(value), as_word(fresh));
}

// `left` contiguous bytes from the TCP header on, at least its fixed part. Options that are
// malformed are left alone.
inline void clamp_options(uint8_t* from, unsigned left, unsigned limit,
                          TcpChecksum checksum) noexcept {
  auto* tcp = reinterpret_cast<TcpHeader*>(from);
  const unsigned header_len = (tcp->data_offset >> 4) * 4u;
  if (header_len > left) return;
  for (unsigned at = sizeof *tcp; at < header_len && from[at] != kOptionEnd;) {
    if (from[at] == kOptionNop) {
      ++at;
      continue;
    }
    if (at + 2 > header_len || from[at + 1] < 2 || at + from[at + 1] > header_len) return;
    if (from[at] == kOptionMss && from[at + 1] == kMssOptionLen)
      return lower(tcp, from + at + 2, static_cast<uint16_t>(std::min(limit, 0xffffu)), checksum);
    at += from[at + 1];
  }
}

}  // namespace mss

// Offset of the TCP header behind IPv6 extension headers; 0: there is none. `left` contiguous bytes
// from the IP header on, at least the header itself.
[[gnu::cold, gnu::noinline]] inline unsigned find_tcp_behind_extensions(const uint8_t* at,
                                                                        unsigned left) noexcept {
  IpPacket packet;
  const bool good = read_ip_packet(at, left, UINT32_MAX, 0, packet);
  return good && packet.protocol == kIpProtocolTcp && !packet.later_fragment ? packet.l4 : 0;
}

// Offset of the TCP header in an IP packet that begins a connection, or answers one that does;
// 0: it is neither. `left` contiguous bytes from the IP header on.
inline unsigned find_syn(be16 type, const uint8_t* at, unsigned left) noexcept {
  unsigned offset = 0;
  if (type == be16(kEtherTypeIpv4) && left >= sizeof(Ipv4Header)) {
    const auto* ip = reinterpret_cast<const Ipv4Header*>(at);
    if (ip->protocol != kIpProtocolTcp || (ip->fragment.host() & kIpv4OffsetMask) != 0) return 0;
    offset = (ip->version_ihl & 15u) * 4;
    if (offset < sizeof *ip) return 0;
  } else if (type == be16(kEtherTypeIpv6) && left >= sizeof(Ipv6Header)) {
    const auto* ip = reinterpret_cast<const Ipv6Header*>(at);
    offset = sizeof *ip;
    if (ip->next_header != kIpProtocolTcp)
      offset = is_extension_header(ip->next_header) ? find_tcp_behind_extensions(at, left) : 0;
  }
  if (offset == 0 || offset + sizeof(TcpHeader) > left) return 0;
  const auto* tcp = reinterpret_cast<const TcpHeader*>(at + offset);
  return tcp->flags & kTcpSyn ? offset : 0;
}

// Makes the connection fit into IP packets of `max_bytes`. `tcp_offset` by find_syn().
inline void clamp_mss(uint8_t* at, unsigned left, unsigned tcp_offset, unsigned max_bytes,
                      TcpChecksum checksum) noexcept {
  const unsigned headers = tcp_offset + unsigned{sizeof(TcpHeader)};
  if (headers >= max_bytes) return;
  mss::clamp_options(at + tcp_offset, left - tcp_offset, max_bytes - headers, checksum);
}

// Makes the TCP connection that the frame begins fit into frames of `max_frame_bytes`, from
// the Ethernet header on, of which `bytes` bytes are contiguous.
inline void clamp_mss(uint8_t* frame, unsigned bytes, unsigned max_frame_bytes,
                      TcpChecksum checksum) noexcept {
  const NetworkHeader network = find_network_header(frame, bytes);
  uint8_t* at = frame + network.offset;
  const unsigned left = bytes - network.offset;
  const unsigned tcp_offset = find_syn(network.type, at, left);
  if (tcp_offset == 0 || max_frame_bytes <= network.offset) return;
  clamp_mss(at, left, tcp_offset, max_frame_bytes - network.offset, checksum);
}
inline void clamp_mss(rte_mbuf* frame, unsigned max_frame_bytes) noexcept {
  clamp_mss(rte_pktmbuf_mtod(frame, uint8_t*), frame->data_len, max_frame_bytes,
            tcp_checksum_of(frame));
}

}  // namespace adit

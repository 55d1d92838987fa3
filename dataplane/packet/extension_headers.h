// SPDX-License-Identifier: Apache-2.0
// IPv6 extension headers of packets that end here (RFC 8200 section 4).
#pragma once

#include "packet/ip_packet.h"
#include "packet/packet.h"

namespace adit {

// RFC 8200 section 4.2: whether all options of a destination header may be skipped by who does
// not know them, as those that Linux and others put before a tunnel's payload to limit nesting
// (RFC 2473 section 4.1.1). RFC 8504 section 5.3 permits a bound on their number. The header has
// `bytes` bytes.
inline bool may_skip_options(const uint8_t* header, uint32_t bytes) noexcept {
  constexpr uint8_t kPad1 = 0, kActionMask = 0xc0;
  constexpr unsigned kMostOptions = 32;
  unsigned options = 0;
  for (uint32_t i = 2; i < bytes; ++options) {
    const uint8_t type = header[i];
    if ((type & kActionMask) != 0 || options == kMostOptions) return false;
    if (type == kPad1) {
      ++i;
      continue;
    }
    if (i + 2 > bytes || i + 2 + header[i + 1] > bytes) return false;
    i += 2u + header[i + 1];
  }
  return true;
}

// Reads the headers behind the IPv6 header at `ip` as the packet's destination does: it takes
// extension headers in any order; hop-by-hop options need not be looked at (section 4.3); a routing
// header without segments left is skipped (section 4.4); an atomic fragment is a whole packet (RFC
// 6946 section 4). `len` bytes of `data` are contiguous; the packet ends at `end`. False: a header
// is malformed, has to be understood, or leads on to another node, or there are too many; of a
// fragment `found` says so nevertheless.
inline bool read_at_destination(const uint8_t* data, uint32_t len, uint32_t ip, uint32_t end,
                                IpPacket& found) noexcept {
  const uint32_t destination = ip + unsigned{offsetof(Ipv6Header, dst)};
  found = {};
  found.ip = ip;
  found.l4 = ip + unsigned{sizeof(Ipv6Header)};
  found.end = end;
  found.destination = destination;
  found.protocol = data[ip + offsetof(Ipv6Header, next_header)];
  found.ipv6 = true;
  return skip_extension_headers(data, len, found,
                                [](uint8_t kind, const uint8_t* header, uint32_t bytes) noexcept {
                                  return kind != kIpProtocolDestinationOptions ||
                                         may_skip_options(header, bytes);
                                }) &&
         found.destination == destination;
}

// Removes all that is between the IPv6 header at `ip` and `l4`, where `protocol` begins. The buffer
// with these headers must not be shared. Returns their length.
inline uint32_t take_off_extension_headers(rte_mbuf* mbuf, uint32_t ip, uint32_t l4,
                                           uint8_t protocol) noexcept {
  const uint32_t head = ip + unsigned{sizeof(Ipv6Header)}, bytes = l4 - head;
  uint8_t* data = frame_of(mbuf);
  std::memmove(data + bytes, data, head);
  cut_front(mbuf, bytes);
  auto* header = rte_pktmbuf_mtod_offset(mbuf, Ipv6Header*, ip);
  header->next_header = protocol;
  header->payload_length = be16(static_cast<uint16_t>(header->payload_length.host() - bytes));
  return bytes;
}

}  // namespace adit

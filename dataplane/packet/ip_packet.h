// SPDX-License-Identifier: Apache-2.0
// Where the parts of an IP packet lie, for the steps that complete, cut or answer one. Every
// length is checked before it is believed.
#pragma once

#include <rte_mbuf.h>

#include <cstddef>
#include <cstdint>
#include <cstring>

#include "adit/wire.h"
#include "packet/checksum.h"
#include "packet/inner.h"

namespace adit {

// All offsets count from the same byte, the frame's first. What lies before `l4` is
// contiguous; `l4` itself may be the end of that.
struct IpPacket {
  uint32_t ip;           // of the IP header
  uint32_t l4;           // behind it, its options and extension headers
  uint32_t end;          // behind the packet; the frame's padding follows
  uint32_t destination;  // of the address that the pseudo-header takes
  uint8_t protocol;      // at `l4`
  bool ipv6;
  bool has_fragment_header;  // IPv6
  bool more_fragments;
  bool later_fragment;  // begins in the middle: no L4 header at `l4`

  bool is_fragment() const noexcept { return more_fragments || later_fragment; }
};

// RFC 8200 section 8.1: while a routing header has segments left, the pseudo-header takes
// the last of them. False for a type that is not known, or has no room for an address.
inline bool find_final_destination(const uint8_t* data, uint32_t header, uint32_t bytes,
                                   IpPacket& packet) noexcept {
  constexpr uint8_t kSource = 0, kMobile = 2, kSegment = 4;  // RFC 2460, 6275, 8754
  if (data[header + 3] == 0) return true;
  const uint8_t type = data[header + 2];
  if ((type != kSource && type != kMobile && type != kSegment) || bytes < 8 + 16) return false;
  // RFC 8754 section 2: its list begins with the last segment.
  packet.destination = type == kSegment ? header + 8 : header + bytes - 16;
  return true;
}

// Those that are stepped over. AH and ESP are not: what follows is theirs (RFC 4302, RFC 4303).
inline bool is_extension_header(uint8_t protocol) noexcept {
  constexpr uint8_t kHopByHop = 0, kRouting = 43;
  return protocol == kHopByHop || protocol == kRouting || protocol == kIpProtocolFragment ||
         protocol == kIpProtocolDestinationOptions;
}

// Of one packet, a fragment header included. RFC 8504 section 5.3 permits a bound: no sender has a
// use for more.
inline constexpr unsigned kMostExtensionHeaders = 8;

// Steps over the extension headers, RFC 8200 section 4, in whatever order they stand. `len` bytes
// are contiguous. `may_pass(kind, header, bytes)`: whether one that was not misread is accepted.
// False: one is not, or there are more than kMostExtensionHeaders.
template <class MayPass>
inline bool skip_extension_headers(const uint8_t* data, uint32_t len, IpPacket& packet,
                                   MayPass may_pass) noexcept {
  constexpr uint8_t kRouting = 43;
  for (unsigned i = 0; is_extension_header(packet.protocol); ++i) {
    if (i == kMostExtensionHeaders) return false;
    const uint8_t kind = packet.protocol;
    const uint32_t at = packet.l4;
    if (at + 8 > len || at + 8 > packet.end) return false;
    uint32_t bytes = 8;
    if (kind == kIpProtocolFragment) {
      const uint16_t place = static_cast<uint16_t>(data[at + 2] << 8 | data[at + 3]);
      packet.has_fragment_header = true;
      packet.more_fragments = (place & 1) != 0;
      packet.later_fragment = (place & 0xfff8) != 0;
    } else {
      bytes += data[at + 1] * 8u;
      if (at + bytes > len || at + bytes > packet.end) return false;
      if (kind == kRouting && !find_final_destination(data, at, bytes, packet)) return false;
    }
    if (!may_pass(kind, data + at, bytes)) return false;
    packet.protocol = data[at];
    packet.l4 = at + bytes;
    if (packet.later_fragment) return true;  // what follows is somewhere in the payload
  }
  return true;
}

// Reads the headers of the packet at `ip`. `len` bytes of `data` are contiguous, the packet
// in its buffers has `total`. False where a header is wrong or not contiguous, or the packet
// is longer than the buffers.
inline bool read_ip_packet(const uint8_t* data, uint32_t len, uint32_t total, uint32_t ip,
                           IpPacket& packet) noexcept {
  if (ip + sizeof(Ipv4Header) > len) return false;
  packet = {};
  packet.ip = ip;
  if (data[ip] >> 4 == 4) {
    const auto* header = reinterpret_cast<const Ipv4Header*>(data + ip);
    const uint32_t header_len = (header->version_ihl & 15u) * 4;
    packet.l4 = ip + header_len;
    packet.end = ip + header->total_length.host();
    packet.destination = ip + unsigned{offsetof(Ipv4Header, dst)};
    packet.protocol = header->protocol;
    const uint16_t fragment = header->fragment.host();
    packet.more_fragments = (fragment & kIpv4MoreFragments) != 0;
    packet.later_fragment = (fragment & kIpv4OffsetMask) != 0;
    return header_len >= sizeof *header && packet.l4 <= len && packet.l4 <= packet.end &&
           packet.end <= total;
  }
  if (data[ip] >> 4 != 6 || ip + sizeof(Ipv6Header) > len) return false;
  const auto* header = reinterpret_cast<const Ipv6Header*>(data + ip);
  packet.ipv6 = true;
  packet.l4 = ip + unsigned{sizeof *header};
  packet.end = packet.l4 + header->payload_length.host();
  packet.destination = ip + unsigned{offsetof(Ipv6Header, dst)};
  packet.protocol = header->next_header;
  // Options are not checked: that is for the destination, or routers named in them.
  return packet.end <= total &&
         skip_extension_headers(data, len, packet,
                                [](uint8_t, const uint8_t*, uint32_t) noexcept { return true; });
}

// The same for an Ethernet frame with at most two VLAN tags. False also where it is not IP.
inline bool read_ip_frame(const rte_mbuf* frame, IpPacket& packet) noexcept {
  const auto* data = rte_pktmbuf_mtod(frame, const uint8_t*);
  if (frame->data_len < sizeof(EthernetHeader)) return false;
  const NetworkHeader network = find_network_header(data, frame->data_len);
  const bool ipv6 = network.type == be16(kEtherTypeIpv6);
  if (!ipv6 && network.type != be16(kEtherTypeIpv4)) return false;
  return read_ip_packet(data, frame->data_len, frame->pkt_len, network.offset, packet) &&
         packet.ipv6 == ipv6;
}

// RFC 9293 section 3.1, RFC 8200 section 8.1; not folded. `l4_bytes`: L4 header and payload.
inline uint64_t pseudo_header_sum(const uint8_t* data, const IpPacket& packet,
                                  uint32_t l4_bytes) noexcept {
  const uint8_t* ip = data + packet.ip;
  const uint64_t source = packet.ipv6 ? sum_words(ip + offsetof(Ipv6Header, src), 16)
                                      : sum_words(ip + offsetof(Ipv4Header, src), 4);
  return source + sum_words(data + packet.destination, packet.ipv6 ? 16 : 4) +
         be16(packet.protocol).raw() + be32(l4_bytes).raw();
}

// From scratch, over the header with its options.
inline void write_ipv4_checksum(Ipv4Header* ip) noexcept {
  ip->checksum = be16(0);
  const uint16_t sum = fold_sum(sum_words(ip, (ip->version_ihl & 15u) * 4));
  ip->checksum = be16::from_raw(static_cast<uint16_t>(~sum));
}

// Whether no other mbuf refers to the data of this buffer, such as a copy of the frame.
inline bool owns_data(const rte_mbuf* mbuf) noexcept {
  if (RTE_MBUF_CLONED(mbuf)) return false;
  if (RTE_MBUF_HAS_EXTBUF(mbuf)) return rte_mbuf_ext_refcnt_read(mbuf->shinfo) == 1;
  return rte_mbuf_refcnt_read(mbuf) == 1;
}

// Copies `bytes` bytes that lie at `offset` of the packet and may have several segments.
inline void copy_from_mbuf(uint8_t* out, const rte_mbuf* mbuf, uint32_t offset,
                           uint32_t bytes) noexcept {
  for (; mbuf != nullptr && offset >= mbuf->data_len; mbuf = mbuf->next) offset -= mbuf->data_len;
  for (; mbuf != nullptr && bytes > 0; mbuf = mbuf->next, offset = 0) {
    const uint32_t here = std::min(bytes, mbuf->data_len - offset);
    std::memcpy(out, rte_pktmbuf_mtod_offset(mbuf, const char*, offset), here);
    out += here;
    bytes -= here;
  }
}

// The packet in buffers whose first `headers` bytes may be written: itself, or a copy where
// others read its data, and then it is freed. Null when the pool is empty; the packet is
// still the caller's then.
inline rte_mbuf* make_writable(rte_mbuf* mbuf, uint32_t headers, rte_mempool* pool) noexcept {
  if (owns_data(mbuf)) [[likely]]
    return mbuf;
  rte_mbuf* copy = rte_pktmbuf_copy(mbuf, pool, 0, UINT32_MAX);
  if (copy == nullptr) return nullptr;
  if (copy->data_len < headers) {  // buffers too small for any header
    rte_pktmbuf_free(copy);
    return nullptr;
  }
  rte_pktmbuf_free(mbuf);
  return copy;
}

}  // namespace adit

// SPDX-License-Identifier: Apache-2.0
// STT's headers, their checks and the checksum of its segments (draft-davie-stt-08). Pure;
// whole frames and those in reassembly go through the same ones.
#pragma once

#include <rte_mbuf.h>

#include <cstddef>
#include <cstdint>

#include "adit/drop_reason.h"
#include "adit/snapshot.h"
#include "adit/wire.h"
#include "packet/checksum.h"

namespace adit {

// draft-davie-stt-08 section 3.2: what each segment of an STT frame begins with. It has the
// layout of TCP's header, so that network cards segment and checksum it; nothing else is TCP.
struct SttTcpHeader {
  be16 src_port;  // entropy of the inner flow, one value for all segments of a frame
  be16 dst_port;
  be32 sequence;        // frame length(16) offset of the payload in the frame(16)
  be32 packet_id;       // TCP's acknowledgment number: one value for all segments of a frame
  uint8_t data_offset;  // header length(4), in 4 bytes; reserved(4)
  uint8_t flags;
  be16 window;  // ignored
  be16 checksum;
  be16 urgent;  // ignored
};
static_assert(sizeof(SttTcpHeader) == 20);
inline constexpr uint16_t kSttPort = 7471;
inline constexpr uint8_t kSttTcpPsh = 0x08;
inline constexpr uint8_t kSttTcpAck = 0x10;

// draft-davie-stt-08 section 3.1: what each STT frame begins with, before its Ethernet frame.
struct SttFrameHeader {
  uint8_t version;
  uint8_t flags;
  uint8_t l4_offset;  // from the end of this header to the inner TCP or UDP header, bytes
  uint8_t reserved;
  be16 mss;       // 0: no segmentation asked for
  be16 vlan_tci;  // PCP(3) V(1) VID(12)
  be64 context_id;
  be16 padding;  // ignored; puts the inner IP header on a multiple of 4
};
static_assert(sizeof(SttFrameHeader) == 18);
inline constexpr uint8_t kSttVersion = 0;
// The bits that deployed code and Wireshark use.
inline constexpr uint8_t kSttChecksumVerified = 0x01;
inline constexpr uint8_t kSttChecksumPartial = 0x02;
inline constexpr uint8_t kSttIpv4 = 0x04;
inline constexpr uint8_t kSttTcp = 0x08;
inline constexpr uint16_t kSttVlanPresent = 0x1000;

// STT frame header and inner Ethernet header: no frame is shorter.
inline constexpr unsigned kSttMinFrameBytes = sizeof(SttFrameHeader) + sizeof(EthernetHeader);

// Where a segment's payload belongs.
struct SttPlace {
  uint16_t frame_len;  // STT frame header included
  uint16_t offset;
};
// `sequence`: of the TCP-like header, in host byte order: length above, offset below.
constexpr SttPlace stt_place(uint32_t sequence) noexcept {
  return {static_cast<uint16_t>(sequence >> 16), static_cast<uint16_t>(sequence)};
}

// Of a segment by itself. kNone: nothing is wrong.
constexpr DropReason check_stt_segment(SttPlace place, uint32_t payload_len) noexcept {
  if (payload_len == 0) return DropReason::k_stt_empty;
  if (place.frame_len < kSttMinFrameBytes || place.offset + payload_len > place.frame_len)
    return DropReason::k_stt_length;
  return DropReason::kNone;
}

// Such a segment needs no reassembly.
constexpr bool is_whole_stt_frame(SttPlace place, uint32_t payload_len) noexcept {
  return place.offset == 0 && payload_len == place.frame_len;
}

// Of the frame header of a complete frame. kNone: nothing is wrong. Whether the inner
// packet is what the flags say has still to be seen.
inline DropReason check_stt_frame(const SttFrameHeader& header, uint16_t frame_len) noexcept {
  if (header.version != kSttVersion) return DropReason::k_stt_version;
  // Section 3.1: without a partial checksum the fields that describe it are ignored.
  if (!(header.flags & kSttChecksumPartial)) return DropReason::kNone;
  if (header.flags & kSttChecksumVerified) return DropReason::k_stt_flags;
  constexpr unsigned kTcpHeaderLen = 20;
  const unsigned l4_len = header.flags & kSttTcp ? kTcpHeaderLen : sizeof(UdpHeader);
  const unsigned ip_len = header.flags & kSttIpv4 ? sizeof(Ipv4Header) : sizeof(Ipv6Header);
  if (header.l4_offset < sizeof(EthernetHeader) + ip_len ||
      sizeof(SttFrameHeader) + header.l4_offset + l4_len > frame_len)
    return DropReason::k_stt_flags;
  return DropReason::kNone;
}

// Sum of the pseudo-header of TCP, not folded. `tcp_len`: TCP-like header and payload, bytes.
inline uint64_t stt_pseudo_sum(const Ipv4Header& ip, uint16_t tcp_len) noexcept {
  const auto* addresses = reinterpret_cast<const uint8_t*>(&ip) + offsetof(Ipv4Header, src);
  return sum_words(addresses, 8) + be16(kIpProtocolTcp).raw() + be16(tcp_len).raw();
}
// RFC 8200 section 8.1; `tcp_len`: of the TCP-like header and its payload, bytes.
inline uint64_t stt_pseudo_sum(const Ipv6Header& ip, uint16_t tcp_len) noexcept {
  const auto* addresses = reinterpret_cast<const uint8_t*>(&ip) + offsetof(Ipv6Header, src);
  return sum_words(addresses, 32) + be16(kIpProtocolTcp).raw() + be16(tcp_len).raw();
}

// Section 3.2: every segment carries a true TCP checksum. What to write into the field,
// which must be zero now. `tcp_offset`: of the TCP-like header from the packet's start.
template <class IpHeader>
be16 stt_checksum(const IpHeader& ip, const rte_mbuf* packet, uint32_t tcp_offset,
                  uint16_t tcp_len) noexcept {
  const uint16_t sum = sum_mbuf(packet, tcp_offset, tcp_len, stt_pseudo_sum(ip, tcp_len));
  return be16::from_raw(static_cast<uint16_t>(~sum));
}

// Whether it is right; over the same bytes.
template <class IpHeader>
bool stt_checksum_ok(const IpHeader& ip, const rte_mbuf* packet, uint32_t tcp_offset,
                     uint16_t tcp_len) noexcept {
  return sum_mbuf(packet, tcp_offset, tcp_len, stt_pseudo_sum(ip, tcp_len)) == 0xffff;
}

}  // namespace adit

// SPDX-License-Identifier: Apache-2.0
// Cuts an STT frame into segments (draft-davie-stt-08 section 3.2).
#pragma once

#include <rte_mbuf.h>

#include <algorithm>
#include <cstdint>
#include <span>

#include "tunnel/stt_header.h"

namespace adit {

// A segment that ends a frame of several has more bytes than this where that can be: Wireshark
// takes the payload of a shorter one for something else.
inline constexpr uint32_t kSttShortTail = 20;

// Payload bytes of the next segment when `left` bytes of the frame are left. The last two
// share what they have when the last would be too short.
constexpr uint32_t next_stt_payload(uint32_t left, uint32_t max_payload) noexcept {
  if (left <= max_payload) return left;
  if (left > max_payload + kSttShortTail) return max_payload;
  return std::min(max_payload, (left + 1) / 2);
}

// `frame`: STT frame header and inner frame, pkt_len at most 65,535. Each segment in `out` has
// at least `headroom` bytes before it for the outer headers, which the caller prepends. The
// payload is shared, not copied, and must not be written to any more. A frame that fits one
// segment and has the headroom stays as it is.
// Returns how many segments there are, and has taken over `frame`; or 0 when buffers or `out`
// do not suffice: then `frame` is still the caller's, and whole.
unsigned split_stt(rte_mbuf* frame, uint32_t max_payload, uint16_t headroom, rte_mempool* pool,
                   std::span<rte_mbuf*> out) noexcept;

enum class SttLast : bool { kNo, kYes };

// All but the checksum, which is left zero: stt_checksum().
inline void write_stt_tcp(SttTcpHeader& header, uint16_t src_port, uint16_t dst_port,
                          uint16_t frame_len, uint16_t offset, uint32_t packet_id,
                          SttLast last) noexcept {
  header = {be16(src_port),
            be16(dst_port),
            be32(uint32_t{frame_len} << 16 | offset),
            be32(packet_id),
            sizeof(SttTcpHeader) / 4 << 4,
            static_cast<uint8_t>(kSttTcpAck | (last == SttLast::kYes ? kSttTcpPsh : 0)),
            be16(0),
            be16(0),
            be16(0)};
}

}  // namespace adit

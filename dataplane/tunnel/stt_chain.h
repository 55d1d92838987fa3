// SPDX-License-Identifier: Apache-2.0
// Makes one packet of the segments of a complete STT frame.
#pragma once

#include <rte_mbuf.h>

#include <cstdint>
#include <span>

#include "tunnel/stt_header.h"

namespace adit {

struct SttHeld {
  rte_mbuf* mbuf;  // still with its outer headers
  uint16_t offset;
  uint16_t payload_len;
  uint16_t payload_offset;  // within mbuf's first buffer
};

// What lies contiguous behind the outer headers of a joined frame, or the frame when it is
// shorter: all that the steps after decapsulation read.
inline constexpr unsigned kSttContiguousBytes = sizeof(SttFrameHeader) + 128;

// Whether the first buffer has the room that join_stt() needs; only very small buffers, or
// shared ones, do not. `segments` tile the frame, in order of offset.
bool can_join_stt(std::span<const SttHeld> segments, uint16_t frame_len) noexcept;

// One packet: the outer headers of the first segment, then the frame. The other segments'
// headers and all padding are gone, no buffer is empty but perhaps of outer headers. A frame
// that fits the first buffer is in that buffer alone. Call only if can_join_stt().
rte_mbuf* join_stt(std::span<const SttHeld> segments, uint16_t frame_len) noexcept;

}  // namespace adit

// SPDX-License-Identifier: Apache-2.0
// The header that a TAP interface puts before each frame (virtio 1.2 section 5.1.6, IFF_VNET_HDR),
// and the offload flags of the mbuf that correspond to it (segment.h). Pure functions.
#pragma once

#include <rte_mbuf.h>

#include <bit>
#include <cstdint>

namespace adit {

// TUNSETVNETLE makes the fields little endian, as we read and write them. Of our own, since the
// kernel's linux/virtio_net.h is no C++.
struct VirtioHeader {
  uint8_t flags;
  uint8_t gso_type;
  uint16_t hdr_len;      // of Ethernet to TCP, bytes; a hint
  uint16_t gso_size;     // MSS
  uint16_t csum_start;   // from the frame's start
  uint16_t csum_offset;  // of the checksum, from csum_start
};
static_assert(sizeof(VirtioHeader) == 10);
static_assert(std::endian::native == std::endian::little);

namespace virtio {
inline constexpr uint8_t kNeedsChecksum = 1;  // flags
inline constexpr uint8_t kDataValid = 2;
inline constexpr uint8_t kNoGso = 0;  // gso_type
inline constexpr uint8_t kTcpIpv4 = 1;
inline constexpr uint8_t kTcpIpv6 = 4;
inline constexpr uint8_t kEcn = 0x80;  // beside TCP's: the segments' CWR
}  // namespace virtio

// Sets the offload flags for what the header leaves pending. A checksum that no flag can describe
// is completed at once. The frame's first buffer must not be shared. Returns false, and changes
// nothing, if header and frame contradict each other, or the header asks for an offload that was
// not offered.
bool read_virtio_header(const VirtioHeader& header, rte_mbuf* frame) noexcept;

// The header for the frame's offload flags. write_pseudo_sum() must have returned true before.
VirtioHeader make_virtio_header(const rte_mbuf* frame) noexcept;

}  // namespace adit

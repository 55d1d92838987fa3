// SPDX-License-Identifier: Apache-2.0
// Completes in software what a sender left to the NIC, for an egress port without that offload. The
// mbuf's TX offload flags (RTE_MBUF_F_TX_...) say what is pending.
//
// Where the headers are is read from the frame: l2_len and its companions are ignored, because a
// VLAN tag may have been pushed or popped since they were written. L4 checksums are computed from
// scratch, whatever the field holds: conventions differ in whether the pseudo-header's sum includes
// the length.
#pragma once

#include <rte_mbuf.h>

#include <cstdint>
#include <span>

#include "adit/wire.h"

namespace adit {

inline constexpr uint64_t kTxOffloadFlags =
    RTE_MBUF_F_TX_L4_MASK | RTE_MBUF_F_TX_TCP_SEG | RTE_MBUF_F_TX_UDP_SEG | RTE_MBUF_F_TX_IP_CKSUM;

// TSO and USO at once: a port sets this on a frame whose offload request it could not interpret.
// Classification drops the frame.
inline constexpr uint64_t kInvalidTxOffload = RTE_MBUF_F_TX_TCP_SEG | RTE_MBUF_F_TX_UDP_SEG;

// The first header of a frame.
enum class FirstHeader : uint8_t { kEthernet, kIp };

// Whether the sender left a checksum or the segmentation to a NIC; is_gso_frame(): the segmentation
// of TCP.
inline bool is_pending_offload(const rte_mbuf* frame) noexcept {
  return (frame->ol_flags & kTxOffloadFlags) != 0;
}
inline bool is_gso_frame(const rte_mbuf* frame) noexcept {
  return (frame->ol_flags & RTE_MBUF_F_TX_TCP_SEG) != 0;
}

// Sets the flags of a frame whose sender left the TCP or UDP checksum to a NIC, and the
// segmentation of TCP too when `mss` is not 0.
inline void set_tx_offload(rte_mbuf* frame, uint8_t protocol, uint16_t mss) noexcept {
  const bool tcp = protocol == kIpProtocolTcp;
  frame->ol_flags |= tcp ? RTE_MBUF_F_TX_TCP_CKSUM : RTE_MBUF_F_TX_UDP_CKSUM;
  if (!tcp || mss == 0) return;
  frame->ol_flags |= RTE_MBUF_F_TX_TCP_SEG;
  frame->tso_segsz = mss;
}

// Writes the pending checksums and clears the flags; a frame without flags is complete. Returns
// false, and changes nothing, if the headers do not match the flags (wrong, not contiguous, another
// protocol, a fragment), if the frame is longer than one segment of its tso_segsz, or if the
// header's buffer is shared: then the frame must be copied first.
bool complete_checksum(rte_mbuf* frame, FirstHeader first = FirstHeader::kEthernet) noexcept;

// For a port that completes checksums itself: writes the pseudo-header's sum into the L4 checksum
// field, which is where the port starts from. Returns false, and changes nothing, as above; but any
// length is allowed, and so is a shared buffer in which the field is right already.
bool write_pseudo_sum(rte_mbuf* frame, FirstHeader first = FirstHeader::kEthernet) noexcept;

// Bytes of the longest frame that segment_tcp() makes of a GSO frame; 0: it makes none.
uint32_t segment_bytes(const rte_mbuf* frame, FirstHeader first = FirstHeader::kEthernet) noexcept;

// Cuts a TCP frame into complete frames of at most `mss` bytes of payload, without offload flags. A
// frame that fits gives one frame. `frame` is neither changed nor freed, and the new frames share
// nothing with it. They are copies because each byte has to be read for its checksum anyway, and a
// single buffer with headroom suits every port and tunnel; only a segment larger than a buffer is a
// chain. rte_gso is not used because it does IPv4 only, and no checksums.
// On failure it returns 0, allocates nothing and sets rte_errno: ENOMEM without buffers, E2BIG if
// `out` is too short, EINVAL if the headers are wrong, not contiguous or not unfragmented TCP.
unsigned segment_tcp(const rte_mbuf* frame, rte_mempool* pool, uint16_t mss,
                     std::span<rte_mbuf*> out, FirstHeader first = FirstHeader::kEthernet) noexcept;

}  // namespace adit

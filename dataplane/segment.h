// SPDX-License-Identifier: Apache-2.0
// Completes what a sender left to the NIC, by the marks that the mbuf carries for that
// (RTE_MBUF_F_TX_...): in software, for a way out that has no NIC or none that can.
//
// The marks say what is to be done, the frame's headers say where: l2_len and its companions
// are not read, since a VLAN tag may have come or gone since they were written. L4 checksums
// are computed from scratch, whatever the field holds: conventions differ in whether the sum
// in there includes the length.
#pragma once

#include <rte_mbuf.h>

#include <cstdint>
#include <span>

namespace adit {

inline constexpr uint64_t kOffloadMarks =
    RTE_MBUF_F_TX_L4_MASK | RTE_MBUF_F_TX_TCP_SEG | RTE_MBUF_F_TX_UDP_SEG | RTE_MBUF_F_TX_IP_CKSUM;

inline bool is_unfinished(const rte_mbuf* frame) noexcept {
  return (frame->ol_flags & kOffloadMarks) != 0;
}
inline bool is_super_frame(const rte_mbuf* frame) noexcept {
  return (frame->ol_flags & RTE_MBUF_F_TX_TCP_SEG) != 0;
}

// Writes the checksums that the marks ask for and takes the marks off; a frame without marks
// is complete. False, and nothing changed, where the headers do not bear the marks out (wrong,
// not contiguous, another protocol, a fragment), where the frame is longer than one segment of
// its tso_segsz, and where others share the header's buffer, so that it must be copied first.
bool complete_checksum(rte_mbuf* frame) noexcept;

// Cuts a frame of TCP into such of at most `mss` bytes of payload each, complete and with the
// marks off; a frame that fits gives one. `frame` is neither changed nor freed, and the new
// ones share nothing with it. They are copies rather than references because each byte has to
// be read for its checksum anyway, and one buffer with headroom suits every port and tunnel;
// only a segment beyond a buffer's room is a chain.
// rte_gso does IPv4 only, and no checksums: hence by hand.
// 0, nothing allocated and rte_errno set: ENOMEM without buffers, E2BIG where `out` is too
// short, EINVAL where the headers are wrong, not contiguous or not those of unfragmented TCP.
unsigned segment_tcp(const rte_mbuf* frame, rte_mempool* pool, uint16_t mss,
                     std::span<rte_mbuf*> out) noexcept;

}  // namespace adit

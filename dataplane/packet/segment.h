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

#include "adit/wire.h"

namespace adit {

inline constexpr uint64_t kOffloadMarks =
    RTE_MBUF_F_TX_L4_MASK | RTE_MBUF_F_TX_TCP_SEG | RTE_MBUF_F_TX_UDP_SEG | RTE_MBUF_F_TX_IP_CKSUM;

// Segments of TCP and of UDP at once: what a port says of a frame whose marks it could not make
// sense of. Classification drops it.
inline constexpr uint64_t kSenselessMarks = RTE_MBUF_F_TX_TCP_SEG | RTE_MBUF_F_TX_UDP_SEG;

// What a frame begins with.
enum class FirstHeader : uint8_t { kEthernet, kIp };

inline bool is_pending_offload(const rte_mbuf* frame) noexcept {
  return (frame->ol_flags & kOffloadMarks) != 0;
}
inline bool is_gso_frame(const rte_mbuf* frame) noexcept {
  return (frame->ol_flags & RTE_MBUF_F_TX_TCP_SEG) != 0;
}

// Marks a frame whose sender left the checksum of TCP or UDP to a NIC, and with an `mss` other
// than 0, TCP's segmentation.
inline void mark_pending_offload(rte_mbuf* frame, uint8_t protocol, uint16_t mss) noexcept {
  const bool tcp = protocol == kIpProtocolTcp;
  frame->ol_flags |= tcp ? RTE_MBUF_F_TX_TCP_CKSUM : RTE_MBUF_F_TX_UDP_CKSUM;
  if (!tcp || mss == 0) return;
  frame->ol_flags |= RTE_MBUF_F_TX_TCP_SEG;
  frame->tso_segsz = mss;
}

// Writes the checksums that the marks ask for and takes the marks off; a frame without marks
// is complete. False, and nothing changed, where the headers do not bear the marks out (wrong,
// not contiguous, another protocol, a fragment), where the frame is longer than one segment of
// its tso_segsz, and where others share the header's buffer, so that it must be copied first.
bool complete_checksum(rte_mbuf* frame, FirstHeader first = FirstHeader::kEthernet) noexcept;

// For a receiver that does what the marks say: makes the L4 checksum the sum of the
// pseudo-header, which is what it begins with. False, and nothing changed, as above, but a
// frame may be as long as it is, and others may share a buffer in which nothing has to change.
bool write_pseudo_sum(rte_mbuf* frame, FirstHeader first = FirstHeader::kEthernet) noexcept;

// Bytes of the longest frame that segment_tcp() makes of a GSO frame; 0 where it makes none.
uint32_t segment_bytes(const rte_mbuf* frame, FirstHeader first = FirstHeader::kEthernet) noexcept;

// Cuts a frame of TCP into such of at most `mss` bytes of payload each, complete and with the
// marks off; a frame that fits gives one. `frame` is neither changed nor freed, and the new
// ones share nothing with it. They are copies rather than references because each byte has to
// be read for its checksum anyway, and one buffer with headroom suits every port and tunnel;
// only a segment beyond a buffer's room is a chain.
// rte_gso does IPv4 only, and no checksums: hence by hand.
// 0, nothing allocated and rte_errno set: ENOMEM without buffers, E2BIG where `out` is too
// short, EINVAL where the headers are wrong, not contiguous or not those of unfragmented TCP.
unsigned segment_tcp(const rte_mbuf* frame, rte_mempool* pool, uint16_t mss,
                     std::span<rte_mbuf*> out, FirstHeader first = FirstHeader::kEthernet) noexcept;

}  // namespace adit

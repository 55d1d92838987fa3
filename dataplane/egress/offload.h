// SPDX-License-Identifier: Apache-2.0
// Frames whose sender left checksum or segmentation to a network card, on their way out.
#pragma once

#include <array>
#include <span>

#include "packet/segment.h"
#include "worker/worker.h"

namespace adit {

// 64 KiB cut by the least MSS that Linux sends by, net.ipv4.tcp_min_snd_mss.
inline constexpr unsigned kMostSegments = 65535 / 48 + 1;
using FinishedFrames = std::array<rte_mbuf*, kMostSegments>;

// Completes or cuts the frame, which is Worker's afterwards. What came of it, and is the
// caller's; nothing: it was dropped.
[[gnu::cold]] std::span<rte_mbuf*> finish(Worker& worker, rte_mbuf* frame, FirstHeader first,
                                          FinishedFrames& room) noexcept;

// Makes the frame, which is Worker's afterwards, ready for a port that finishes it
// (PortEntry::takes_pending_offload). What to send in its stead; null: it was dropped.
[[gnu::cold]] rte_mbuf* prepare_tx_offload(Worker& worker, rte_mbuf* frame,
                                           FirstHeader first) noexcept;

// Completes the frame for a way out that does not take it as it is. False when the packet has
// gone: as several ones, as too big, or dropped. A GSO frame that is left has segments that fit.
[[gnu::cold]] bool finish_offload(Worker& worker, Packet& packet) noexcept;

}  // namespace adit

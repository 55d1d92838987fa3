// SPDX-License-Identifier: Apache-2.0
// Frames whose sender left checksum or segmentation to a network card, on their way out.
#pragma once

#include "worker.h"

namespace adit {

inline constexpr unsigned kMostSegments = 128;

// Whole frames in place of the unfinished one, which is consumed. 0: it was dropped.
[[gnu::cold]] unsigned finish_frames(Worker& worker, rte_mbuf* frame,
                                     std::span<rte_mbuf*, kMostSegments> out) noexcept;

// Completes the frame for a way out that does not take it as it is. False when the packet has
// gone: as several ones, or dropped.
[[gnu::cold]] bool finish_offload(Worker& worker, Packet& packet) noexcept;

}  // namespace adit

// SPDX-License-Identifier: Apache-2.0
// What STT frames under reassembly may take.
#pragma once

#include "adit/snapshot.h"

namespace adit {

// Most buffers of one STT frame, and so most segments: one of 64 KiB at an MTU of 576 has 123.
inline constexpr unsigned kMaxSttBuffers = 128;

// Of each worker.
struct SttLimits {
  // Of buffers, each with all its room, used or not: packet buffers are what runs out.
  uint64_t max_bytes = 8u << 20;
  uint64_t max_bytes_per_peer = 2u << 20;
  uint64_t expiry_ns = 1'000'000'000;  // after a frame's first segment
  friend bool operator==(const SttLimits&, const SttLimits&) = default;
};

// To workers, and back.
constexpr TunnelSettings settings_of(const SttLimits& limits) noexcept {
  return {limits.max_bytes, limits.max_bytes_per_peer, limits.expiry_ns};
}
constexpr SttLimits stt_limits(const TunnelSettings& settings) noexcept {
  return {settings[0], settings[1], settings[2]};
}

}  // namespace adit

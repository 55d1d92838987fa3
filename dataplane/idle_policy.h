// SPDX-License-Identifier: Apache-2.0
// How long a worker sleeps when it finds nothing to do (`poll: adaptive`). Pure.
#pragma once

#include <algorithm>
#include <cstdint>

namespace adit {

// Polls on for a while after the last packet, then sleeps, longer and longer: a busy queue is never
// kept waiting. While packets come now and then, no sleep is longer than what they may be delayed
// by; an idle worker, for whom no packet has come for a while, costs little. Whom packets wake
// (idle_sleep.h) sleeps soon and long.
class IdlePolicy {
 public:
  static constexpr unsigned kPatience = 200;  // passes
  static constexpr uint64_t kStepNs = 2'000;
  // To be woken takes 5 to 25 us more: together less than 50.
  static constexpr uint64_t kMostNs = 20'000;
  static constexpr uint64_t kQuietNs = 100'000'000;
  static constexpr uint64_t kMostQuietNs = 100'000;
  static constexpr unsigned kWokenPatience = 20;  // passes, of a worker whom packets wake
  static constexpr uint64_t kMostWokenNs = 10'000'000;

  // For how long to sleep after a pass that began at `now_ns`; 0: not at all. `is_woken`: the sleep
  // ends when there is something to do, and delays nothing but what is due at a time.
  uint64_t after_pass(bool found_packets, uint64_t now_ns, bool is_woken) noexcept {
    if (found_packets) {
      idle_passes_ = 0;
      last_packet_ns_ = now_ns;
      return 0;
    }
    if (idle_passes_ < kPatience + kMostQuietNs / kStepNs) ++idle_passes_;
    if (is_woken) return idle_passes_ <= kWokenPatience ? 0 : kMostWokenNs;
    if (idle_passes_ <= kPatience) return 0;
    const bool quiet = now_ns - last_packet_ns_ >= kQuietNs;
    return std::min((idle_passes_ - kPatience) * kStepNs, quiet ? kMostQuietNs : kMostNs);
  }

 private:
  uint64_t idle_passes_ = 0;
  uint64_t last_packet_ns_ = 0;
};

}  // namespace adit

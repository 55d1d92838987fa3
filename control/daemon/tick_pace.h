// SPDX-License-Identifier: Apache-2.0
// How often control looks at what workers and the kernel have for it. A look each millisecond costs
// some 2% of a processor: that is for while something comes, and for a while after.
#pragma once

#include <chrono>
#include <cstdint>

namespace adit {

class TickPace {
 public:
  static constexpr std::chrono::milliseconds kBusy{1}, kQuiet{5};
  // More often comes after what came.
  static constexpr uint64_t kQuietAfterNs = 250'000'000;

  void moved(uint64_t now_ns) noexcept { quiet_from_ns_ = now_ns + kQuietAfterNs; }
  std::chrono::milliseconds until_next(uint64_t now_ns) const noexcept {
    return now_ns < quiet_from_ns_ ? kBusy : kQuiet;
  }

 private:
  uint64_t quiet_from_ns_ = 0;
};

}  // namespace adit

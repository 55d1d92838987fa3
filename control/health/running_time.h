// SPDX-License-Identifier: Apache-2.0
// Time as checks count it: without the spells in which adit itself stood still. A core that the
// machine gave to somebody else, or a long reload, must not look like backends that do not answer.
#pragma once

#include <chrono>
#include <cstdint>
#include <span>
#include <vector>

namespace adit {

class RunningTime {
 public:
  using Time = std::chrono::steady_clock::time_point;

  // Short against what a check waits, long against a worker's sleep. Twice as long is a standstill
  // of control's.
  static constexpr std::chrono::milliseconds kWindow{20};

  explicit RunningTime(Time now) : looked_(now), running_(now) {}

  // What has become of the workers, by the passes that each has made. To be called every few
  // milliseconds. A window in which a worker made none does not count, nor what a
  // window is too long.
  void look(Time now, std::span<const uint64_t> passes);

  // The time, less all that did not count.
  Time at(Time now) const noexcept;

 private:
  Time looked_;   // the current window's begin
  Time running_;  // by this time's count
  std::vector<uint64_t> passes_;
};

}  // namespace adit

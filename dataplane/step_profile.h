// SPDX-License-Identifier: Apache-2.0
// Where the cycles go. The pipeline is compiled twice: without a profile for work, and with
// one that bench/ reads.
#pragma once

#include <rte_cycles.h>

#include <array>
#include <cstdint>
#include <string_view>

namespace adit {

enum class Step : uint8_t {
  kReceive,
  kExpress,
  kClassify,
  kDecap,
  kHost,
  kLearn,
  kLookup,
  kForward,
  kFlood,
  kBalance,
  kRoute,
  kTransmit,
  kCount
};
inline constexpr std::size_t kStepCount = static_cast<std::size_t>(Step::kCount);
inline constexpr std::array<std::string_view, kStepCount> kStepNames = {
    "receive", "express", "classify", "decap",   "host",  "learn",
    "lookup",  "forward", "flood",    "balance", "route", "transmit"};

struct NoProfile {
  void start() noexcept {}
  void done(Step) noexcept {}
};

// TSC cycles per step. Each done() costs some 20 cycles a burst.
struct StepProfile {
  std::array<uint64_t, kStepCount> cycles = {};

  // From here on each done() adds to its step what has passed since the call before.
  void start() noexcept { last_ = rte_rdtsc(); }
  void done(Step step) noexcept {
    const uint64_t now = rte_rdtsc();
    cycles[static_cast<std::size_t>(step)] += now - last_;
    last_ = now;
  }

 private:
  uint64_t last_ = 0;
};

}  // namespace adit

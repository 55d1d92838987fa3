// SPDX-License-Identifier: Apache-2.0
// Where the cycles go. The pipeline is compiled twice: without a profile for work, and with
// one that bench/ reads.
#pragma once

#include <rte_cycles.h>

#include <array>
#include <cstdint>
#include <string_view>

namespace adit {

// In the order of the packet's way (pipeline.cc): the name in C++, and the one that is printed.
#define ADIT_STEPS(X)      \
  X(kReceive, "receive")   \
  X(kExpress, "express")   \
  X(kClassify, "classify") \
  X(kDecap, "decap")       \
  X(kHost, "host")         \
  X(kLearn, "learn")       \
  X(kLookup, "lookup")     \
  X(kForward, "forward")   \
  X(kFlood, "flood")       \
  X(kBalance, "balance")   \
  X(kRoute, "route")       \
  X(kTransmit, "transmit")

#define ADIT_STEP(id, name) id,
enum class Step : uint8_t { ADIT_STEPS(ADIT_STEP) kCount };
#undef ADIT_STEP
inline constexpr std::size_t kStepCount = static_cast<std::size_t>(Step::kCount);
#define ADIT_STEP(id, name) name,
inline constexpr std::array<std::string_view, kStepCount> kStepNames = {ADIT_STEPS(ADIT_STEP)};
#undef ADIT_STEP

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

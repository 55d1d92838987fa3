// SPDX-License-Identifier: Apache-2.0
// Weighted round robin. A cycle goes through levels, from the highest weight down by the
// weights' greatest common divisor; at each level those whose weight reaches it have their
// turn. Weights 4, 3, 2 give A AB ABC ABC.
//
// Levels come from the weights at the cycle's beginning, not from control, because slow start
// changes weights without a new snapshot. Within a cycle a weight counts as it is.
#include <numeric>

#include "scheduler/open_weight.h"
#include "scheduler/registry.h"

namespace adit {
namespace {

// False: no backend takes new connections.
bool begin_cycle(const SchedulerContext& context, SchedulerState& state) noexcept {
  state.level = state.step = 0;
  for (uint32_t i = 0; i < context.backends.size(); ++i) {
    const uint32_t weight = open_weight(context, i);
    state.level = std::max(state.level, weight);
    state.step = std::gcd(state.step, weight);
  }
  return state.level != 0;
}

// The first cycle begins in the middle, with another backend for each worker, at a level that
// this backend reaches.
bool begin(const SchedulerContext& context, SchedulerState& state) noexcept {
  if (!begin_cycle(context, state)) return false;
  const auto count = static_cast<uint32_t>(context.backends.size());
  state.cursor = context.worker % count;
  const uint32_t levels = open_weight(context, state.cursor) / state.step;
  if (levels != 0) state.level = (levels - context.worker / count % levels) * state.step;
  return true;
}

uint32_t pick(SchedulerContext& context, const FlowKey&) noexcept {
  const auto count = static_cast<uint32_t>(context.backends.size());
  SchedulerState& state = context.state;
  if (state.level == 0 && !begin(context, state)) return kNoBackend;
  // The rest of a round, a whole round at a level that no backend reaches because the highest
  // weights are gone, and the first round of a new cycle. One more, because weights may fall
  // meanwhile.
  for (unsigned round = 0; round < 4; ++round) {
    const bool whole = state.cursor == 0;
    for (uint32_t i = state.cursor; i < count; ++i) {
      if (open_weight(context, i) < state.level) continue;
      state.cursor = i + 1;
      return i;
    }
    state.cursor = 0;
    if (whole || state.level <= state.step) {
      if (!begin_cycle(context, state)) return kNoBackend;
    } else {
      state.level -= state.step;
    }
  }
  return kNoBackend;
}

}  // namespace

constinit const SchedulerOps kWrrOps = {
    .name = "wrr", .help = "each in turn, in proportion to weights", .pick = pick};

}  // namespace adit

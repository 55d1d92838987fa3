// SPDX-License-Identifier: Apache-2.0
// Round robin: each in turn, whatever its weight, as long as that is not 0.
#include "scheduler/open_weight.h"
#include "scheduler/registry.h"

namespace adit {
namespace {

uint32_t pick(SchedulerContext& context, const FlowKey&) noexcept {
  const auto count = static_cast<uint32_t>(context.backends.size());
  SchedulerState& state = context.state;
  if (state.level == 0 && count != 0) [[unlikely]] {
    state.level = 1;
    state.cursor = context.worker % count;
  }
  for (uint32_t looked = 0; looked < count; ++looked) {
    const uint32_t index = state.cursor < count ? state.cursor : 0;
    state.cursor = index + 1;
    if (open_weight(context, index) != 0) return index;
  }
  return kNoBackend;
}

}  // namespace

constinit const SchedulerOps kRrOps = {.name = "rr", .help = "each in turn", .pick = pick};

}  // namespace adit

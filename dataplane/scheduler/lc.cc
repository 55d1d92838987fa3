// SPDX-License-Identifier: Apache-2.0
// Least connections: weights do not count, as long as they are not 0.
#include "scheduler/cost.h"
#include "scheduler/registry.h"

namespace adit {
namespace {

uint32_t pick(SchedulerContext& context, const FlowKey&) noexcept {
  return pick_least(context, [](const BackendLoad& load, uint32_t) noexcept {
    return Cost{overhead_of(load), 1};
  });
}

}  // namespace

constinit const SchedulerOps kLcOps = {
    .name = "lc", .help = "the one with the fewest connections", .pick = pick};

}  // namespace adit

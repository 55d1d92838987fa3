// SPDX-License-Identifier: Apache-2.0
// Weighted least connections.
#include "scheduler/cost.h"
#include "scheduler/registry.h"

namespace adit {
namespace {

uint32_t pick(SchedulerContext& context, const FlowKey&) noexcept {
  return pick_least(context, weighted_overhead);
}

}  // namespace

constinit const SchedulerOps kWlcOps = {
    .name = "wlc", .help = "the one with the fewest connections for its weight", .pick = pick};

}  // namespace adit

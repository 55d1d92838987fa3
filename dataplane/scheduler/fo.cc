// SPDX-License-Identifier: Apache-2.0
// Failover: all connections go to the highest weight while that backend is up.
#include "scheduler/cost.h"
#include "scheduler/registry.h"

namespace adit {
namespace {

uint32_t pick(SchedulerContext& context, const FlowKey&) noexcept {
  return pick_least(context, [](const BackendLoad&, uint32_t weight) noexcept {
    return Cost{1, weight};
  });
}

}  // namespace

constinit const SchedulerOps kFoOps = {
    .name = "fo", .help = "the one of the highest weight", .pick = pick};

}  // namespace adit

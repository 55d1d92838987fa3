// SPDX-License-Identifier: Apache-2.0
// Shortest expected delay: as wlc, with the new connection counted in, so that of idle
// backends the one of the highest weight is first.
#include "scheduler/cost.h"
#include "scheduler/registry.h"

namespace adit {
namespace {

uint32_t pick(SchedulerContext& context, const FlowKey&) noexcept {
  return pick_least(context, expected_delay);
}

}  // namespace

constinit const SchedulerOps kSedOps = {
    .name = "sed",
    .help = "the one with the shortest expected delay: (active connections + 1) / weight",
    .pick = pick};

}  // namespace adit

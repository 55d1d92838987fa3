// SPDX-License-Identifier: Apache-2.0
// Never queue: the first that has no active connection, else shortest expected delay.
#include "scheduler/cost.h"
#include "scheduler/registry.h"

namespace adit {
namespace {

uint32_t pick(SchedulerContext& context, const FlowKey&) noexcept {
  return pick_least(context, [](const BackendLoad& load, uint32_t weight) noexcept {
    return active_of(load) == 0 ? Cost{0, weight} : expected_delay(load, weight);
  });
}

}  // namespace

constinit const SchedulerOps kNqOps = {
    .name = "nq", .help = "one without active connections, else as sed", .pick = pick};

}  // namespace adit

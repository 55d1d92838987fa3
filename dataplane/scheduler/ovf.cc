// SPDX-License-Identifier: Apache-2.0
// Overflow: as fo, but weights are numbers of active connections; a backend with more is skipped,
// and when all have more, none takes the connection (as with IPVS).
#include "scheduler/cost.h"
#include "scheduler/registry.h"

namespace adit {
namespace {

uint32_t pick(SchedulerContext& context, const FlowKey&) noexcept {
  return pick_least(context, [&context](const BackendLoad& load, uint32_t weight) noexcept {
    return active_everywhere(context, load) > weight ? Cost{} : Cost{1, weight};
  });
}

}  // namespace

constinit const SchedulerOps kOvfOps = {
    .name = "ovf",
    .help = "the one of the highest weight that has no more active connections than its weight",
    .pick = pick};

}  // namespace adit

// SPDX-License-Identifier: Apache-2.0
// Locality-based least connections: a destination stays with one backend, which wlc selects.
#include "scheduler/locality.h"
#include "scheduler/registry.h"

namespace adit {
namespace {

uint32_t pick(SchedulerContext& context, const FlowKey& flow) noexcept {
  const LocalityKey key = locality_key(context, flow);
  LocalitySet* set = context.localities.find(key, context.now_s);
  if (set != nullptr) {
    const uint32_t index = index_of(context, set->ids().front());
    if (index != kNoBackend && open_weight(context, index) != 0 && !should_relieve(context, index))
      return index;
  }
  const uint32_t index = pick_least(context, weighted_overhead);
  if (index == kNoBackend) return kNoBackend;
  if (set == nullptr) set = &context.localities.insert(key, context.now_s);
  set->assign(context.backends[index].id, context.now_s);
  return index;
}

}  // namespace

constinit const SchedulerOps kLblcOps = {
    .name = "lblc",
    .help = "the one that served the destination's address before, else as wlc",
    .pick = pick};

}  // namespace adit

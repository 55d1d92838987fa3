// SPDX-License-Identifier: Apache-2.0
// Locality-based least connections with replication: a destination has a set of backends, from
// which wlc selects. If that backend is overloaded, wlc among all backends adds one to the set. A
// set that has not changed for a day loses its most loaded backend.
#include "scheduler/locality.h"
#include "scheduler/registry.h"

namespace adit {
namespace {

constexpr uint32_t kShrink_s = 24 * 3600;

Cost member_cost(const SchedulerContext& context, BackendId id) noexcept {
  const uint32_t index = index_of(context, id);
  return index == kNoBackend ? Cost{} : cost_at(context, index, weighted_overhead);
}

// The first of the least cost, kNoBackend where none takes new connections.
uint32_t least_of(const SchedulerContext& context, const LocalitySet& set) noexcept {
  uint32_t best = kNoBackend;
  Cost least;
  for (const BackendId id : set.ids()) {
    const Cost cost = member_cost(context, id);
    if (!(cost < least)) continue;
    least = cost;
    best = index_of(context, id);
  }
  return best;
}

// The last of the highest cost; the cost of backends that are gone or take no connections is
// infinite.
void remove_most_loaded(const SchedulerContext& context, LocalitySet& set) noexcept {
  unsigned worst = 0;
  Cost most = member_cost(context, set.ids()[0]);
  for (unsigned i = 1; i < set.ids().size(); ++i) {
    const Cost cost = member_cost(context, set.ids()[i]);
    if (cost < most) continue;
    most = cost;
    worst = i;
  }
  set.remove(worst, context.now_s);
}

void add_member(const SchedulerContext& context, LocalitySet& set, BackendId id) noexcept {
  if (set.contains(id)) return;
  if (set.ids().size() == LocalitySet::kMost) remove_most_loaded(context, set);
  set.add(id, context.now_s);
}

uint32_t pick(SchedulerContext& context, const FlowKey& flow) noexcept {
  const LocalityKey key = locality_key(context, flow);
  LocalitySet* set = context.localities.find(key, context.now_s);
  if (set != nullptr) {
    const uint32_t index = least_of(context, *set);
    if (set->ids().size() > 1 && context.now_s - set->changed_s() >= kShrink_s)
      remove_most_loaded(context, *set);
    if (index != kNoBackend && !should_relieve(context, index)) return index;
  }
  const uint32_t index = pick_least(context, weighted_overhead);
  if (index == kNoBackend) return kNoBackend;
  if (set == nullptr) set = &context.localities.insert(key, context.now_s);
  add_member(context, *set, context.backends[index].id);
  return index;
}

}  // namespace

constinit const SchedulerOps kLblcrOps = {
    .name = "lblcr",
    .help = "as lblc, with a set of backends for each destination that grows under load",
    .pick = pick};

}  // namespace adit

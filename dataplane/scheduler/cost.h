// SPDX-License-Identifier: Apache-2.0
// Schedulers that take the backend of the least cost. A cost is a fraction, overhead by
// weight, that is never divided: costs are compared by cross-multiplication.
#pragma once

#include "scheduler/open_weight.h"

namespace adit {

// Infinite as it is made. Overheads are below 2^41 and weights below 2^16: products fit.
struct Cost {
  uint64_t overhead = 1;
  uint32_t weight = 0;

  friend constexpr bool operator<(const Cost& a, const Cost& b) noexcept {
    return a.overhead * b.weight < b.overhead * a.weight;
  }
};

// Connections that count as active, of one worker.
inline uint64_t active_of(const BackendLoad& load) noexcept {
  return load.active.load(std::memory_order_relaxed);
}

// An established connection counts as much as 256 others, as with IPVS.
inline uint64_t overhead_of(const BackendLoad& load) noexcept {
  return active_of(load) * 256 + load.inactive.load(std::memory_order_relaxed);
}

// What wlc compares (docs/scheduler.md). `weight`: not 0.
inline Cost weighted_overhead(const BackendLoad& load, uint32_t weight) noexcept {
  return {overhead_of(load), weight};
}

// What a new connection would have to wait for, itself included.
inline Cost expected_delay(const BackendLoad& load, uint32_t weight) noexcept {
  return {active_of(load) + 1, weight};
}

// A backend that takes no new connections costs infinitely much; cost_of() is not asked then.
template <class CostOf>
Cost cost_at(const SchedulerContext& context, uint32_t index, CostOf cost_of) noexcept {
  const uint32_t weight = open_weight(context, index);
  return weight == 0 ? Cost{} : cost_of(context.loads[context.backends[index].id], weight);
}

// The first of the least cost; kNoBackend where all are infinite.
template <class CostOf>
uint32_t pick_least(const SchedulerContext& context, CostOf cost_of) noexcept {
  uint32_t best = kNoBackend;
  Cost least;
  for (uint32_t i = 0; i < context.backends.size(); ++i) {
    const Cost cost = cost_at(context, i, cost_of);
    if (!(cost < least)) continue;
    least = cost;
    best = i;
  }
  return best;
}

// Weights mean connections of all workers here, of which each sees its part.
inline uint64_t active_everywhere(const SchedulerContext& context,
                                  const BackendLoad& load) noexcept {
  return active_of(load) * context.workers;
}

}  // namespace adit

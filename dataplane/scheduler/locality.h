// SPDX-License-Identifier: Apache-2.0
// What lblc and lblcr share: a destination stays with the backends that have served it, as
// long as those are not overloaded beside others that have little to do.
#pragma once

#include "packet/flow_key.h"
#include "scheduler/cost.h"
#include "scheduler/locality_table.h"

namespace adit {

// What lblc and lblcr remember backends for: the address, not the port.
inline LocalityKey locality_key(const SchedulerContext& context, const FlowKey& flow) noexcept {
  return {flow.destination, context.service, flow.vrf, flow.ipv6 != 0};
}

// kNoBackend where the service has it no longer.
inline uint32_t index_of(const SchedulerContext& context, BackendId id) noexcept {
  const auto found = std::ranges::find(context.backends, id, &ServiceBackend::id);
  if (found == context.backends.end()) return kNoBackend;
  return static_cast<uint32_t>(found - context.backends.begin());
}

// Whether the backend has more active connections than its weight, and another one has less
// than half of that.
inline bool should_relieve(const SchedulerContext& context, uint32_t index) noexcept {
  const auto active_at = [&context](uint32_t i) {
    return active_everywhere(context, context.loads[context.backends[i].id]);
  };
  if (active_at(index) <= open_weight(context, index)) return false;
  for (uint32_t i = 0; i < context.backends.size(); ++i)
    if (active_at(i) * 2 < open_weight(context, i)) return true;
  return false;
}

}  // namespace adit

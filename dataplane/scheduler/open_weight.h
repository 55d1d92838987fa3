// SPDX-License-Identifier: Apache-2.0
// Who takes new connections: what every scheduler asks first.
#pragma once

#include "adit/scheduler_ops.h"

namespace adit {

// The weight that a backend has at this moment; 0 where it takes no new connections.
inline uint32_t open_weight(const SchedulerContext& context, uint32_t index) noexcept {
  const BackendId id = context.backends[index].id;
  const BackendStatus status = context.backend_status.load(id);
  return status.takes_new() && !context.loads[id].overloaded ? status.weight : 0;
}

}  // namespace adit

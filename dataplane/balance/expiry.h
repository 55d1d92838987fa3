// SPDX-License-Identifier: Apache-2.0
// Expires idle connections.
#pragma once

#include "worker/worker.h"

namespace adit {

// Forgets some of those that have expired, or whose backend was removed and not to come back.
void expire_connections(Worker& worker) noexcept;

}  // namespace adit

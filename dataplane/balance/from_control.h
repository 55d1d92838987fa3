// SPDX-License-Identifier: Apache-2.0
// Packets of control's own: health checks on the way that packets of clients take.
#pragma once

#include "worker/worker.h"

namespace adit {

// Gives those of the outbox to routing, directed or wrapped as their backends want them, and notes
// the flows in which replies come.
void send_from_control(Worker& worker) noexcept;

}  // namespace adit

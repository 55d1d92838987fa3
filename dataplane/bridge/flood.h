// SPDX-License-Identifier: Apache-2.0
// Broadcast, multicast and unknown unicast: to every bridge port of the network but the
// one it came from and its split-horizon group, by head-end replication.
#pragma once

#include "worker/worker.h"

namespace adit {

// Sends the frame on every way, or drops it when it is beyond the network's limit. Copies
// share its payload. What goes into tunnels may be left for encap_pending().
void flood(Worker& worker, Packet& packet) noexcept;

}  // namespace adit

// SPDX-License-Identifier: Apache-2.0
// Frames beyond the MTU of their way out.
#pragma once

#include "worker/worker.h"

namespace adit {

// Handles a frame that is larger than the MTU of Packet::out: fragments it, sends an ICMP error to
// its sender, or drops it, by the network's `too_big`. Takes ownership of the frame.
[[gnu::cold]] void handle_too_big(Worker& worker, Packet& packet) noexcept;

}  // namespace adit

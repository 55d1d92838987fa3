// SPDX-License-Identifier: Apache-2.0
// Frames beyond the MTU of their way out.
#pragma once

#include "worker/worker.h"

namespace adit {

// Fragments the frame, tells its sender by ICMP, or just drops it, as its network says; the
// frame is Worker's afterwards. Packet::out is the way that is too narrow.
[[gnu::cold]] void handle_too_big(Worker& worker, Packet& packet) noexcept;

}  // namespace adit

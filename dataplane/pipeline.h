// SPDX-License-Identifier: Apache-2.0
// The packet's way, from receive to transmit. pipeline.cc reads from top to bottom.
#pragma once

#include "step_profile.h"
#include "worker/worker.h"

namespace adit {

// Packets taken from a queue at once.
inline constexpr unsigned kRxBurst = 32;

// One pass at worker.now_ns: a burst from each queue, then control's commands and the
// packets that wait for next hops. Returns the number of packets received.
template <class Profile>
unsigned run_pass(Worker& worker, Profile& profile) noexcept;

// Whether there is something to do before the next packet comes.
bool has_work(const Worker& worker) noexcept;

// What is left of a pass where nothing is received any more. Whether there may be more to do.
bool drain_pass(Worker& worker) noexcept;

}  // namespace adit

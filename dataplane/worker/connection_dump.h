// SPDX-License-Identifier: Apache-2.0
// Control's questions about this worker's connections (adit/connection_dump.h).
#pragma once

#include "worker/worker.h"

namespace adit {

// The next slice of the dump that the worker has: more of it in a pass without packets.
void continue_dump(Worker& worker, bool found_packets) noexcept;

}  // namespace adit

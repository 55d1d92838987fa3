// SPDX-License-Identifier: Apache-2.0
// Control's questions about this worker's connections (adit/connection_survey.h).
#pragma once

#include "worker/worker.h"

namespace adit {

// The next slice of the survey that the worker has: more of it in a pass without packets.
void continue_survey(Worker& worker, bool found_packets) noexcept;

}  // namespace adit

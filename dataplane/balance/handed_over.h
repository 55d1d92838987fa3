// SPDX-License-Identifier: Apache-2.0
// What other workers handed over, on its way through the pipeline.
#pragma once

#include <span>

#include "worker/handover.h"

namespace adit {

// Puts packets of this worker's connections into Worker::routed, and fragments that came in by the
// underlay into Worker::handed_frames. `mbufs`: a burst at most (take_handed_over()).
void accept_handed_over(Worker& worker, std::span<rte_mbuf* const> mbufs) noexcept;

}  // namespace adit

// SPDX-License-Identifier: Apache-2.0
// From the tunnels into networks and VRFs.
#pragma once

#include "worker/worker.h"

namespace adit {

// Takes the outer headers off the packets of Worker::to_decap; they go on in Worker::bridged or
// Worker::routed, or are dropped.
void decap(Worker& worker) noexcept;

}  // namespace adit

// SPDX-License-Identifier: Apache-2.0
// Bindings of the ports' queues to devices: replaced as a whole when a link goes down or up, or a
// device comes or goes. Control creates them, each worker adopts them at the begin of a
// pass, and control frees the former ones when every worker has done so (RCU).
#pragma once

#include <vector>

#include "worker/worker.h"

namespace adit {

struct PortBinding {
  std::vector<PortIo> queues;         // at least one
  uint16_t max_buffers = UINT16_MAX;  // of one frame to send
  bool is_down = false;
};

struct PortBindings {
  std::vector<PortBinding> ports;        // by PortId
  std::vector<std::vector<RxQueue>> rx;  // by worker
};

// Leads nowhere: nothing comes, and nothing is taken.
PortIo dead_end() noexcept;

// At the beginning of a pass, where Worker::bindings_number has changed.
[[gnu::cold]] void take_bindings(Worker& worker) noexcept;

}  // namespace adit

// SPDX-License-Identifier: Apache-2.0
// The first step: which way a frame goes that came in by a port.
#pragma once

#include "worker/worker.h"

namespace adit {

// Each of the `n` frames is on one of the worker's lists afterwards, or dropped.
void classify(Worker& worker, PortId port, rte_mbuf** mbufs, unsigned n) noexcept;

// The same of frames that came in by the underlay port rte_mbuf::port: fragments from other
// workers, and what was put together.
void classify_list(Worker& worker, PacketList& list) noexcept;

}  // namespace adit

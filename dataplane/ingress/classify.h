// SPDX-License-Identifier: Apache-2.0
// The first step: which way a frame goes that came in by a port.
#pragma once

#include "worker/worker.h"

namespace adit {

// Each of the `n` frames is on one of the worker's lists afterwards, or dropped.
void classify(Worker& worker, PortId port, rte_mbuf** mbufs, unsigned n) noexcept;

// Of fragments that came in by the underlay to other workers, Worker::handed_frames, `packet` is
// one. Its port is rte_mbuf::port.
void classify_handed(Worker& worker, Packet& packet) noexcept;

}  // namespace adit

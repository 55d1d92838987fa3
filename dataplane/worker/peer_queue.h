// SPDX-License-Identifier: Apache-2.0
// The queue of packets that other workers hand over to one worker.
#pragma once

#include <rte_ring.h>

#include <atomic>

#include "adit/ids.h"
#include "adit/zero_pages.h"

namespace adit {

struct PeerQueue {
  explicit PeerQueue(rte_ring* to) : ring(to) {}

  rte_ring* ring;  // rte_mbuf*: all other workers produce, its own consumes
  // Number of a VRF's packets in the ring, of those that came while it was crowded: producers add,
  // the consumer subtracts.
  ZeroPages<std::atomic<uint32_t>> counted{kMaxVrfs + 1};

  // While less than half of it is used, nothing is counted.
  bool is_crowded(unsigned free) const noexcept { return free < rte_ring_get_capacity(ring) / 2; }
};

}  // namespace adit

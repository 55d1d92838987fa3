// SPDX-License-Identifier: Apache-2.0
// The one door into a network or VRF and the one out of it: every frame or packet passes enter()
// where it has come in by a bridge port, a tunnel of a VRF or a VLAN of one, and leave() where its
// way out by such is decided. Both count there, and nobody else does.
#pragma once

#include "worker/worker.h"

namespace adit {

// `bytes`: of the frame or packet as it is within, without a tunnel's headers or the port's tag.
inline void enter(Worker& worker, BridgePortId in, uint32_t bytes) noexcept {
  TrafficCounters& counters = worker.bridge_port_counters[in];
  counters.rx_packets.add(1);
  counters.rx_bytes.add(bytes);
  counters.last_rx_s.store(worker.now_s, std::memory_order_relaxed);
}

inline void leave(Worker& worker, BridgePortId out, uint32_t bytes) noexcept {
  TrafficCounters& counters = worker.bridge_port_counters[out];
  counters.tx_packets.add(1);
  counters.tx_bytes.add(bytes);
}

}  // namespace adit

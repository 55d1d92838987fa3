// SPDX-License-Identifier: Apache-2.0
// Ingress and egress of networks and VRFs: every frame or packet passes enter() after it arrived by
// a bridge port, a VRF's tunnel or a VLAN subinterface, and leave() when its egress is decided.
// Only these two count packets of bridge ports.
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

// `bytes`: as of enter().
inline void leave(Worker& worker, BridgePortId out, uint32_t bytes) noexcept {
  TrafficCounters& counters = worker.bridge_port_counters[out];
  counters.tx_packets.add(1);
  counters.tx_bytes.add(bytes);
}

}  // namespace adit

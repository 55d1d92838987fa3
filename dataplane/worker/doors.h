// SPDX-License-Identifier: Apache-2.0
// Ingress and egress of networks and VRFs: every frame or packet passes enter() after it arrived by
// a bridge port, a VRF's tunnel or a VLAN subinterface, and leave() when its egress is decided; by
// the express lane those of a burst pass together. Packets of bridge ports are counted here alone
// (scripts/lint-walls).
#pragma once

#include "worker/worker.h"

namespace adit {

// `bytes`: of the frames or packets as they are within, without a tunnel's headers or the port's
// tag.
inline void enter(Worker& worker, BridgePortId in, uint32_t packets, uint64_t bytes) noexcept {
  TrafficCounters& counters = worker.bridge_port_counters[in];
  counters.rx_packets.add(packets);
  counters.rx_bytes.add(bytes);
  counters.last_rx_s.store(worker.now_s, std::memory_order_relaxed);
}
inline void enter(Worker& worker, BridgePortId in, uint32_t bytes) noexcept {
  enter(worker, in, 1, bytes);
}

// For many that leave one behind the other.
class Exits {
 public:
  explicit Exits(Worker& worker) noexcept : counters_(&worker.bridge_port_counters[0]) {}
  void leave(BridgePortId out, uint32_t packets, uint64_t bytes) const noexcept {
    TrafficCounters& counters = counters_[out];
    counters.tx_packets.add(packets);
    counters.tx_bytes.add(bytes);
  }
  void leave(BridgePortId out, uint32_t bytes) const noexcept { leave(out, 1, bytes); }

 private:
  TrafficCounters* counters_;
};

// `bytes`: as of enter().
inline void leave(Worker& worker, BridgePortId out, uint32_t bytes) noexcept {
  Exits(worker).leave(out, bytes);
}

}  // namespace adit

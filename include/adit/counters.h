// SPDX-License-Identifier: Apache-2.0
// What workers count. Each instance has one writer, its worker; control reads and sums.
#pragma once

#include <array>
#include <atomic>
#include <cstdint>

#include "adit/drop_reason.h"

namespace adit {

// A plain add for the one writer, a whole value for any reader.
class Counter {
 public:
  void add(uint64_t n) noexcept {
    value_.store(value_.load(std::memory_order_relaxed) + n, std::memory_order_relaxed);
  }
  uint64_t get() const noexcept { return value_.load(std::memory_order_relaxed); }

 private:
  std::atomic<uint64_t> value_ = 0;
};

// Bytes are those of the frame without FCS.
struct alignas(64) TrafficCounters {
  Counter rx_packets, rx_bytes, tx_packets, tx_bytes;
  std::atomic<uint32_t> last_rx_s = 0;  // when the last one came in; bridge ports only
};

// Drops of what came from a bridge port, or was to leave by it.
struct ErrorCounters {
  std::array<Counter, kDropReasonCount> drops;
};

// What became of a worker's packets. At rest, received + copied equals sent + dropped +
// consumed + held.
struct alignas(64) WorkerCounters {
  std::array<Counter, kDropReasonCount> drops;
  Counter loops, busy_loops;    // passes over all queues, and those that found packets
  Counter cycles, busy_cycles;  // TSC cycles spent in them
  Counter received;
  Counter sent;
  Counter copied;       // additional copies made by flooding
  Counter consumed;     // taken in by the gateway itself, e.g. ARP replies
  Counter originated;   // sent on control's behalf, e.g. ARP requests
  Counter flooded;      // frames that were flooded
  Counter handed_over;  // to the worker that has their connections
  Counter arp_requests_answered;
  Counter echo_requests_answered;
  Counter held;         // packets that ever waited for a next hop
  Counter events_lost;  // reports to control that found no room in the ring
};

}  // namespace adit

// SPDX-License-Identifier: Apache-2.0
// What workers count. Each instance has one writer, its worker; control reads and sums.
#pragma once

#include <array>
#include <atomic>
#include <cstdint>

#include "adit/drop_reason.h"

namespace adit {

// A counter with one writer, which needs no atomic add; readers never see a torn value.
class Counter {
 public:
  // Only for the thread that writes the counter.
  void add(uint64_t n) noexcept {
    value_.store(value_.load(std::memory_order_relaxed) + n, std::memory_order_relaxed);
  }
  // Any thread may call it; the sum of all add() so far.
  uint64_t get() const noexcept { return value_.load(std::memory_order_relaxed); }

 private:
  std::atomic<uint64_t> value_ = 0;
};

// Bytes are those of the frame without FCS.
struct alignas(64) TrafficCounters {
  Counter rx_packets, rx_bytes, tx_packets, tx_bytes;
  std::atomic<uint32_t> last_rx_s = 0;  // second of the last received one; bridge ports only
};

// Drops by reason of packets received from a bridge port, or to be sent by it.
struct ErrorCounters {
  std::array<Counter, kDropReasonCount> drops;
};

// Counters of one worker. While it is idle, received + copied + originated equals sent + dropped +
// consumed + packets held now.
struct alignas(64) WorkerCounters {
  std::array<Counter, kDropReasonCount> drops;
  Counter loops, busy_loops;    // passes over all queues, and those that found packets
  Counter cycles, busy_cycles;  // TSC cycles spent in them
  Counter received;
  Counter sent;
  Counter copied;       // additional copies made by flooding
  Counter consumed;     // for adit itself, e.g. ARP replies
  Counter originated;   // sent by adit itself, e.g. ARP requests
  Counter express;      // sent by an express lane, past the pipeline's steps
  Counter flooded;      // frames that were flooded
  Counter handed_over;  // passed to the worker that owns the connection
  Counter arp_requests_answered;
  Counter echo_requests_answered;
  Counter held;         // packets that waited for a next hop, in total
  Counter events_lost;  // reports to control lost because the ring was full
};

}  // namespace adit

// SPDX-License-Identifier: Apache-2.0
// Ports without a NIC: a receive that fills buffers from a flow table, a transmit that frees
// them. As simple as they can be, for their cost is the floor of every figure.
#pragma once

#include <atomic>
#include <cstdint>

#include "adit/port_io.h"
#include "flow_table.h"

struct rte_mempool;

namespace adit::bench {

// Gives out frames for as many bursts as it was told, then raises the stop flag that ends
// the loop which polls it. No packet comes in while it is not armed.
class MemorySource {
 public:
  // An empty table: the port's polls count, but it never has a packet.
  MemorySource(const FlowTable& table, uint16_t burst) : table_(table), burst_(burst) {}

  void use_pool(rte_mempool* pool) noexcept { pool_ = pool; }
  void arm(uint64_t bursts, std::atomic<bool>& stop) noexcept {
    bursts_left_ = bursts;
    stop_ = &stop;
  }
  PortIo io() noexcept;

  uint64_t packets() const noexcept { return packets_; }
  // Polls for which the pool had no buffers.
  uint64_t starved() const noexcept { return starved_; }

 private:
  template <unsigned kSlotBytes>
  static uint16_t receive(void* context, rte_mbuf** packets, uint16_t n) noexcept;
  static uint16_t receive_nothing(void* context, rte_mbuf** packets, uint16_t n) noexcept;
  void count_burst() noexcept {
    if (--bursts_left_ == 0) stop_->store(true, std::memory_order_relaxed);
  }

  const FlowTable& table_;
  rte_mempool* pool_ = nullptr;
  std::size_t next_ = 0;
  uint64_t bursts_left_ = 0;
  std::atomic<bool>* stop_ = nullptr;
  uint64_t packets_ = 0, starved_ = 0;
  uint16_t burst_;
};

// Takes everything.
class MemorySink {
 public:
  PortIo io() noexcept;
  uint64_t packets() const noexcept { return packets_; }

 private:
  static uint16_t transmit(void* context, rte_mbuf** packets, uint16_t n) noexcept;

  uint64_t packets_ = 0;
};

}  // namespace adit::bench

// SPDX-License-Identifier: Apache-2.0
// A TAP interface of the kernel, read and written directly. DPDK 22.11 has a driver for
// these too, but it sends nothing longer than 1,522 bytes, so no frame of an underlay that
// carries full-size inner frames, and it gives the kernel's end our MAC.
#pragma once

#include <deque>
#include <string_view>

#include "port.h"

namespace adit {

inline constexpr std::string_view kTapPrefix = "tap:";  // of PortSpec::device_name

class TapPort : public Port {
 public:
  // Makes the interface, with a queue for each worker, and brings it up.
  TapPort(const PortSpec& spec, unsigned workers, rte_mempool* pool);

  LinkState link() const noexcept override;
  uint64_t rx_missed() const noexcept override { return 0; }
  PortIo queue_io(unsigned queue) noexcept override;

 private:
  class Queue {
   public:
    Queue(int fd, rte_mempool* pool) noexcept : fd_(fd), pool_(pool) {}
    ~Queue();
    Queue(const Queue&) = delete;
    Queue& operator=(const Queue&) = delete;
    uint16_t receive(rte_mbuf** packets, uint16_t n) noexcept;
    uint16_t transmit(rte_mbuf** packets, uint16_t n) noexcept;

   private:
    int fd_;
    rte_mempool* pool_;
    rte_mbuf* next_ = nullptr;  // to be filled by the next read
  };
  void open_queue(const std::string& interface, rte_mempool* pool);
  void bring_up(const std::string& interface, unsigned mtu_bytes);

  std::deque<Queue> queues_;  // addresses stay
};

}  // namespace adit

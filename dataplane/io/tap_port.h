// SPDX-License-Identifier: Apache-2.0
// A TAP interface of the kernel, read and written directly. DPDK 22.11 has a driver for
// these too, but it sends nothing longer than 1,522 bytes, so no frame of an underlay that
// carries full-size inner frames, and it gives the kernel's end our MAC.
//
// With PortSpec::offload both ends leave segmentation of TCP and checksums to each other: frames
// of up to 64 KiB, in one system call each.
#pragma once

#include <deque>
#include <string_view>

#include "io/port.h"

namespace adit {

inline constexpr std::string_view kTapPrefix = "tap:";  // of PortSpec::device_name

class TapPort : public Port {
 public:
  // Makes the interface, with a queue for each worker, and brings it up. `former`: null, or one
  // that has the interface already: its queues are shared, so that the interface outlives it, and
  // stays as it is until activate().
  TapPort(const PortSpec& spec, unsigned workers, rte_mempool* pool,
          const TapPort* former = nullptr);

  LinkState link() const noexcept override;
  uint64_t rx_missed() const noexcept override;
  PortIo queue_io(unsigned queue) noexcept override;
  void activate() override;

 private:
  class Queue {
   public:
    // `frame_buffers`: as many as the longest frame may take.
    Queue(int fd, rte_mempool* pool, unsigned frame_buffers) noexcept
        : fd_(fd), pool_(pool), frame_buffers_(frame_buffers) {}
    ~Queue();
    Queue(const Queue&) = delete;
    Queue& operator=(const Queue&) = delete;
    uint16_t receive(rte_mbuf** packets, uint16_t n) noexcept;
    uint16_t transmit(rte_mbuf** packets, uint16_t n) noexcept;
    bool is_down() const noexcept { return is_down_; }
    int fd() const noexcept { return fd_; }

   private:
    int fd_;
    rte_mempool* pool_;
    unsigned frame_buffers_;
    bool is_down_ = false;  // said so at the last frame that it did not take
  };
  void create_queue(int fd, const std::string& interface) const;
  void set_offload(int fd) const;
  bool is_here() const noexcept;
  void bring_up(const std::string& interface, unsigned mtu_bytes);

  std::deque<Queue> queues_;  // addresses stay
  unsigned mtu_bytes_;
  mutable uint64_t rx_missed_ = 0;  // the last that the kernel told
};

}  // namespace adit

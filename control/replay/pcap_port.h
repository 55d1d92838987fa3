// SPDX-License-Identifier: Apache-2.0
// A port whose packets come from a capture and go to one.
#pragma once

#include <rte_mbuf.h>

#include <cstdint>
#include <deque>
#include <optional>
#include <string>
#include <vector>

#include "adit/port_io.h"
#include "replay/capture_reader.h"
#include "replay/capture_writer.h"
#include "replay/packet_tag.h"

namespace adit::replay {

class PcapPort {
 public:
  explicit PcapPort(std::string name) : name_(std::move(name)) {}
  ~PcapPort();
  PcapPort(const PcapPort&) = delete;
  PcapPort& operator=(const PcapPort&) = delete;

  const std::string& name() const noexcept { return name_; }
  // `this` must stay where it is while the functions may be called.
  PortIo io() noexcept { return {this, receive, transmit}; }

  // Without a capture nothing comes in; without an output what is sent is only counted.
  void open_output(const std::string& path) { output_.emplace(path); }
  void finish_output();

  // Puts a buffer where the next receive() finds it.
  void push(rte_mbuf* mbuf) { due_.push_back(mbuf); }
  bool has_due() const noexcept { return !due_.empty(); }

  // The time that written packets get.
  void set_time(uint64_t now_ns) noexcept { now_ns_ = now_ns; }
  uint64_t transmitted() const noexcept { return transmitted_; }

 private:
  static uint16_t receive(void* self, rte_mbuf** packets, uint16_t n);
  static uint16_t transmit(void* self, rte_mbuf** packets, uint16_t n);
  void write(const rte_mbuf* mbuf);

  std::string name_;
  std::deque<rte_mbuf*> due_;
  std::optional<CaptureWriter> output_;
  std::vector<uint8_t> linear_;  // a frame of several segments, put together
  uint64_t now_ns_ = 0;
  uint64_t transmitted_ = 0;
};

}  // namespace adit::replay

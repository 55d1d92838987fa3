// SPDX-License-Identifier: Apache-2.0
// Looks at what the pipeline sends, byte for byte against what frames.h says.
#pragma once

#include <cstdint>
#include <string>

#include "adit/port_io.h"
#include "cases.h"
#include "frames.h"

struct rte_mbuf;

namespace adit::bench {

class OutputCheck {
 public:
  OutputCheck(const Case& the_case, const World& world) : case_(the_case), world_(world) {}

  // A transmit function that checks each packet and frees it.
  PortIo io() noexcept;
  uint64_t packets() const noexcept { return packets_; }
  // What was wrong with the first wrong packet; empty: all were right.
  const std::string& mistake() const noexcept { return mistake_; }

 private:
  static uint16_t transmit(void* context, rte_mbuf** packets, uint16_t n);
  std::string examine(const rte_mbuf* packet) const;

  const Case& case_;
  const World& world_;
  uint64_t packets_ = 0;
  std::string mistake_;
};

}  // namespace adit::bench

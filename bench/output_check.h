// SPDX-License-Identifier: Apache-2.0
// Looks at what the pipeline sends, byte for byte against what frames.h says.
#pragma once

#include <cstdint>
#include <string>

#include "adit/port_io.h"
#include "cases.h"
#include "frames.h"
#include "service_world.h"

struct rte_mbuf;

namespace adit::bench {

class OutputCheck {
 public:
  OutputCheck(const Case& the_case, const World& world) : case_(the_case), world_(world) {}
  // Of a balanced service: what comes out at `out`, with these flags of TCP.
  OutputCheck(const Case& the_case, const World& world, ServiceWorld& service, Side out,
              uint8_t tcp_flags)
      : case_(the_case), world_(world), service_(&service), out_(out), tcp_flags_(tcp_flags) {}

  // A transmit function that checks each packet and frees it.
  PortIo io() noexcept;
  uint64_t packets() const noexcept { return packets_; }
  uint64_t mistakes() const noexcept { return mistakes_; }
  // What was wrong with the first wrong packet; empty: all were right.
  const std::string& mistake() const noexcept { return mistake_; }

 private:
  static uint16_t transmit(void* context, rte_mbuf** packets, uint16_t n);
  std::string examine(const rte_mbuf* packet) const;
  std::string examine_service(const rte_mbuf* packet) const;

  const Case& case_;
  const World& world_;
  ServiceWorld* service_ = nullptr;
  Side out_ = Side::kNone;
  uint8_t tcp_flags_ = 0;
  uint64_t packets_ = 0, mistakes_ = 0;
  std::string mistake_;
};

}  // namespace adit::bench

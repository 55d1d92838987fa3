// SPDX-License-Identifier: Apache-2.0
// Which captured packet a buffer carries, in a field of the buffer itself, so that a drop
// can name it wherever the pipeline gives it up.
#pragma once

#include <rte_mbuf.h>
#include <rte_mbuf_dyn.h>

#include <cstdint>

#include "adit/ids.h"

namespace adit::replay {

struct PacketTag {
  PortId port = 0;
  uint64_t number = 0;  // in the port's input, from 1; 0: adit's own packet
};

class PacketTags {
 public:
  // Throws std::runtime_error when buffers have no room for the field.
  PacketTags();

  void set(rte_mbuf* mbuf, const PacketTag& tag) const noexcept {
    *RTE_MBUF_DYNFIELD(mbuf, offset_, uint64_t*) = tag.number << 16 | tag.port;
  }
  PacketTag get(const rte_mbuf* mbuf) const noexcept {
    const uint64_t word = *RTE_MBUF_DYNFIELD(mbuf, offset_, const uint64_t*);
    return {static_cast<PortId>(word & 0xffff), word >> 16};
  }

 private:
  int offset_;
};

}  // namespace adit::replay

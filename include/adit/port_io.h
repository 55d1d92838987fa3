// SPDX-License-Identifier: Apache-2.0
// Where a worker's packets come from and go to: a NIC queue, a capture file, a bench's
// memory. Called once a burst, through plain function pointers.
#pragma once

#include <cstdint>

struct rte_mbuf;

namespace adit {

struct PortIo {
  void* context = nullptr;
  // Fills at most n buffers, which the caller owns from then on; returns how many.
  uint16_t (*receive)(void* context, rte_mbuf** packets, uint16_t n) = nullptr;
  // Takes the first of n buffers; returns how many. The rest stay the caller's.
  uint16_t (*transmit)(void* context, rte_mbuf** packets, uint16_t n) = nullptr;
  // Whether the last transmit() took less because the link is down; null: it cannot tell.
  bool (*is_down)(void* context) = nullptr;
};

}  // namespace adit

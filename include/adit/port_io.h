// SPDX-License-Identifier: Apache-2.0
// Receive and transmit functions of a port: of a NIC queue, a capture file, or memory in a bench.
// They are called once a burst, through plain function pointers.
#pragma once

#include <cstdint>

struct rte_mbuf;

namespace adit {

// Of PortIo::readable_fd.
inline constexpr int kMustBePolled = -1, kNeverReadable = -2;

struct PortIo {
  void* context = nullptr;
  // Receives at most n buffers, which the caller then owns; returns how many.
  uint16_t (*receive)(void* context, rte_mbuf** packets, uint16_t n) = nullptr;
  // Sends the first of n buffers; returns how many. The caller still owns the rest.
  uint16_t (*transmit)(void* context, rte_mbuf** packets, uint16_t n) = nullptr;
  // Whether the last transmit() sent less because the link is down; null: unknown for the device.
  bool (*is_down)(void* context) = nullptr;
  // Descriptor that poll(2) calls readable as long as receive() would find something.
  int readable_fd = kMustBePolled;
};

}  // namespace adit

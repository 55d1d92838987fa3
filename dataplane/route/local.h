// SPDX-License-Identifier: Apache-2.0
// Packets that end here: to our own addresses, and to virtual addresses if no service takes them.
#pragma once

#include "worker/worker.h"

namespace adit {

// Answered or dropped. `Ip`: Ipv4 or Ipv6 of ip_version.h.
template <class Ip>
void handle_local(Worker& worker, Packet& packet) noexcept;
template <class Ip>
void handle_virtual(Worker& worker, Packet& packet, const RouteTarget& target) noexcept;

}  // namespace adit

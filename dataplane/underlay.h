// SPDX-License-Identifier: Apache-2.0
// Checks of what comes in by an underlay port, from Ethernet to the tunnel header.
#pragma once

#include "adit/snapshot.h"
#include "packet.h"

namespace adit {

enum class UnderlayClass { kDrop, kArp, kIcmp, kTunnel };

// Sets the outer facts of the packet, trims the buffer to the IP packet's (UDP datagram's)
// end, or sets Packet::drop. The frame is untagged and has an Ethernet header.
UnderlayClass check_underlay(const Snapshot& snapshot, const PortEntry& port,
                             Packet& packet) noexcept;

}  // namespace adit

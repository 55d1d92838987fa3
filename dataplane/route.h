// SPDX-License-Identifier: Apache-2.0
// Routing of IP packets within a VRF: what comes in by its ports and tunnels.
#pragma once

#include "underlay.h"
#include "worker.h"

namespace adit {

// What a frame that came in, untagged, by a routed port is: an IP packet to route, whose
// Ethernet header is taken off; ARP or ND (kHost); or nothing that we take (Packet::drop).
enum class RoutedClass { kDrop, kHost, kRoute };
RoutedClass check_routed(const PortEntry& port, Packet& packet) noexcept;

// Sends each packet of Worker::routed on its way, answers it or drops it. Their buffers begin
// with the IP header; Packet::network is the VRF.
void route_all(Worker& worker) noexcept;

// Tells the source of a packet that no host answered for it; `frame` was to leave by the port.
void report_host_unreachable(Worker& worker, PortId port, const rte_mbuf* frame) noexcept;

}  // namespace adit

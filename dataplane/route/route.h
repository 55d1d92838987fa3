// SPDX-License-Identifier: Apache-2.0
// Routing of IP packets within a VRF: what comes in by its ports, tunnels
// and networks' gateways.
#pragma once

#include "worker/worker.h"

namespace adit {

// Drops those of Worker::routed whose IP header is wrong, and cuts the others to their length.
void check_packets(Worker& worker) noexcept;

// Sends each packet of the list on its way, answers it or drops it; before, and with them, those of
// Outbox::to_route. Their buffers begin with the IP header; Packet::network is the VRF.
void route_all(Worker& worker, PacketList& list) noexcept;
// The same of the outbox alone.
void route_outbox(Worker& worker) noexcept;

}  // namespace adit

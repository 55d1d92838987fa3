// SPDX-License-Identifier: Apache-2.0
// Frames within their network: Worker::bridged.
#pragma once

#include "worker/worker.h"

namespace adit {

// Reads the addresses, drops frames whose ones are impossible, and compares the FDB with where the
// sources came in.
void learn_sources(Worker& worker) noexcept;
// Looks the destinations up: Packet::out, or 0 for what has to be flooded.
void look_up_destinations(Worker& worker) noexcept;
// Known unicast goes out; what is for a gateway is in Worker::to_gateways afterwards, and what is
// to be flooded in Worker::flooded.
void forward_known(Worker& worker) noexcept;
// To each member of the network, but the one that it came from.
void flood_unknown(Worker& worker) noexcept;

// All of it for the frames of gateways in Outbox::to_network.
void bridge_from_gateways(Worker& worker) noexcept;

}  // namespace adit

// SPDX-License-Identifier: Apache-2.0
// A network's gateway: frames for its MAC are routed, its addresses are answered for, and what
// is routed to the network's hosts leaves as frames of its own.
#pragma once

#include "worker/worker.h"

namespace adit {

// A frame whose destination is the gateway's MAC, Packet::out its bridge port.
void send_to_gateway(Worker& worker, Packet& packet) noexcept;

// A frame that is being flooded: the gateway takes a copy of ARP and ND that concern it. Whether
// it did.
bool offer_to_gateway(Worker& worker, const Packet& packet) noexcept;

}  // namespace adit

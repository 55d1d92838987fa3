// SPDX-License-Identifier: Apache-2.0
// A network's gateway: frames for its MAC are routed, its addresses are answered for, and what
// is routed to the network's hosts leaves as frames of its own.
#pragma once

#include "worker/worker.h"

namespace adit {

// A frame whose destination is the gateway's MAC, Packet::out its bridge port.
void enter_gateway(Worker& worker, Packet& packet) noexcept;

// A frame that is being flooded: the gateway takes a copy of ARP and ND that concern it. Whether
// it did.
bool offer_to_gateway(Worker& worker, const Packet& packet) noexcept;

// A finished frame of the gateway's own goes into the network; bridge_from_gateways() sends it.
void send_from_gateway(Worker& worker, NetworkId network, rte_mbuf* mbuf) noexcept;

// Bridges what gateways have sent. No frame may be on its way through Worker::bridged and
// Worker::flooded, for which it has no room. Defined in pipeline.cc, beside the steps it takes.
void bridge_from_gateways(Worker& worker) noexcept;

}  // namespace adit

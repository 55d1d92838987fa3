// SPDX-License-Identifier: Apache-2.0
// From a VRF into a network: frames of the network's gateway.
#pragma once

#include "worker/worker.h"

namespace adit {

// A finished frame of the gateway's own goes into the network, when the bridge comes to it.
void send_to_network(Worker& worker, NetworkId network, rte_mbuf* mbuf,
                     const RoutedFrame& routed) noexcept;

}  // namespace adit

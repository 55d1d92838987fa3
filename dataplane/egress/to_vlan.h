// SPDX-License-Identifier: Apache-2.0
// To a VLAN of a port that a VRF routes.
#pragma once

#include "worker/worker.h"

namespace adit {

// A finished frame of our own leaves with the tag.
void send_to_vlan(Worker& worker, VlanLinkId vlan, rte_mbuf* mbuf) noexcept;

}  // namespace adit

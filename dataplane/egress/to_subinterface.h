// SPDX-License-Identifier: Apache-2.0
// VLAN subinterfaces, egress.
#pragma once

#include "worker/worker.h"

namespace adit {

// Pushes the tag onto a complete frame and transmits it on the port.
void transmit_on_subinterface(Worker& worker, SubinterfaceId id, rte_mbuf* mbuf) noexcept;

}  // namespace adit

// SPDX-License-Identifier: Apache-2.0
// Services by firewall mark. Only packets that begin connections are compared with the rules.
#pragma once

#include "packet/flow_key.h"

namespace adit {

// The service of the first rule for the packet's virtual address that matches; 0: none matches, or
// the first match has mark 0. `in`: the ingress port. Linear in the number of these rules.
ServiceId find_by_fwmark(const Snapshot& snapshot, const RouteTarget& target, const FlowKey& key,
                         PortId in) noexcept;

}  // namespace adit

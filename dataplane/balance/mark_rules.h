// SPDX-License-Identifier: Apache-2.0
// Services by mark: asked for packets that begin connections, and for no others.
#pragma once

#include "packet/flow_key.h"

namespace adit {

// The service of the first rule that fits the packet, of those that concern its virtual address;
// 0: none fits, or one that says so. `in`: the port that it came in by. Linear in these rules.
ServiceId find_marked(const Snapshot& snapshot, const RouteTarget& target, const FlowKey& key,
                      PortId in) noexcept;

}  // namespace adit

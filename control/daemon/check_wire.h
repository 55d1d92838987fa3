// SPDX-License-Identifier: Apache-2.0
// Where a backend's health checks go on the wire.
#pragma once

#include <optional>

#include "host/check_flows.h"
#include "running/control_plane.h"

namespace adit {

// None: there is no such backend or check, or no address of ours that it could answer to.
std::optional<CheckFlows::Wire> find_check_wire(const ControlPlane& control, BackendId id);

}  // namespace adit

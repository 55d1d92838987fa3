// SPDX-License-Identifier: Apache-2.0
// Lines of the log about neighbours and our own addresses.
#pragma once

#include <string>

#include "running/control_plane.h"

namespace adit {

// As in `show neighbours`: `port=NAME`, `port=NAME vlan=ID` or `network=NAME`.
std::string link_text(const ControlPlane& control, LinkId link);

void log_neighbour_notice(const ControlPlane& control, const NeighbourNotice& notice);

}  // namespace adit

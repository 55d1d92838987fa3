// SPDX-License-Identifier: Apache-2.0
// The ids of ports, which stay while ports come and go.
#pragma once

#include <string_view>

#include "config/config.h"

namespace adit {

// Ports keep the ids that those of the same name have in `former`. Others get the lowest ones that
// no port has there: workers may still have them. Throws std::length_error when none is left.
void take_port_ids(Config& config, const Config& former);

// Null: there is none.
const PortConfig* find_port(const Config& config, PortId id) noexcept;
const PortConfig* find_port(const Config& config, std::string_view name) noexcept;

// Above the ids of all ports.
PortId end_of_port_ids(const Config& config) noexcept;

// The devices that it takes: its own, or its bond's members.
std::vector<Device> devices_of(const PortConfig& port);
// Whether one of them is a TAP. Its MAC address belongs to the kernel's end, so that the port has
// another one.
bool has_tap(const PortConfig& port);

}  // namespace adit

// SPDX-License-Identifier: Apache-2.0
// The configuration of the gateway in the world that the bench plays.
#pragma once

#include <string>

#include "adit/ids.h"
#include "config/config.h"
#include "frames.h"

namespace adit::bench {

inline constexpr PortId kAccess = 0, kUplink = 1, kOtherAccess = 2;

PortId port_of(Side side) noexcept;
bool has_other_access(const Scenario& scenario) noexcept;
uint32_t fdb_capacity(const Case& the_case) noexcept;
std::string network_name(uint32_t network);
Config make_config(const Case& the_case, const World& world);

}  // namespace adit::bench

// SPDX-License-Identifier: Apache-2.0
// The log's lines about members of bonds.
#pragma once

#include "base/log_limit.h"
#include "config/config.h"
#include "running/bond_monitor.h"

namespace adit {

// Those of a member that flaps are limited, each kind for itself.
void log_bond_event(const Config& config, const BondEvent& event, LogLimit& limit, uint64_t now_ns);

}  // namespace adit

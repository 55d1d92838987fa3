// SPDX-License-Identifier: Apache-2.0
// The log's lines about ports' links.
#pragma once

#include "base/log_limit.h"
#include "config/config.h"
#include "running/link_monitor.h"

namespace adit {

// Those of a link that flaps are limited, each kind for itself.
void log_link_event(const Config& config, const LinkEvent& event, LogLimit& limit, uint64_t now_ns);

}  // namespace adit

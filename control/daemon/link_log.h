// SPDX-License-Identifier: Apache-2.0
// The log's lines about ports' links.
#pragma once

#include "config/config.h"
#include "running/link_monitor.h"

namespace adit {

void log_link_event(const Config& config, const LinkEvent& event);

}  // namespace adit

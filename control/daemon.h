// SPDX-License-Identifier: Apache-2.0
// aditd once EAL is up: opens the ports, runs the workers, and serves the control thread's
// sources of work until a signal ends it.
#pragma once

#include <string>
#include <vector>

#include "adit/dataplane.h"
#include "config.h"
#include "eal_args.h"

namespace adit {

// Serves until SIGTERM or SIGINT. Throws std::runtime_error when ports, memory or the socket cannot
// be had.
void run_daemon(const Config& config, const std::string& config_path,
                const DataplaneOptions& options);

// The options without `io`: what the configuration says of ports and sizes.
DataplaneOptions dataplane_options(const Config& config, const EalArgs& eal, unsigned workers);

}  // namespace adit

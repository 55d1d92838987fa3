// SPDX-License-Identifier: Apache-2.0
// aditd once EAL is up: opens the ports, runs the workers, and serves the control thread's
// sources of work until a signal ends it.
#pragma once

#include <memory>
#include <stdexcept>
#include <string>
#include <vector>

#include "adit/dataplane.h"
#include "config/config.h"
#include "machine/eal_args.h"
#include "revisions/revision_history.h"

namespace adit {

// A worker stands still and cannot be stopped. What it may use cannot be freed: the process must
// end without.
struct WorkersStuck : std::runtime_error {
  using std::runtime_error::runtime_error;
};

// `history`: what runs is `config`. `why_not_file`: that is a revision; empty: it is the file.
// Serves until SIGTERM or SIGINT. Throws std::runtime_error when ports, memory or the socket cannot
// be had; WorkersStuck.
void run_daemon(std::shared_ptr<const Config> config, const std::string& config_path,
                const DataplaneOptions& options, RevisionHistory history,
                const std::string& why_not_file);

// The options without `io`: what the configuration says of ports and sizes.
DataplaneOptions dataplane_options(const Config& config, const EalArgs& eal, unsigned workers);

}  // namespace adit

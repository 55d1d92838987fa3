// SPDX-License-Identifier: Apache-2.0
// Says what the machine lacks for a configuration, before DPDK fails with less to go by.
#pragma once

#include <set>
#include <string>
#include <vector>

#include "config/config.h"
#include "machine/system_facts.h"

namespace adit {

struct Finding {
  std::string message;  // what is missing
  std::string remedy;   // shell commands that mend it, or what to change; may be empty
};

struct PreflightReport {
  std::vector<Finding> problems;  // aditd cannot start
  std::vector<Finding> warnings;  // it can, but not as well as it might
  bool ok() const noexcept { return problems.empty(); }
};

// "message (remedy: remedy)", one line.
std::string to_string(const Finding& finding);

PreflightReport preflight(const Config& config, const SystemFacts& facts);

// The same of some ports, which an aditd that runs is to open. `own`: TAP interfaces of its
// own; `workers`: that it has.
PreflightReport preflight_ports(const Config& config, const SystemFacts& facts,
                                const std::vector<PortId>& ports, const std::set<std::string>& own,
                                unsigned workers);

}  // namespace adit

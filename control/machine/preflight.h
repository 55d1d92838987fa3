// SPDX-License-Identifier: Apache-2.0
// Says what the machine lacks for a configuration, before DPDK fails with less to go by.
#pragma once

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

}  // namespace adit

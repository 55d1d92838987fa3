// SPDX-License-Identifier: Apache-2.0
// What changes between two configurations, in words.
#pragma once

#include <string>
#include <vector>

#include "config/config.h"

namespace adit {

struct ConfigDiff {
  std::vector<std::string> changes;        // e.g. "networks.red: remote 192.0.2.9 added"
  std::vector<std::string> needs_restart;  // e.g. "system.workers: 1 -> 2"; in `changes` too
};

// What stands for a difference that has no line of its own, of which there should be none.
inline constexpr char kUnnamedChange[] = "something changed that has no name here";

// Empty only for equal ones. Linear in the size of both (4,000 networks are usual).
ConfigDiff diff_configs(const Config& from, const Config& to);

}  // namespace adit

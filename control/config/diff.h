// SPDX-License-Identifier: Apache-2.0
// What changes between two configurations, in words, and a configuration as it would stand in a
// file: both by the table of keys that it is read by.
#pragma once

#include <string>

#include "config/config.h"
#include "config/yaml/changes.h"

namespace adit {

// What stands for a difference that has no line of its own, of which there should be none.
inline constexpr char kUnnamedChange[] = "something changed that has no description";

// Empty only for equal ones. Linear in the size of both (4,000 networks are usual).
ConfigDiff diff_configs(const Config& from, const Config& to);

// YAML, without what is as by default; parse_config() makes the same Config of it.
std::string config_text(const Config& config);

}  // namespace adit

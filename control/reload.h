// SPDX-License-Identifier: Apache-2.0
// A change of configuration from a file, with its lines in the log.
#pragma once

#include <functional>
#include <string>
#include <string_view>

#include "control_plane.h"

namespace adit {

// Loads the file, makes it the running configuration, and logs what changed or why nothing
// did, and by whose will: `who` is e.g. "SIGHUP" or "uid:1000,pid:4711". Throws ConfigError
// when it is refused; everything is as it was then.
ApplyResult reload_from_file(ControlPlane& control_plane, const std::string& path,
                             std::string_view who);

// The logging around any such change: runs it, writes the lines, hands on what it throws.
ApplyResult apply_and_log(const std::function<ApplyResult()>& change, const std::string& path,
                          std::string_view who);

}  // namespace adit

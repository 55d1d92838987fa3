// SPDX-License-Identifier: Apache-2.0
// Text that is made from the table of commands.
#pragma once

#include <string>

#include "cli/command.h"

namespace adit::cli {

// "show drops [--all]"
std::string synopsis(const Command& command);
// "--network NAME"
std::string usage_of(const Parameter& option);
std::string help_of(const Command& command, const Parameter& option);
// All commands, and the options of all.
std::string overview_text(Commands all = commands());
std::string command_text(const Command& command);        // one of them
std::string bash_completion(Commands all = commands());  // a script to be sourced

}  // namespace adit::cli

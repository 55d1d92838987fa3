// SPDX-License-Identifier: Apache-2.0
// Text that is made from the table of commands.
#pragma once

#include <string>

#include "cli/command.h"

namespace adit::cli {

std::string overview_text();                       // all commands, and the options of all
std::string command_text(const Command& command);  // one of them
std::string bash_completion();                     // a script to be sourced

}  // namespace adit::cli

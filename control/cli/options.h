// SPDX-License-Identifier: Apache-2.0
// The command line of aditctl.
#pragma once

#include <boost/program_options/options_description.hpp>
#include <string>
#include <vector>

#include "cli/command.h"

namespace adit::cli {

// `arguments` are those behind the program's name. Throws UsageError. --help and --version
// come out as the commands of that name.
Invocation parse_command_line(const std::vector<std::string>& arguments);

// The options that all commands share.
boost::program_options::options_description global_options();
// For people.
std::string global_options_text();
// Their names with the dashes, for completion.
std::vector<std::string> global_option_names();

}  // namespace adit::cli

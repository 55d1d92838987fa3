// SPDX-License-Identifier: Apache-2.0
// aditctl without its main(): from a command line to an exit code.
#pragma once

#include <string>
#include <vector>

namespace adit::cli {

// `arguments` are those behind the program's name. Prints; never throws.
int run_aditctl(const std::vector<std::string>& arguments);

}  // namespace adit::cli

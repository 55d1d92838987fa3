// SPDX-License-Identifier: Apache-2.0
// A method's call, from a command line.
#pragma once

#include <nlohmann/json.hpp>

#include "cli/command.h"

namespace adit::cli {

// The parameters that the options give. Throws UsageError.
nlohmann::json method_params(const Invocation& invocation);

// The value of an option or argument. Throws UsageError.
uint64_t number_of(const Parameter& option, const std::string& text);

}  // namespace adit::cli

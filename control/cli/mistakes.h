// SPDX-License-Identifier: Apache-2.0
// The mistakes of a configuration, as the daemon and `check` tell them.
#pragma once

#include <nlohmann/json.hpp>
#include <ostream>

namespace adit::cli {

// One "file:line:column: message" a line, from [{"file", "line", "column", "message"}].
void print_mistakes(std::ostream& out, const nlohmann::json& mistakes);

}  // namespace adit::cli

// SPDX-License-Identifier: Apache-2.0
// What the daemon would change with a file: `check` of the API.
#pragma once

#include <nlohmann/json.hpp>
#include <string>

#include "cli/command.h"

namespace adit::cli {

// The argument, else $ADIT_CONFIG, else /etc/adit/adit.yaml.
std::string file_to_check(const Invocation& invocation);

// The daemon's answer to the text of the file; {"too_large": true} where it is more than a request
// may have, and not the daemon's own file. Throws Unreachable, CallFailed.
nlohmann::json ask_check(const std::string& socket, const std::string& path,
                         const std::string& text);

// Of an answer: what the daemon cannot do now, such as to open a device that is not there.
nlohmann::json refused_by(const nlohmann::json& answer);

}  // namespace adit::cli

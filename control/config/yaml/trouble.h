// SPDX-License-Identifier: Apache-2.0
// What is behind a syntax error: yaml-cpp says where it lost the thread, an operator wants to know
// which line is indented wrongly.
#pragma once

#include <string>
#include <string_view>

#include "config/yaml/mistakes.h"

namespace adit {

// `place` and `message`: yaml-cpp's. Names the first line up to there that is indented with a tab,
// or to a depth that fits nothing above it; else what explain_syntax() says, or yaml-cpp.
ConfigMistake yaml_trouble(std::string_view text, const std::string& file, Place place,
                           const std::string& message);

// What begins a second document at `place`, which is not permitted: mostly keys that stand further
// left than the first.
ConfigMistake second_document(std::string_view text, const std::string& file, Place place);

}  // namespace adit

// SPDX-License-Identifier: Apache-2.0
// Whether bytes are a text that YAML can be, before it is read as such.
#pragma once

#include <optional>
#include <string>
#include <string_view>

#include "config/yaml/mistakes.h"

namespace adit {

// Bytes that no text has, and encodings other than UTF-8. Comments of old files may be in any.
std::optional<ConfigMistake> why_no_text(std::string_view bytes, const std::string& file);

// Where the first no-break space or another one is that is no blank to YAML; npos: nowhere.
size_t find_odd_space(std::string_view text);

}  // namespace adit

// SPDX-License-Identifier: Apache-2.0
// Whether bytes are a text that YAML can be, before it is read as such.
#pragma once

#include <optional>
#include <string>
#include <string_view>

#include "config/yaml/mistakes.h"

namespace adit {

// Bytes that no text has, and encodings other than UTF-8. Of what is no UTF-8 within one, nothing
// is said: comments of old files are in other encodings, and values are looked at elsewhere.
std::optional<ConfigMistake> why_no_text(std::string_view bytes, const std::string& file);

}  // namespace adit

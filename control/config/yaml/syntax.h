// SPDX-License-Identifier: Apache-2.0
// What an operator did where yaml-cpp only says that it did not understand.
#pragma once

#include <optional>
#include <string>
#include <string_view>

#include "config/yaml/mistakes.h"

namespace adit {

struct SyntaxTrouble {
  Place place;
  std::string message;  // what stands there, and what would be right
};

// `place` and `message`: yaml-cpp's. Nothing: the slip is none of the common ones.
std::optional<SyntaxTrouble> explain_syntax(std::string_view text, Place place,
                                            std::string_view message);

// "there is no space behind the colon of 'vni'; write 'vni: 7'", of a text such as vni:7. Empty: it
// does not look like a key with its value.
std::string colon_without_space(std::string_view text);

}  // namespace adit

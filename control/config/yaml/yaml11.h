// SPDX-License-Identifier: Apache-2.0
// What readers of YAML 1.1, and of other schemas of 1.2, make of words without quotes.
#pragma once

#include <string_view>

namespace adit {

// "a boolean", "a number of base 60", ... where some reader takes the plain text for anything but
// text; empty: all take it for text, or for a plain decimal number, whose text is the same again.
std::string_view taken_for(std::string_view plain) noexcept;

}  // namespace adit

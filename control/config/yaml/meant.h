// SPDX-License-Identifier: Apache-2.0
// What was meant by a value that is of another form than the key takes, to be said in a message.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

#include "config/yaml/key_info.h"

namespace adit {

// The plain number of a text such as 1500B, 5m, 0x5dc or 1_500, in what the key counts by its name:
// _s, _ms, _bytes, _mb. Nothing: there is none, or none that the key takes.
std::optional<uint64_t> number_meant(const KeyInfo& key, std::string_view text);

// A text such as 80-90, 80:90, 80..90: a range.
struct NumberRange {
  uint64_t first, last;
};
std::optional<NumberRange> range_meant(std::string_view text);

// What to say of a text that is no plain number, in place of that: "which is ... (write 1500)".
std::string no_number(const KeyInfo& key, std::string_view text);

// Whether a text begins with a quote that only printed text has.
bool has_printed_quote(std::string_view text);

}  // namespace adit

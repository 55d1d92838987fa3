// SPDX-License-Identifier: Apache-2.0
// Suggests the valid name that is nearest to a wrong one.
#pragma once

#include <span>
#include <string>
#include <string_view>

namespace adit {

// The name that `wanted` most likely stands for, or an empty string if none is near.
std::string_view nearest_name(std::string_view wanted, std::span<const std::string_view> names);

// "; did you mean 'uplink'?", or an empty string.
std::string did_you_mean(std::string_view wanted, std::span<const std::string_view> names);

// Text of a file or command line for a message: in quotes, control characters and broken
// UTF-8 escaped, long text cut.
std::string in_quotes(std::string_view text);

}  // namespace adit

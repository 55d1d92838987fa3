// SPDX-License-Identifier: Apache-2.0
// Warnings about configurations that are valid but hardly intended, such as entries that no packet
// can ever match.
#pragma once

#include <string>
#include <vector>

#include "config/draft.h"
#include "config/yaml/error.h"

namespace adit {

// Of a draft without mistakes, in the file's order. More than kMaxWarningsOfAKind of one kind are
// counted in the last of them.
inline constexpr size_t kMaxWarningsOfAKind = 20;
std::vector<ConfigMistake> find_warnings(const ConfigDraft& draft, const std::string& file);

}  // namespace adit

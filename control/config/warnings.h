// SPDX-License-Identifier: Apache-2.0
// What is no mistake, and can hardly be meant: parts of a configuration of which can be told from
// the text alone that no packet ever meets them.
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

// SPDX-License-Identifier: Apache-2.0
// Rules of the classifier and services that never get a packet, because those before them take
// all of theirs: one alone, or several together.
#pragma once

#include <string>
#include <vector>

#include "config/draft.h"

namespace adit {

struct Shadow {
  Place place;
  std::string message;
};

// Of a draft without mistakes. `file` is for places in the messages.
std::vector<Shadow> find_shadows(const ConfigDraft& draft, const std::string& file);

}  // namespace adit

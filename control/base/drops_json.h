// SPDX-License-Identifier: Apache-2.0
// Drops of a remote or tunnel as JSON: packets by reason, those that are not zero.
#pragma once

#include <string>

#include "adit/dataplane.h"

namespace adit {

// `Json`: nlohmann::json or its ordered kin.
template <class Json>
void add_drops(Json& object, const Dataplane::Drops& drops) {
  for (size_t i = 0; i < drops.size(); ++i) {
    if (drops[i] == 0) continue;
    const std::string name(kDropReasons[i].name);
    object[name] = object.value(name, uint64_t{0}) + drops[i];
  }
}

}  // namespace adit

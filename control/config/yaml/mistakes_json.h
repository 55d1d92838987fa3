// SPDX-License-Identifier: Apache-2.0
// Mistakes and warnings of a configuration as programs get them, from the socket and from
// `aditctl check` alike.
#pragma once

#include <nlohmann/json.hpp>
#include <vector>

#include "config/yaml/error.h"

namespace adit {

inline nlohmann::json to_json(const std::vector<ConfigMistake>& mistakes) {
  nlohmann::json list = nlohmann::json::array();
  for (const ConfigMistake& mistake : mistakes)
    list.push_back({{"file", mistake.file},
                    {"line", mistake.line},
                    {"column", mistake.column},
                    {"message", mistake.message}});
  return list;
}

}  // namespace adit

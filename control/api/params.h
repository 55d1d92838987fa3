// SPDX-License-Identifier: Apache-2.0
// Parameters of requests, as handlers want them. All throw ApiError.
#pragma once

#include <optional>
#include <string>
#include <vector>

#include "adit/addr.h"
#include "api/method.h"
#include "api/show.h"
#include "base/nearest_name.h"

namespace adit {

inline std::optional<std::string> string_param(const nlohmann::json& params, const char* name) {
  const auto found = params.find(name);
  if (found == params.end()) return std::nullopt;
  return found->get<std::string>();
}

inline Window window_param(const nlohmann::json& params) {
  return {.offset = params.value("offset", uint64_t{0}),
          .limit = params.value("limit", kUsualRows)};
}

// The name of something that there is: `known` are all of its kind, by name.
template <class Map>
std::optional<std::string> name_param(const nlohmann::json& params, const char* kind,
                                      const Map& known) {
  auto name = string_param(params, kind);
  if (!name || known.contains(*name)) return name;
  std::vector<std::string_view> names;
  for (const auto& [each, id] : known) names.push_back(each);
  throw ApiError(kInvalidParams, std::string("there is no ") + kind + ' ' + in_quotes(*name) +
                                     did_you_mean(*name, names));
}

inline std::optional<std::string> network_param(const ApiContext& context,
                                                const nlohmann::json& params) {
  return name_param(params, "network", context.control_plane->ids().networks);
}

inline std::optional<std::string> service_param(const ApiContext& context,
                                                const nlohmann::json& params) {
  return name_param(params, "service", context.control_plane->ids().services);
}

}  // namespace adit

// SPDX-License-Identifier: Apache-2.0
// `drain`, `version` and `help`.
#include <rte_version.h>

#include "api/params.h"
#include "running/control_plane.h"

namespace adit {

using nlohmann::json;

json answer_drain(ApiContext& context, const json& params, const Caller&) {
  const auto service = service_param(context, params);
  std::optional<IpAddr> address;
  if (const auto text = string_param(params, "backend")) {
    address = parse_ip(*text);
    if (!address)
      throw ApiError(kInvalidParams,
                     "parameter 'backend': expected an IP address, found " + in_quotes(*text));
  }
  const unsigned count =
      context.control_plane->backends().move_udp(service, address, context.now_ns());
  if (count == 0)
    throw ApiError(kInvalidParams,
                   "there is no such backend of weight 0; set its weight to 0 and reload first");
  return {{"backends", count}};
}

json answer_version(ApiContext& context, const json&, const Caller&) {
  return {{"version", ADIT_VERSION},
          {"dpdk", rte_version()},
          {"generation", context.control_plane->generation()},
          {"config", context.config_path}};
}

json answer_help(ApiContext&, const json&, const Caller&) {
  json rows = json::array();
  for (const MethodInfo& method : catalogue()) {
    json parameters = json::array();
    for (const Parameter& parameter : method.parameters)
      parameters.push_back({{"name", parameter.name},
                            {"type", to_string(parameter.type)},
                            {"required", parameter.presence == Presence::kRequired},
                            {"help", described(parameter)}});
    rows.push_back({{"name", method.name},
                    {"changes", method.effect == Effect::kChanges},
                    {"help", method.help},
                    {"parameters", std::move(parameters)}});
  }
  return {{"rows", std::move(rows)}, {"truncated", false}};
}

}  // namespace adit

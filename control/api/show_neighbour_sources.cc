// SPDX-License-Identifier: Apache-2.0
// `show.neighbour-sources`: which interfaces of the kernel VRFs follow.
#include "api/rows_answer.h"
#include "api/show_parts.h"
#include "config/config.h"

namespace adit {

nlohmann::json answer_neighbour_sources(ApiContext& context, const nlohmann::json&, const Caller&) {
  Rows out;
  const auto sources =
      context.neighbour_sources ? context.neighbour_sources() : std::vector<NeighbourSource>();
  for (const NeighbourSource& source : sources) {
    std::string interfaces;
    for (const std::string& name : source.interfaces)
      interfaces += (interfaces.empty() ? "" : ",") + name;
    out.rows.push_back({{"vrf", source.vrf.empty() ? kUnderlayName : source.vrf},
                        {"origin", "netlink"},
                        {"interfaces", interfaces},
                        {"namespace", text_or_null(source.network_namespace)},
                        {"state", to_string(source.state)},
                        {"neighbours", source.neighbours},
                        {"lasting", source.lasting},
                        {"unused", source.unused},
                        {"refused", source.refused},
                        {"rounds", source.rounds},
                        {"overruns", source.overruns},
                        {"error", text_or_null(source.error)}});
  }
  return to_json(std::move(out));
}

}  // namespace adit

// SPDX-License-Identifier: Apache-2.0
// `show.fdb-sources`: which interfaces of the kernel networks follow.
#include "api/rows_answer.h"
#include "api/show_parts.h"
#include "running/control_plane.h"

namespace adit {

nlohmann::json answer_fdb_sources(ApiContext& context, const nlohmann::json&, const Caller&) {
  Rows out;
  const auto sources = context.fdb_sources ? context.fdb_sources() : std::vector<FdbSource>();
  for (const FdbSource& source : sources)
    out.rows.push_back({{"network", source.network},
                        {"origin", to_string(RemoteOrigin::kNetlink)},
                        {"interface", source.interface},
                        {"namespace", text_or_null(source.network_namespace)},
                        {"state", to_string(source.state)},
                        {"remotes", source.remotes},
                        {"macs", source.macs},
                        {"unused", source.unused},
                        {"refused", source.refused},
                        {"left_out", source.left_out},
                        {"announce", text_or_null(source.announce)},
                        {"announced", source.announced},
                        {"rounds", source.rounds},
                        {"overruns", source.overruns},
                        {"error", text_or_null(source.error)}});
  return to_json(std::move(out));
}

}  // namespace adit

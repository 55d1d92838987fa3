// SPDX-License-Identifier: Apache-2.0
// `show.hosts`: the kernel's interfaces of VRFs and of the underlay.
#include "api/rows_answer.h"

namespace adit {

nlohmann::json answer_hosts(ApiContext& context, const nlohmann::json&, const Caller&) {
  Rows out;
  const auto text = [](const std::string& value) {
    return value.empty() ? nlohmann::json() : nlohmann::json(value);
  };
  for (const HostState& host : context.hosts ? context.hosts() : std::vector<HostState>())
    out.rows.push_back({{"vrf", host.vrf},
                        {"interface", host.interface},
                        {"namespace", text(host.network_namespace)},
                        {"state", host.why.empty() ? "up" : "failed"},
                        {"to_host", host.to_host},
                        {"from_host", host.from_host},
                        {"dropped", host.dropped},
                        {"error", text(host.why)}});
  return to_json(std::move(out));
}

}  // namespace adit

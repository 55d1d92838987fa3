// SPDX-License-Identifier: Apache-2.0
// `show.steering`: what the XDP programs of af_xdp ports decided.
#include <array>

#include "api/rows_answer.h"

namespace adit {
namespace {

// In the order of SteeringState::counts.
constexpr std::array kCounts = {"network", "neighbour", "address",   "service",  "reply",
                                "route",   "kernel",    "no_socket", "announced"};

}  // namespace

nlohmann::json answer_steering(ApiContext& context, const nlohmann::json&, const Caller&) {
  Rows out;
  const auto ports = context.steered_ports ? context.steered_ports() : std::vector<SteeringState>();
  for (const SteeringState& port : ports) {
    nlohmann::json row = {
        {"port", port.port},
        {"mode", port.mode},
        {"state", port.why.empty() ? "ok" : "failed"},
        {"error", port.why.empty() ? nlohmann::json() : nlohmann::json(port.why)}};
    for (size_t i = 0; i < kCounts.size(); ++i)
      row[kCounts[i]] = i < port.counts.size() ? port.counts[i] : 0;
    out.rows.push_back(std::move(row));
  }
  return to_json(std::move(out));
}

}  // namespace adit

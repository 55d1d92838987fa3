// SPDX-License-Identifier: Apache-2.0
#include "cases.h"

#include <algorithm>

namespace adit::bench {
namespace {

constexpr uint32_t kSomeFlows = 1'000;
constexpr FrameSize kSmall = 64;
constexpr uint32_t kManyConnections = 1'000'000;
constexpr uint32_t kLeastConnections = 1'000;  // fewer do not fill a walk

const std::vector<uint32_t> kAllFlows = {1, 1'000, 100'000, 1'000'000};
const std::vector<uint32_t> kAllNetworks = {1, 4'000};
const std::vector<FrameSize> kLargerSizes = {128, 256, 512, 1024, 1500, kImix};

template <class T>
std::vector<T> given_or(const std::vector<T>& given, std::vector<T> otherwise) {
  return given.empty() ? std::move(otherwise) : given;
}

// Of new connections many are made in each run, whatever the others get by default.
void add_service_cases(const Scenario& scenario, const std::vector<uint32_t>& flows,
                       bool flows_given, const std::vector<FrameSize>& sizes,
                       std::vector<Case>& cases) {
  // TCP over IPv6 does not fit into less.
  const FrameSize least = scenario.service->ipv6 ? 74 : 60;
  const bool many = scenario.service->connects && !flows_given;
  for (uint32_t flow_count : many ? std::vector{kManyConnections} : flows) {
    const uint32_t least_count = scenario.service->connects ? kLeastConnections : 1;
    const uint32_t count = std::max(flow_count, least_count);
    for (FrameSize size : sizes)
      cases.push_back({&scenario, count, 1, size == kImix ? kImix : std::max(size, least)});
  }
}

bool is_through_tunnel(const Scenario& scenario) {
  return scenario.destination == Destination::kKnown &&
         (scenario.from == Side::kUplink || scenario.to == Side::kUplink);
}

}  // namespace

std::string to_string_frame(FrameSize size) {
  return size == kImix ? "imix" : std::to_string(size);
}

std::vector<Case> make_cases(const CaseLists& lists) {
  const bool all_by_default = lists.flows.empty() && lists.networks.empty() && lists.sizes.empty();
  const auto flows = given_or(lists.flows, all_by_default ? kAllFlows : std::vector{kSomeFlows});
  const auto networks = given_or(lists.networks, all_by_default ? kAllNetworks : std::vector{1u});
  const auto sizes = given_or(lists.sizes, {kSmall});
  const auto tunnels = given_or(lists.tunnels, {&kTunnelForms[0]});

  std::vector<Case> cases;
  for (const Scenario* scenario : lists.scenarios) {
    if (!scenario->varies) {
      cases.push_back({scenario, 1, 1, kSmall, tunnels[0]});
      continue;
    }
    if (scenario->service) {
      add_service_cases(*scenario, flows, !lists.flows.empty(), sizes, cases);
      continue;
    }
    for (const TunnelForm* tunnel : tunnels) {
      if (scenario->from == Side::kUplink && tunnel->has_udp_checksum()) continue;
      if (tunnel->is_routed() && !is_through_tunnel(*scenario)) continue;
      for (uint32_t network_count : tunnel->is_routed() ? std::vector{1u} : networks)
        for (uint32_t flow_count : flows)
          for (FrameSize size : sizes)
            cases.push_back({scenario, flow_count, network_count, size, tunnel});
      if (!all_by_default) continue;
      for (FrameSize size : kLargerSizes) cases.push_back({scenario, kSomeFlows, 1, size, tunnel});
    }
  }
  return cases;
}

}  // namespace adit::bench

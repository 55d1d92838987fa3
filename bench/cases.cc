// SPDX-License-Identifier: Apache-2.0
#include "cases.h"

namespace adit::bench {
namespace {

constexpr uint32_t kSomeFlows = 1'000;
constexpr FrameSize kSmall = 64;

const std::vector<uint32_t> kAllFlows = {1, 1'000, 100'000, 1'000'000};
const std::vector<uint32_t> kAllNetworks = {1, 4'000};
const std::vector<FrameSize> kLargerSizes = {128, 256, 512, 1024, 1500, kImix};

template <class T>
std::vector<T> given_or(const std::vector<T>& given, std::vector<T> otherwise) {
  return given.empty() ? std::move(otherwise) : given;
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

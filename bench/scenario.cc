// SPDX-License-Identifier: Apache-2.0
#include "scenario.h"

#include <array>

namespace adit::bench {
namespace {

constexpr DropReason kNoDrop = DropReason::kCount;

// In the order of the report.
constexpr std::array<Scenario, 6> kScenarios = {{
    {"encap", "access port to VXLAN remote", Side::kAccess, Side::kUplink, Destination::kKnown, 2,
     1, kNoDrop, true},
    {"decap", "VXLAN remote to access port", Side::kUplink, Side::kAccess, Destination::kKnown, 2,
     1, kNoDrop, true},
    {"bridge", "access port to access port", Side::kAccess, Side::kOtherAccess, Destination::kKnown,
     2, 1, kNoDrop, true},
    {"flood", "broadcast from an access port to 8 VXLAN remotes; cycles per packet received",
     Side::kAccess, Side::kUplink, Destination::kBroadcast, 8, 8, kNoDrop, true},
    {"drop", "VXLAN with a VNI that no network has", Side::kUplink, Side::kNone,
     Destination::kUnknownVni, 2, 0, DropReason::k_tunnel_id_unknown, true},
    {"idle", "a pass over two empty ports; cycles per pass", Side::kNone, Side::kNone,
     Destination::kKnown, 2, 0, kNoDrop, false},
}};

}  // namespace

std::span<const Scenario> scenarios() noexcept {
  return kScenarios;
}

const Scenario* find_scenario(std::string_view name) noexcept {
  for (const Scenario& scenario : kScenarios)
    if (scenario.name == name) return &scenario;
  return nullptr;
}

}  // namespace adit::bench

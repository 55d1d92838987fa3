// SPDX-License-Identifier: Apache-2.0
#include "scenario.h"

#include <array>

namespace adit::bench {
namespace {

constexpr DropReason kNoDrop = DropReason::kNone;

constexpr Scenario balanced(std::string_view name, std::string_view help, Side from,
                            ServiceForm service) {
  return {name,
          help,
          from,
          from == Side::kClients ? Side::kServers : Side::kClients,
          Destination::kKnown,
          2,
          1,
          kNoDrop,
          true,
          service};
}

// In the order of the report.
constexpr std::array<Scenario, 19> kScenarios = {{
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
    balanced("nat", "TCP from clients to backends, NAT", Side::kClients, {Forwarding::kNat}),
    balanced("nat6", "the same over IPv6", Side::kClients, {Forwarding::kNat, true}),
    balanced("nat-reply", "TCP from backends to clients, NAT", Side::kServers, {Forwarding::kNat}),
    balanced("nat-reply6", "the same over IPv6", Side::kServers, {Forwarding::kNat, true}),
    balanced("fullnat", "TCP from clients to backends, full NAT", Side::kClients,
             {Forwarding::kFullNat}),
    balanced("fullnat6", "the same over IPv6", Side::kClients, {Forwarding::kFullNat, true}),
    balanced("direct", "TCP from clients to backends, direct routing", Side::kClients,
             {Forwarding::kDirect}),
    balanced("direct6", "the same over IPv6", Side::kClients, {Forwarding::kDirect, true}),
    balanced("tunnel", "TCP from clients to backends, in IPIP", Side::kClients,
             {Forwarding::kTunnel}),
    balanced("tunnel6", "the same over IPv6", Side::kClients, {Forwarding::kTunnel, true}),
    balanced("connect", "SYNs of new connections to backends, NAT", Side::kClients,
             {Forwarding::kNat, false, true}),
    balanced("connect6", "the same over IPv6", Side::kClients, {Forwarding::kNat, true, true}),
    balanced("connect-again", "SYNs of clients that persistence knows", Side::kClients,
             {Forwarding::kNat, false, true, true}),
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

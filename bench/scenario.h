// SPDX-License-Identifier: Apache-2.0
// What is measured: which way frames take through the gateway. A scenario is a line in the
// table of scenario.cc.
#pragma once

#include <cstdint>
#include <optional>
#include <span>
#include <string_view>

#include "adit/drop_reason.h"
#include "adit/service.h"

namespace adit::bench {

enum class Side : uint8_t {
  kNone,
  kAccess,       // an access port, by member or VLAN
  kOtherAccess,  // a second access port
  kUplink,       // VXLAN, from and to remotes
  kClients,      // of a balanced service
  kServers,
};

enum class Destination : uint8_t { kKnown, kBroadcast, kUnknownVni };

// A balanced service.
struct ServiceForm {
  Forwarding forwarding = Forwarding::kNat;
  bool ipv6 = false;
  bool connects = false;  // every packet begins a connection; otherwise all are there before
  bool persistent = false;
};

struct Scenario {
  std::string_view name;
  std::string_view help;
  Side from = Side::kNone;
  Side to = Side::kNone;
  Destination destination = Destination::kKnown;
  unsigned remotes = 2;                       // of each network
  unsigned packets_out = 1;                   // for each that comes in
  DropReason dropped_as = DropReason::kNone;  // every packet is; kNone: none may be
  bool varies = true;                         // with flows, networks and sizes
  std::optional<ServiceForm> service = {};    // varies with flows and sizes
};

std::span<const Scenario> scenarios() noexcept;
// Null where there is none of that name.
const Scenario* find_scenario(std::string_view name) noexcept;

}  // namespace adit::bench

// SPDX-License-Identifier: Apache-2.0
// Which next hop of the underlay leads to an address: connected subnets and static routes.
#pragma once

#include <map>
#include <optional>
#include <vector>

#include "compile/compile.h"
#include "config/prefix_table.h"

namespace adit {

class Routing {
 public:
  explicit Routing(const Config& config);

  // On a connected subnet the destination itself, else the gateway of the longest matching
  // route; none where neither covers it.
  std::optional<NextHop> find(const IpAddr& destination) const;

  // The port's own address that shares a subnet with the next hop.
  IpAddr source_for(const NextHop& hop) const;

  // One that the configuration has.
  const PortConfig& port(PortId id) const { return *ports_[id]; }

 private:
  const Config& config_;
  std::vector<const PortConfig*> ports_;  // by PortId; null: none has this id
  PrefixTable connected_;                 // value: PortId
  PrefixTable routes_;                    // value: index in config.routes
};

// The static neighbours of the underlay and of all VRFs, by where they are.
std::map<NextHop, MacAddr> static_neighbours(const Config& config, const Routing& underlay,
                                             const CompiledIds& ids);

}  // namespace adit

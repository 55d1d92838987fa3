// SPDX-License-Identifier: Apache-2.0
// What the parts of a compilation have in common: what they read, the ids that they give, and what
// they fill.
#pragma once

#include <memory>
#include <string>
#include <unordered_map>
#include <vector>

#include "compile/compile.h"
#include "compile/routing.h"
#include "compile/service_addresses.h"
#include "compile/stable_ids.h"
#include "compile/tunnels.h"

namespace adit {

inline constexpr unsigned kEthernetLen = 14;
inline constexpr unsigned kVlanTagLen = 4;
inline constexpr unsigned kVlanIds = 4096;

struct Compilation {
  // All of them must outlive this.
  Compilation(const Config& config, const std::vector<PortTraits>& traits,
              const CompiledIds& previous, unsigned workers);
  Compilation(const Compilation&) = delete;
  Compilation& operator=(const Compilation&) = delete;

  VrfId vrf_id(size_t index) const { return ids.vrfs.at(config.vrfs[index].name); }

  // The id of a next hop, which counts as one more user of it.
  AdjacencyId adjacency(const NextHop& hop);
  // 0: none is left.
  AdjacencyId adjacency_if_free(const NextHop& hop);

  BridgePort& bridge_port(BridgePortId id);
  // Gives it an id; frames are not flooded to it.
  BridgePort& name_bridge_port(const NetworkConfig& network, NetworkId network_id,
                               const BridgePortName& name, BridgePortInfo& info);
  // What the link answers for: its own addresses, and those of services on its subnets. `vrf`: its
  // name.
  void add_own(const std::string& vrf, const std::vector<IpPrefix>& addresses, Interface& link);

  const Config& config;
  const std::vector<PortTraits>& traits;
  const CompiledIds& previous;
  const unsigned workers;
  const Routing routing;  // of the underlay
  const ServiceAddresses service_addresses;
  StableIds<BridgePortName, BridgePortInfo> bridge_port_ids;
  StableIds<NextHop, AdjacencyId> adjacency_ids;
  std::unordered_map<std::string, PortId> port_ids;
  // Our own addresses in the underlay, and 1 and the port.
  FlatTable<uint64_t>::Entries local_ipv4;
  FlatTable<Ipv6Key>::Entries local_ipv6;
  TunnelCompiler tunnels;
  std::unique_ptr<Snapshot> snapshot = std::make_unique<Snapshot>();
  CompiledIds ids;
};

}  // namespace adit

// SPDX-License-Identifier: Apache-2.0
#include "compile/compilation.h"

#include "compile/remotes.h"

namespace adit {

Compilation::Compilation(const Config& config, const std::vector<PortTraits>& traits,
                         const CompiledIds& previous, unsigned workers)
    : config(config),
      traits(traits),
      previous(previous),
      workers(workers),
      routing(config),
      service_addresses(config),
      bridge_port_ids(previous.bridge_ports, kMaxBridgePorts + 1),
      adjacency_ids(previous.adjacencies, kMaxNextHops),
      tunnels(config, traits, routing) {}

AdjacencyId Compilation::adjacency_if_free(const NextHop& hop) {
  if (!ids.adjacencies.contains(hop)) {
    const AdjacencyId id = adjacency_ids.get_if_free(hop);
    if (id == 0) return 0;
    ids.adjacencies[hop] = id;
  }
  return adjacency(hop);
}

AdjacencyId Compilation::adjacency(const NextHop& hop) {
  AdjacencyId& id = ids.adjacencies[hop];
  if (id == 0) id = adjacency_ids.get(hop);
  if (id >= ids.next_hop_users.size()) ids.next_hop_users.resize(id + 1);
  ++ids.next_hop_users[id];
  return id;
}

BridgePort& Compilation::bridge_port(BridgePortId id) {
  if (id >= snapshot->bridge_ports.size()) snapshot->bridge_ports.resize(id + 1);
  return snapshot->bridge_ports[id];
}

BridgePort& Compilation::name_bridge_port(const NetworkConfig& network, NetworkId network_id,
                                          const BridgePortName& name, BridgePortInfo& info) {
  info.id = bridge_port_ids.get(name, info);
  info.network = network_id;
  ids.bridge_ports[name] = info;
  BridgePort& out = bridge_port(info.id);
  out.network = network_id;
  out.flags = flags_of(network);
  return out;
}

void Compilation::add_own(const std::string& vrf, const std::vector<IpPrefix>& addresses,
                          Interface& link) {
  for (const auto& list : {addresses, service_addresses.within(vrf, addresses)})
    for (const IpPrefix& own : list)
      (own.address.is_v4() ? link.own_ipv4 : link.own_ipv6).push_back(address_key(own.address));
  // RFC 3021: a subnet of two addresses has no broadcast.
  for (const IpPrefix& own : addresses) {
    if (!own.address.is_v4() || own.length > 30) continue;
    const uint32_t hosts = UINT32_MAX >> own.length;
    link.broadcasts.push_back(address_key(IpAddr::v4(be32(own.address.as_v4().host() | hosts))));
  }
}

}  // namespace adit

// SPDX-License-Identifier: Apache-2.0
#include "routing.h"

namespace adit {

Routing::Routing(const Config& config) : config_(config) {
  const auto vrfs = vrfs_of_ports(config);
  for (size_t port = 0; port < config.ports.size(); ++port)
    if (!vrfs[port])
      for (const IpPrefix& address : config.ports[port].addresses) connected_.insert(address, port);
  for (size_t route = 0; route < config.routes.size(); ++route)
    routes_.insert(config.routes[route].to, route);
}

std::optional<NextHop> Routing::find(const IpAddr& destination) const {
  const auto on_link = [this](const IpAddr& address) -> std::optional<NextHop> {
    const PrefixTable::Entry* subnet = connected_.longest(address);
    if (subnet == nullptr) return std::nullopt;
    return NextHop{static_cast<PortId>(subnet->value), address};
  };
  if (auto direct = on_link(destination)) return direct;
  const PrefixTable::Entry* route = routes_.longest(destination);
  if (route == nullptr) return std::nullopt;
  return on_link(config_.routes[route->value].via);
}

IpAddr Routing::source_for(const NextHop& hop) const {
  for (const IpPrefix& own : config_.ports[hop.link].addresses)
    if (own.contains(hop.address)) return own.address;
  return {};
}

std::map<NextHop, MacAddr> static_neighbours(const Config& config, const Routing& underlay,
                                             const std::map<std::string, NetworkId>& networks) {
  std::map<NextHop, MacAddr> known;
  for (const NeighbourConfig& neighbour : config.neighbours)
    if (const auto hop = underlay.find(neighbour.address)) known[*hop] = neighbour.mac;
  const auto add = [&](const VrfConfig& vrf, LinkId link, const std::vector<IpPrefix>& addresses) {
    for (const NeighbourConfig& neighbour : vrf.neighbours)
      for (const IpPrefix& own : addresses)
        if (own.contains(neighbour.address)) known[{link, neighbour.address}] = neighbour.mac;
  };
  const auto vrfs = vrfs_of_ports(config);
  for (size_t port = 0; port < config.ports.size(); ++port)
    if (vrfs[port])
      add(config.vrfs[*vrfs[port]], static_cast<LinkId>(port), config.ports[port].addresses);
  for (const VrfConfig& vrf : config.vrfs)
    for (const GatewayConfig& gateway : vrf.networks)
      add(vrf, network_link(networks.at(gateway.name)), gateway.addresses);
  return known;
}

}  // namespace adit

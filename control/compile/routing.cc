// SPDX-License-Identifier: Apache-2.0
#include "compile/routing.h"

#include "compile/vrf_links.h"
#include "config/port_ids.h"

namespace adit {

Routing::Routing(const Config& config) : config_(config), ports_(end_of_port_ids(config)) {
  const auto vrfs = vrfs_of_ports(config);
  for (size_t i = 0; i < config.ports.size(); ++i) {
    const PortConfig& port = config.ports[i];
    ports_[port.id] = &port;
    if (!vrfs[i])
      for (const IpPrefix& address : port.addresses) connected_.insert(address, port.id);
  }
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
  for (const IpPrefix& own : port(static_cast<PortId>(hop.link)).addresses)
    if (own.contains(hop.address)) return own.address;
  return {};
}

std::map<NextHop, MacAddr> static_neighbours(const Config& config, const Routing& underlay,
                                             const CompiledIds& ids) {
  std::map<NextHop, MacAddr> known;
  for (const NeighbourConfig& neighbour : config.neighbours)
    if (const auto hop = underlay.find(neighbour.address)) known[*hop] = neighbour.mac;
  for (const VrfLink& link : vrf_links(config, ids))
    for (const NeighbourConfig& neighbour : link.vrf->neighbours)
      for (const IpPrefix& own : *link.addresses)
        if (own.contains(neighbour.address)) known[{link.id, neighbour.address}] = neighbour.mac;
  return known;
}

}  // namespace adit

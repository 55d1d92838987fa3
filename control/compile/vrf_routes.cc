// SPDX-License-Identifier: Apache-2.0
#include "compile/vrf_routes.h"

#include <algorithm>

namespace adit {
namespace {

using Kind = RouteTarget::Kind;

RouteTarget by_link(const VrfRoutes::Link& link) {
  RouteTarget target;
  target.kind = Kind::kConnected;
  target.link = link.id;
  target.max_bytes = link.mtu_bytes;
  return target;
}

RouteTarget by_tunnel(const VrfRoutes::Tunnel& tunnel, bool ipv6) {
  RouteTarget target;
  target.kind = Kind::kTunnel;
  target.tunnel = ipv6 ? tunnel.ipv6 : tunnel.ipv4;
  target.max_bytes = tunnel.max_bytes;
  return target;
}

// The first address of the version; `known` is left alone where there is none.
void set_source(const std::vector<IpPrefix>& addresses, bool ipv6, RouteTarget& target) {
  for (const IpPrefix& own : addresses) {
    if (target.has_source || own.address.is_v4() == ipv6) continue;
    target.source = own.address;
    target.has_source = true;
  }
}

}  // namespace

void VrfRoutes::add(VrfId id, const IpPrefix& to, RouteTarget target) {
  const IpPrefix subnet = subnet_of(to);
  // An own address that is a subnet of its own, 32 or 128 bits long, stays ours.
  if (known_.emplace(id, subnet).second) routes_.push_back({id, subnet, target});
}

std::vector<VrfSubnet> VrfRoutes::add(VrfId id, const VrfConfig& vrf,
                                      const std::vector<Link>& links,
                                      const std::map<std::string, Tunnel>& tunnels,
                                      const std::function<AdjacencyId(const NextHop&)>& adjacency) {
  std::vector<IpPrefix> all;  // own addresses
  for (const Link& link : links)
    all.insert(all.end(), link.addresses->begin(), link.addresses->end());
  for (const auto& [name, tunnel] : tunnels)
    all.insert(all.end(), tunnel.config->addresses.begin(), tunnel.config->addresses.end());
  for (const IpPrefix& own : all) {
    RouteTarget target;
    target.kind = Kind::kLocal;
    add(id, {own.address, static_cast<uint8_t>(own.address.width_bits())}, target);
  }
  // What has no address of the version speaks for the VRF by its first one.
  const auto add_from = [&](const IpPrefix& to, RouteTarget target,
                            const std::vector<IpPrefix>& addresses) {
    set_source(addresses, !to.address.is_v4(), target);
    set_source(all, !to.address.is_v4(), target);
    target.mss_clamp = vrf.mss_clamp;
    add(id, to, target);
    return target;
  };
  std::vector<VrfSubnet> subnets;
  for (const Link& link : links)
    for (const IpPrefix& own : *link.addresses)
      subnets.push_back({own, add_from(own, by_link(link), *link.addresses)});
  for (const auto& [name, tunnel] : tunnels)
    for (const IpPrefix& own : tunnel.config->addresses)
      subnets.push_back(
          {own, add_from(own, by_tunnel(tunnel, !own.address.is_v4()), tunnel.config->addresses)});
  for (const VrfRouteConfig& route : vrf.routes) {
    if (route.tunnel) {
      const Tunnel& tunnel = tunnels.at(*route.tunnel);
      add_from(route.to, by_tunnel(tunnel, !route.to.address.is_v4()), tunnel.config->addresses);
      continue;
    }
    for (const Link& link : links) {
      const auto& addresses = *link.addresses;
      if (std::none_of(addresses.begin(), addresses.end(),
                       [&](const IpPrefix& own) { return own.contains(*route.via); }))
        continue;
      RouteTarget target = by_link(link);
      target.kind = Kind::kNextHop;
      target.adjacency = adjacency({link.id, *route.via});
      add_from(route.to, target, addresses);
      break;
    }
  }
  return subnets;
}

void VrfRoutes::add(VrfId id, const IpAddr& address, const RouteTarget& target) {
  add(id, IpPrefix{address, static_cast<uint8_t>(address.width_bits())}, target);
  of_no_link_.emplace(id, address);
}

OwnSources::Entries VrfRoutes::own_sources() const {
  std::map<VrfId, std::vector<IpPrefix>> subnets;
  for (const RouteTable::Route& route : routes_)
    if (route.target.kind == Kind::kConnected) subnets[route.vrf].push_back(route.to);
  const auto is_on_link = [&](VrfId vrf, const IpAddr& address) {
    const auto found = subnets.find(vrf);
    return found != subnets.end() &&
           std::any_of(found->second.begin(), found->second.end(),
                       [&](const IpPrefix& subnet) { return subnet.contains(address); });
  };
  OwnSources::Entries entries;
  for (const RouteTable::Route& route : routes_) {
    const bool own = route.target.kind == Kind::kLocal;
    // A subnet of virtual addresses may be all that has no other route.
    if (!own &&
        (route.target.kind != Kind::kVirtual || route.to.length != route.to.address.width_bits()))
      continue;
    if (!own && of_backends_.contains({route.vrf, route.to})) continue;
    if (own && of_no_link_.contains({route.vrf, route.to.address}) &&
        !is_on_link(route.vrf, route.to.address))
      continue;
    const auto owner = own ? OwnSources::Owner::kLink : OwnSources::Owner::kService;
    entries.emplace_back(
        OwnSources::key_of(route.vrf, address_key(route.to.address), !route.to.address.is_v4()),
        static_cast<uint32_t>(owner));
  }
  return entries;
}

void VrfRoutes::add_broadcasts() {
  const std::vector<RouteTable::Route> routes = routes_;
  for (const RouteTable::Route& route : routes) {
    const IpPrefix& subnet = route.to;
    // RFC 3021: one of 31 bits has none.
    if (route.target.kind != Kind::kConnected || !subnet.address.is_v4() || subnet.length > 30)
      continue;
    const uint32_t hosts = UINT32_MAX >> subnet.length;
    RouteTarget target;
    target.kind = Kind::kBroadcast;
    add(route.vrf, {IpAddr::v4(be32(subnet.address.as_v4().host() | hosts)), 32}, target);
  }
}

RouteTable VrfRoutes::finish(bool changeable) && {
  add_broadcasts();
  return {std::move(routes_), vrfs_, changeable};
}

}  // namespace adit

// SPDX-License-Identifier: Apache-2.0
#include "compile/imported_routes.h"

#include <algorithm>

namespace adit {
namespace {

using Kind = RouteTarget::Kind;

// The routes to one prefix.
auto range_of(const ImportedTable& routes, const IpPrefix& to) {
  return std::pair(routes.lower_bound({to, 0}), routes.upper_bound({to, UINT32_MAX}));
}

bool can_be_used(const ImportingVrf& vrf, const ImportedRoute& route) {
  return route.rejects || usable_gateway(vrf, route) != nullptr;
}

const VrfSubnet* longest_around(const ImportingVrf& vrf, const IpAddr& address) {
  const VrfSubnet* best = nullptr;
  for (const VrfSubnet& subnet : vrf.subnets)
    if (subnet.own.contains(address) && (best == nullptr || best->own.length < subnet.own.length))
      best = &subnet;
  return best;
}

// A subnet of IPv6 on the link of that target.
const VrfSubnet* ipv6_of_link(const ImportingVrf& vrf, const RouteTarget& target) {
  if (target.kind != Kind::kConnected) return nullptr;
  for (const VrfSubnet& subnet : vrf.subnets)
    if (subnet.target.kind == Kind::kConnected && subnet.target.link == target.link &&
        !subnet.own.address.is_v4())
      return &subnet;
  return nullptr;
}

}  // namespace

const VrfSubnet* subnet_of_gateway(const ImportingVrf& vrf, const Gateway& gateway) {
  if (is_link_local(gateway.address)) {
    const VrfSubnet* near = longest_around(vrf, gateway.near);
    return near == nullptr ? nullptr : ipv6_of_link(vrf, near->target);
  }
  const bool is_own = std::ranges::any_of(
      vrf.subnets, [&](const VrfSubnet& subnet) { return subnet.own.address == gateway.address; });
  return is_own ? nullptr : longest_around(vrf, gateway.address);
}

const Gateway* usable_gateway(const ImportingVrf& vrf, const ImportedRoute& route) {
  const auto found = std::ranges::find_if(
      route.gateways, [&](const Gateway& gateway) { return subnet_of_gateway(vrf, gateway); });
  return found == route.gateways.end() ? nullptr : &*found;
}

std::vector<ImportState> states_of(const RouteTable& table, const ImportingVrf& vrf,
                                   const ImportedTable& routes, const IpPrefix& to) {
  std::vector<ImportState> states;
  const bool fixed = table.is_fixed(vrf.id, to);
  bool is_chosen = fixed;
  const auto [begin, end] = range_of(routes, to);
  for (auto route = begin; route != end; ++route) {
    if (!can_be_used(vrf, route->second)) {
      states.push_back(fixed ? ImportState::kShadowed : ImportState::kUnreachable);
    } else if (std::exchange(is_chosen, true)) {
      states.push_back(ImportState::kShadowed);
    } else {
      const bool is_there = table.exact(vrf.id, to) != nullptr;
      states.push_back(is_there ? ImportState::kUsed : ImportState::kFull);
    }
  }
  return states;
}

void RouteImport::add_all(const ImportedTable& routes) {
  uint64_t place = 0;
  for (auto route = routes.begin(); route != routes.end();) {
    const IpPrefix to = route->first.to;
    if (place < vrf_.limit)
      end_change(routes, to);
    else
      count(routes, to, +1);
    for (; route != routes.end() && route->first.to == to; ++route) ++place;
  }
}

void RouteImport::begin_change(const ImportedTable& routes, const IpPrefix& to) {
  count(routes, to, -1);
}

void RouteImport::end_change(const ImportedTable& routes, const IpPrefix& to) {
  if (!table_.is_fixed(vrf_.id, to)) {
    const RouteTarget* found = table_.exact(vrf_.id, to);
    const std::optional<RouteTarget> former = found ? std::optional(*found) : std::nullopt;
    std::optional<Way> way;
    const auto [begin, end] = range_of(routes, to);
    for (auto route = begin; route != end && !way; ++route) way = way_of(route->second);
    // Without room the former one must not stay either: it leads elsewhere.
    if (!way || !use(to, *way)) table_.remove(vrf_.id, to);
    if (former) leave_hop(*former);
  }
  count(routes, to, +1);
}

std::optional<RouteImport::Way> RouteImport::way_of(const ImportedRoute& route) const {
  if (route.rejects) return Way{};
  const Gateway* gateway = usable_gateway(vrf_, route);
  if (gateway == nullptr) return std::nullopt;
  Way way{subnet_of_gateway(vrf_, *gateway)->target, std::nullopt};
  if (way.target.kind != Kind::kConnected) return way;  // into a tunnel
  way.target.kind = Kind::kNextHop;
  way.hop = NextHop{way.target.link, gateway->address};
  return way;
}

void RouteImport::count(const ImportedTable& routes, const IpPrefix& to, int by) {
  for (const ImportState state : states_of(table_, vrf_, routes, to))
    vrf_.counts[static_cast<size_t>(state)] += static_cast<uint64_t>(by);
}

bool RouteImport::use(const IpPrefix& to, Way way) {
  const size_t free_nodes = RouteTable::kMostNodes - table_.count_of_nodes();
  if (table_.count_of_nodes(vrf_.id) >= free_nodes) return false;
  if (!way.hop) return table_.set(vrf_.id, to, way.target);
  auto hop = vrf_.hops.find(*way.hop);
  if (hop == vrf_.hops.end()) {
    if (vrf_.hops.size() >= kMostImportedNextHops - all_.next_hops) return false;
    const AdjacencyId id = take_(*way.hop);
    if (id == 0) return false;
    hop = vrf_.hops.emplace(*way.hop, ImportingVrf::Hop{id, 0}).first;
    vrf_.hop_of[id] = *way.hop;
    ++all_.next_hops;
  }
  ++hop->second.routes;
  way.target.adjacency = hop->second.id;
  if (table_.set(vrf_.id, to, way.target)) return true;
  leave_hop(way.target);
  return false;
}

void RouteImport::leave_hop(const RouteTarget& former) {
  if (former.kind != Kind::kNextHop) return;
  const auto known = vrf_.hop_of.find(former.adjacency);
  if (known == vrf_.hop_of.end()) return;
  const auto hop = vrf_.hops.find(known->second);
  if (--hop->second.routes != 0) return;
  if (leave_) leave_(hop->first, hop->second.id);
  vrf_.hops.erase(hop);
  vrf_.hop_of.erase(known);
  --all_.next_hops;
}

}  // namespace adit

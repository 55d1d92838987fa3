// SPDX-License-Identifier: Apache-2.0
// `show` for routes of VRFs, and where they come from.
#include <algorithm>
#include <iterator>
#include <map>

#include "api/show.h"
#include "api/show_parts.h"
#include "config/values.h"

namespace adit {
namespace {

// A VRF's route, and where it comes from.
struct RouteRow {
  IpPrefix to;
  std::string source;
  std::string via, port, network, tunnel;  // empty: none
  uint16_t vlan = 0;                       // of the port, 0: untagged
  RouteOrigin origin = RouteOrigin::kFile;
  ImportState state = ImportState::kUsed;
  uint32_t metric = 0;  // of the kernel's
};

// Where a VRF has neighbours.
struct RouteLink {
  std::string port, network;  // one of them
  const std::vector<IpPrefix>* addresses;
  uint16_t vlan = 0;
};

std::vector<RouteLink> links_of(const Config& config, const VrfConfig& vrf) {
  std::vector<RouteLink> links;
  for (const PortConfig& port : config.ports)
    if (std::find(vrf.ports.begin(), vrf.ports.end(), port.name) != vrf.ports.end())
      links.push_back({port.name, {}, &port.addresses});
  for (const VlanConfig& vlan : vrf.vlans)
    links.push_back({vlan.port, {}, &vlan.addresses, vlan.vlan});
  for (const GatewayConfig& gateway : vrf.networks)
    links.push_back({{}, gateway.name, &gateway.addresses});
  return links;
}

// Completes a row with the way to the router.
void put_via(const IpAddr& via, const VrfConfig& vrf, const std::vector<RouteLink>& links,
             RouteRow& row) {
  row.via = to_string(via);
  const IpPrefix* best = nullptr;
  for (const RouteLink& link : links)
    for (const IpPrefix& own : *link.addresses) {
      if (!own.contains(via) || (best != nullptr && best->length >= own.length)) continue;
      best = &own;
      row.port = link.port;
      row.network = link.network;
      row.vlan = link.vlan;
    }
  if (best != nullptr) return;
  for (const VrfTunnelConfig& tunnel : vrf.tunnels)
    for (const IpPrefix& own : tunnel.addresses)
      if (own.contains(via)) row.tunnel = tunnel.name;
}

// The names that iproute2 has for RTPROT_... of linux/rtnetlink.h.
std::string protocol_name(uint8_t protocol) {
  static const std::map<uint8_t, const char*> kNames = {
      {2, "kernel"}, {3, "boot"},  {4, "static"},  {9, "ra"},      {11, "zebra"},
      {12, "bird"},  {16, "dhcp"}, {42, "babel"},  {186, "bgp"},   {187, "isis"},
      {188, "ospf"}, {189, "rip"}, {192, "eigrp"}, {196, "static"}};
  const auto known = kNames.find(protocol);
  return known == kNames.end() ? "protocol " + std::to_string(protocol) : known->second;
}

// Those of the file.
uint64_t count_of_routes(const Config& config, const VrfConfig& vrf) {
  uint64_t count = vrf.routes.size();
  for (const RouteLink& link : links_of(config, vrf)) count += link.addresses->size();
  for (const VrfTunnelConfig& tunnel : vrf.tunnels) count += tunnel.addresses.size();
  return count;
}

// The VRF's routes of the file from the number `first` on, `most` of them.
std::vector<RouteRow> routes_of(const Config& config, const VrfConfig& vrf, uint64_t first,
                                uint64_t most) {
  std::vector<RouteRow> rows;
  uint64_t place = 0;
  const auto is_wanted = [&] { return place++ >= first && rows.size() < most; };
  const std::vector<RouteLink> links = links_of(config, vrf);
  for (const RouteLink& link : links)
    for (const IpPrefix& own : *link.addresses)
      if (is_wanted())
        rows.push_back({subnet_of(own), "connected", {}, link.port, link.network, {}, link.vlan});
  for (const VrfTunnelConfig& tunnel : vrf.tunnels)
    for (const IpPrefix& own : tunnel.addresses)
      if (is_wanted()) rows.push_back({subnet_of(own), "connected", {}, {}, {}, tunnel.name});
  for (const VrfRouteConfig& route : vrf.routes) {
    if (!is_wanted()) continue;
    RouteRow row{route.to, "static", {}, {}, {}, {}};
    if (route.tunnel)
      row.tunnel = *route.tunnel;
    else
      put_via(*route.via, vrf, links, row);
    rows.push_back(row);
  }
  return rows;
}

// The same of those that it imported.
std::vector<RouteRow> imported_routes_of(const ControlPlane& control, const VrfConfig& vrf,
                                         uint64_t first, uint64_t most) {
  std::vector<RouteRow> rows;
  const LiveRoutes& routes = control.routes();
  const ImportedTable* table = routes.of(vrf.name);
  const ImportingVrf* importing = routes.importing(vrf.name);
  if (table == nullptr || importing == nullptr || first >= table->size()) return rows;
  const std::vector<RouteLink> links = links_of(control.config(), vrf);
  for (auto route = routes.at(vrf.name, first); route != table->end() && rows.size() < most;
       ++route) {
    const auto& [key, what] = *route;
    RouteRow row{key.to, protocol_name(what.protocol), {}, {}, {}, {}};
    row.origin = RouteOrigin::kNetlink;
    row.metric = key.metric;
    const auto before = table->lower_bound({key.to, 0});
    row.state = routes.states(vrf.name, key.to)[static_cast<size_t>(std::distance(before, route))];
    if (const Gateway* gateway = usable_gateway(*importing, what)) {
      put_via(is_link_local(gateway->address) ? gateway->near : gateway->address, vrf, links, row);
      row.via = to_string(gateway->address);
    } else if (!what.gateways.empty()) {
      row.via = to_string(what.gateways.front().address);
    }
    rows.push_back(row);
  }
  return rows;
}

nlohmann::json to_json(const VrfConfig& vrf, const RouteRow& route) {
  const bool is_imported = route.origin != RouteOrigin::kFile;
  return {{"vrf", vrf.name},
          {"to", to_string(route.to)},
          {"origin", to_string(route.origin)},
          {"source", route.source},
          {"state", to_string(route.state)},
          {"via", text_or_null(route.via)},
          {"port", text_or_null(route.port)},
          {"vlan", number_or_null(route.vlan)},
          {"network", text_or_null(route.network)},
          {"tunnel", text_or_null(route.tunnel)},
          {"metric", is_imported ? nlohmann::json(route.metric) : nlohmann::json(nullptr)}};
}

}  // namespace

Rows show_routes(const ControlPlane& control, const Window& window) {
  Rows out;
  uint64_t place = 0;  // of the first route of the VRF
  for (const VrfConfig& vrf : control.config().vrfs) {
    const uint64_t of_file = count_of_routes(control.config(), vrf);
    const ImportedTable* imported = control.routes().of(vrf.name);
    const uint64_t count = of_file + (imported == nullptr ? 0 : imported->size());
    const uint64_t first = std::max(place, window.offset) - place;
    if (first < count && out.rows.size() == window.limit) {
      out.truncated = true;
      out.next_offset = place + first;
      return out;
    }
    const auto put = [&](const std::vector<RouteRow>& rows) {
      for (const RouteRow& row : rows) out.rows.push_back(to_json(vrf, row));
    };
    put(routes_of(control.config(), vrf, first, window.limit - out.rows.size()));
    if (first < count)
      put(imported_routes_of(control, vrf, std::max(first, of_file) - of_file,
                             window.limit - out.rows.size()));
    if (out.rows.size() == window.limit && window.offset + window.limit < place + count) {
      out.truncated = true;
      out.next_offset = window.offset + window.limit;
      return out;
    }
    place += count;
  }
  return out;
}

Rows show_route_sources(const ControlPlane& control, const Window& window) {
  Rows out;
  uint64_t place = 0;
  const LiveRoutes& routes = control.routes();
  for (const VrfConfig& vrf : control.config().vrfs) {
    const RouteSource* source = routes.source_of(vrf.name);
    if (source == nullptr || place++ < window.offset) continue;
    if (out.rows.size() == window.limit) {
      out.truncated = true;
      out.next_offset = place - 1;
      return out;
    }
    const LiveRoutes::Totals totals = routes.totals(vrf.name);
    const char* state = source->is_complete ? "following" : "reading";
    out.rows.push_back({{"vrf", vrf.name},
                        {"origin", to_string(RouteOrigin::kNetlink)},
                        {"table", source->table},
                        {"namespace", text_or_null(source->network_namespace)},
                        {"state", source->error.empty() ? state : "failed"},
                        {"error", text_or_null(source->error)},
                        {"used", totals.of(ImportState::kUsed)},
                        {"shadowed", totals.of(ImportState::kShadowed)},
                        {"unreachable", totals.of(ImportState::kUnreachable)},
                        {"full", totals.of(ImportState::kFull)},
                        {"refused", totals.refused},
                        {"changes", totals.changes},
                        {"rounds", source->rounds},
                        {"overruns", source->overruns}});
  }
  return out;
}

}  // namespace adit

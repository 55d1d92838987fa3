// SPDX-License-Identifier: Apache-2.0
#include "compile/vrfs.h"

#include <algorithm>
#include <map>
#include <set>
#include <stdexcept>
#include <utility>

#include "adit/tunnel_ops.h"
#include "compile/router_advertisement.h"
#include "compile/services.h"
#include "compile/vrf_routes.h"

namespace adit {
namespace {

constexpr uint32_t kMostFrameBytes = 65535;

class VrfCompiler {
 public:
  VrfCompiler(Compilation& all, const ImportedRoutes& imported) : all_(all), imported_(imported) {
    for (const NetworkConfig& network : all.config.networks)
      network_configs_.emplace(network.name, &network);
  }

  ImportingVrfs run() {
    VrfRoutes routes(all_.ids.last_vrf);
    compile_services(all_.config, all_.previous, all_.workers, all_.ids, *all_.snapshot, routes);
    // Else nothing is routed there: tunnels know their next hops.
    const bool routes_underlay =
        all_.snapshot->balanced_vrfs[0] != 0 || all_.config.host.has_value();
    mark_host_vrfs();
    if (routes_underlay) compile_underlay_routes(routes);
    for (size_t i = 0; i < all_.config.vrfs.size(); ++i) {
      const VrfConfig& vrf = all_.config.vrfs[i];
      std::vector<VrfRoutes::Link> links;
      for (const std::string& name : vrf.ports) {
        const PortId port = all_.port_ids.at(name);
        const PortConfig& of_port = all_.routing.port(port);
        links.push_back({port, &of_port.addresses, of_port.mtu_bytes});
      }
      for (const VlanConfig& vlan : vrf.vlans)
        links.push_back(compile_subinterface(vrf, all_.vrf_id(i), vlan));
      for (const GatewayConfig& gateway : vrf.networks)
        links.push_back(compile_gateway(vrf, all_.vrf_id(i), gateway));
      std::map<std::string, VrfRoutes::Tunnel> tunnels;
      for (const VrfTunnelConfig& tunnel : vrf.tunnels)
        tunnels[tunnel.name] = compile_vrf_tunnel(vrf, all_.vrf_id(i), tunnel);
      auto subnets = routes.add(all_.vrf_id(i), vrf, links, tunnels,
                                [this](const NextHop& hop) { return all_.adjacency(hop); });
      if (vrf.kernel_routes)
        importing_.vrfs[vrf.name] = {
            all_.vrf_id(i), vrf.kernel_routes->limit, std::move(subnets), {}, {}, {}};
    }
    OwnSources::Entries own = routes.own_sources();
    if (!routes_underlay) add_underlay_sources(own);
    add_broadcasts(own);
    all_.snapshot->own_sources = OwnSources(own);
    all_.snapshot->routes = std::move(routes).finish(!importing_.vrfs.empty());
    import_routes();
    mark_ports_with_connections();
    return std::move(importing_);
  }

 private:
  void import_routes() {
    for (auto& [name, vrf] : importing_.vrfs) {
      const auto found = imported_.find(name);
      if (found == imported_.end()) continue;
      RouteImport import(all_.snapshot->routes, importing_, vrf,
                         [this](const NextHop& hop) { return all_.adjacency_if_free(hop); });
      import.add_all(*found->second);
    }
  }

  void mark_host_vrfs() {
    std::vector<uint8_t>& marks = all_.snapshot->host_vrfs;
    marks.resize(all_.snapshot->balanced_vrfs.size());
    marks[0] = all_.config.host.has_value();
    for (size_t i = 0; i < all_.config.vrfs.size(); ++i)
      marks[all_.vrf_id(i)] = all_.config.vrfs[i].host.has_value();
  }

  // A tag's frames, and those of a network, are not what the express lane reads.
  void mark_ports_with_connections() {
    if (!all_.snapshot->balances) return;
    for (PortEntry& port : all_.snapshot->ports)
      port.has_connections = port.untagged == 0 && (port.is_underlay || port.vrf != 0) &&
                             all_.snapshot->balanced_vrfs[port.vrf] != 0;
  }

  void add_underlay_sources(OwnSources::Entries& entries) const {
    constexpr auto kOwner = static_cast<uint32_t>(OwnSources::Owner::kLink);
    for (const auto& [address, port] : all_.local_ipv4)
      entries.emplace_back(OwnSources::key_of(0, Ipv6Key{0, address}, false), kOwner);
    for (const auto& [address, port] : all_.local_ipv6)
      entries.emplace_back(OwnSources::key_of(0, address, true), kOwner);
  }

  // RFC 1122 section 3.2.1.3: a subnet's broadcast is nobody's source.
  void add_broadcasts(OwnSources::Entries& entries) const {
    std::set<std::pair<VrfId, uint64_t>> known;  // several addresses may be of one subnet
    const auto add = [&](const auto& links) {
      for (const Interface& link : links)
        for (const Ipv6Key& broadcast : link.broadcasts)
          if (known.emplace(link.vrf, broadcast.low).second)
            entries.emplace_back(OwnSources::key_of(link.vrf, broadcast, false),
                                 static_cast<uint32_t>(OwnSources::Owner::kLink));
    };
    add(all_.snapshot->ports);
    add(all_.snapshot->subinterfaces);
    add(all_.snapshot->gateways);
  }

  // The underlay is routed for what belongs to services.
  void compile_underlay_routes(VrfRoutes& routes) {
    VrfConfig underlay;
    for (const RouteConfig& route : all_.config.routes)
      underlay.routes.push_back({route.to, route.via, std::nullopt});
    std::vector<VrfRoutes::Link> links;
    for (const PortConfig& port : all_.config.ports)
      if (all_.snapshot->ports[port.id].is_underlay)
        links.push_back({port.id, &port.addresses, port.mtu_bytes});
    routes.add(0, underlay, links, {}, [this](const NextHop& hop) { return all_.adjacency(hop); });
  }

  VrfRoutes::Link compile_subinterface(const VrfConfig& vrf, VrfId vrf_id, const VlanConfig& vlan) {
    const PortId port = all_.port_ids.at(vlan.port);
    const BridgePortName name = VrfSubinterfaceName{vrf.name, vlan.port, vlan.vlan};
    BridgePortInfo& info = all_.ids.bridge_ports[name];
    info.id = all_.bridge_port_ids.get(name, info);
    SubinterfaceEntry entry;
    entry.mac = all_.traits[port].mac;
    entry.vrf = vrf_id;
    entry.port = port;
    entry.vlan_id = vlan.vlan;
    entry.bridge_port = info.id;
    all_.add_own(vrf.name, vlan.addresses, entry);
    const unsigned mtu = vlan.mtu_bytes.value_or(all_.routing.port(port).mtu_bytes);
    add_advertisement(entry, vlan.router_advertisements, vlan.addresses, mtu);
    const SubinterfaceId id = all_.ids.subinterfaces.at({vlan.port, vlan.vlan});
    add_subinterface(id, std::move(entry));
    return {subinterface_link(id), &vlan.addresses, mtu};
  }

  void add_subinterface(SubinterfaceId id, SubinterfaceEntry entry) {
    auto& by_vlan = all_.snapshot->ports[entry.port].subinterface_by_vlan;
    by_vlan.resize(kVlanIds);
    by_vlan[entry.vlan_id] = id;
    BridgePort& counted = all_.bridge_port(entry.bridge_port);
    counted.kind = BridgePortKind::kSubinterface;
    counted.port = entry.port;
    auto& links = all_.snapshot->subinterfaces;
    if (id >= links.size()) links.resize(id + 1u);
    links[id] = std::move(entry);
  }

  VrfRoutes::Link compile_gateway(const VrfConfig& vrf, VrfId vrf_id,
                                  const GatewayConfig& gateway) {
    const NetworkConfig& network = *network_configs_.at(gateway.name);
    const NetworkId id = all_.ids.networks.at(network.name);
    NetworkEntry& entry = all_.snapshot->networks[id];
    for (const BridgePortId member : entry.flood.members())
      all_.snapshot->bridge_ports[member].flags |= BridgePort::kHasGateway;
    BridgePortInfo info;
    BridgePort& port =
        all_.name_bridge_port(network, id, GatewayName{network.name, vrf.name}, info);
    port.kind = BridgePortKind::kGateway;
    port.flags |= BridgePort::kHasGateway;
    entry.gateway = static_cast<uint16_t>(all_.snapshot->gateways.size());
    GatewayEntry& made = all_.snapshot->gateways.emplace_back();
    made.mac = gateway_mac(network, gateway);
    made.vrf = vrf_id;
    made.bridge_port = info.id;
    all_.add_own(vrf.name, gateway.addresses, made);
    entry.gateway_key = fdb_key(id, made.mac);
    const uint32_t most = std::min(kMostFrameBytes, entry.flood.least_frame_bytes()) -
                          kEthernetLen - (network.carry_vlans ? kVlanTagLen : 0);
    const uint32_t mtu = std::min(most, gateway.mtu_bytes.value_or(most));
    add_advertisement(made, gateway.router_advertisements, gateway.addresses, mtu);
    return {network_link(id), &gateway.addresses, mtu};
  }

  // One bridge port for each IP version that it carries; they differ in their header.
  VrfRoutes::Tunnel compile_vrf_tunnel(const VrfConfig& vrf, VrfId vrf_id,
                                       const VrfTunnelConfig& tunnel) {
    const auto hop = all_.routing.find(tunnel.address);
    if (!hop) throw std::invalid_argument("no route to " + to_string(tunnel.address));
    VrfRoutes::Tunnel made{&tunnel};
    for (const uint8_t version : {uint8_t{4}, uint8_t{6}}) {
      BridgePortInfo info;
      info.adjacency = all_.adjacency(*hop);
      info.tunnel = tunnel.kind;
      info.tunnel_id = tunnel.id;
      const BridgePortName name = VrfTunnelName{vrf.name, tunnel.name, version, tunnel.address};
      info.id = all_.bridge_port_ids.get(name, info);
      all_.ids.bridge_ports[name] = info;
      BridgePort& out = all_.bridge_port(info.id);
      out.kind = BridgePortKind::kRouted;
      out.network = vrf_id;
      (version == 4 ? made.ipv4 : made.ipv6) = info.id;
      // What comes in by it counts for the first of the two, and both number their packets alike.
      out.sequence_id = made.ipv4;
      out.adjacency = info.adjacency;
      all_.tunnels.add_header(tunnel, tunnel.id, {}, version == 4 ? kEtherTypeIpv4 : kEtherTypeIpv6,
                              *hop, out);
      made.max_bytes = out.max_frame_bytes;
    }
    all_.tunnels.add_sender(tunnel.kind, tunnel.address, tunnel.id, made.ipv4);
    all_.snapshot->ipv6_tunnels.emplace_back(made.ipv4, made.ipv6);
    return made;
  }

  Compilation& all_;
  const ImportedRoutes& imported_;
  std::unordered_map<std::string, const NetworkConfig*> network_configs_;
  ImportingVrfs importing_;
};

}  // namespace

ImportingVrfs compile_vrfs(Compilation& all, const ImportedRoutes& imported) {
  return VrfCompiler(all, imported).run();
}

}  // namespace adit

// SPDX-License-Identifier: Apache-2.0
#include "compile/compile.h"

#include <set>
#include <stdexcept>
#include <unordered_map>

#include "adit/tunnel_ops.h"
#include "compile/remotes.h"
#include "compile/router_advertisement.h"
#include "compile/routing.h"
#include "compile/service_addresses.h"
#include "compile/services.h"
#include "compile/stable_ids.h"
#include "compile/tunnels.h"
#include "compile/vrf_routes.h"

namespace adit {
namespace {

constexpr unsigned kEthernetLen = 14;
constexpr unsigned kVlanTagLen = 4;
constexpr unsigned kVlanIds = 4096;
constexpr uint32_t kVrfIds = 65536;
constexpr uint32_t kMostFrameBytes = 65535;

class Compiler {
 public:
  Compiler(const Config& config, const std::vector<PortTraits>& traits, const CompiledIds& previous,
           unsigned workers, const LearnedRemotes& learned, const ImportedRoutes& imported)
      : config_(config),
        learned_(learned),
        imported_(imported),
        previous_(previous),
        traits_(traits),
        workers_(workers),
        routing_(config),
        service_addresses_(config),
        vrfs_(vrfs_of_ports(config)),
        network_ids_(previous.networks, kMaxNetworks + 1),
        vrf_ids_(previous.vrfs, kVrfIds, previous.next_vrf),
        subinterface_ids_(previous.subinterfaces, kMaxSubinterfaces + 1,
                          previous.next_subinterface),
        bridge_port_ids_(previous.bridge_ports, kMaxBridgePorts + 1),
        adjacency_ids_(previous.adjacencies, kMaxNextHops),
        tunnels_(config, traits, routing_) {}

  Compiled run(uint64_t generation) {
    snapshot_->generation = generation;
    snapshot_->bridge_ports.resize(1);
    snapshot_->networks.resize(1);
    snapshot_->gateways.resize(1);
    for (const BridgePortId id : previous_.resting_bridge_ports) bridge_port_ids_.reserve(id);
    for (const AdjacencyId id : previous_.resting_adjacencies) adjacency_ids_.reserve(id);
    for (const NetworkConfig& network : config_.networks)
      ids_.networks[network.name] = static_cast<NetworkId>(network_ids_.get(network.name));
    ids_.last_vrf = previous_.last_vrf;
    for (const VrfConfig& vrf : config_.vrfs) {
      const auto id = static_cast<VrfId>(vrf_ids_.get(vrf.name));
      ids_.vrfs[vrf.name] = id;
      ids_.last_vrf = std::max(ids_.last_vrf, id);
      for (const VlanConfig& vlan : vrf.vlans) {
        const SubinterfaceName name{vlan.port, vlan.vlan};
        ids_.subinterfaces[name] = static_cast<SubinterfaceId>(subinterface_ids_.get(name));
      }
    }
    ids_.next_vrf = vrf_ids_.next();
    ids_.next_subinterface = subinterface_ids_.next();
    compile_ports();
    for (const auto& [hop, mac] : static_neighbours(config_, routing_, ids_)) adjacency(hop);
    for (const NetworkConfig& network : config_.networks) compile_network(network);
    compile_vrfs();
    std::sort(snapshot_->ipv6_tunnels.begin(), snapshot_->ipv6_tunnels.end());
    make_room();
    snapshot_->local_ipv4 = FlatTable<uint64_t>(local_ipv4_);
    snapshot_->local_ipv6 = FlatTable<Ipv6Key>(local_ipv6_);
    tunnels_.finish(*snapshot_);
    mark_ports_with_bridged();
    snapshot_->reassemble = config_.reassemble;
    snapshot_->fragment_limits = {.max_bytes = uint64_t{config_.fragments.memory_mb} << 20,
                                  .expiry_ns = uint64_t{config_.fragments.timeout_ms} * 1'000'000};
    return {std::move(snapshot_), std::move(ids_), std::move(importing_)};
  }

 private:
  void compile_ports() {
    for (size_t i = 0; i < config_.ports.size(); ++i) {
      const PortConfig& port = config_.ports[i];
      port_ids_[port.name] = static_cast<PortId>(i);
      PortEntry& entry = snapshot_->ports.emplace_back();
      entry.mac = traits_[i].mac;
      entry.tx_multi_segs = traits_[i].tx_multi_segs;
      entry.takes_pending_offload = traits_[i].takes_pending_offload;
      add_own(vrfs_[i] ? config_.vrfs[*vrfs_[i]].name : kUnderlayName, port.addresses, entry);
      if (vrfs_[i]) {
        entry.vrf = vrf_id(*vrfs_[i]);
        add_advertisement(entry, port.router_advertisements, port.addresses, port.mtu_bytes);
        continue;
      }
      entry.is_underlay = !port.addresses.empty();
      for (const IpPrefix& own : port.addresses)
        add_local(own.address, static_cast<uint32_t>(i + 1));
    }
  }

  // What the link answers for: its own addresses, and those of services on its subnets.
  void add_own(const std::string& vrf, const std::vector<IpPrefix>& addresses, Interface& link) {
    for (const auto& list : {addresses, service_addresses_.within(vrf, addresses)})
      for (const IpPrefix& own : list)
        (own.address.is_v4() ? link.own_ipv4 : link.own_ipv6).push_back(address_key(own.address));
    // RFC 3021: a subnet of two addresses has no broadcast.
    for (const IpPrefix& own : addresses) {
      if (!own.address.is_v4() || own.length > 30) continue;
      const uint32_t hosts = UINT32_MAX >> own.length;
      link.broadcasts.push_back(address_key(IpAddr::v4(be32(own.address.as_v4().host() | hosts))));
    }
  }

  void add_local(const IpAddr& own, uint32_t port) {
    const Ipv6Key key = address_key(own);
    if (own.is_v4())
      local_ipv4_.emplace_back(key.low, port);
    else
      local_ipv6_.emplace_back(key, port);
  }

  void compile_network(const NetworkConfig& network) {
    const NetworkId id = ids_.networks.at(network.name);
    network_configs_.emplace(network.name, &network);
    if (id >= snapshot_->networks.size()) snapshot_->networks.resize(id + 1u);
    NetworkEntry& entry = snapshot_->networks[id];
    entry.broadcast = limit(network.broadcast_pps);
    entry.multicast = limit(network.multicast_pps);
    entry.unknown_unicast = limit(network.unknown_unicast_pps);
    if (network.learn_remotes) {
      entry.learns_from = static_cast<uint8_t>(tunnel_index(network.learn_kind) + 1);
      tunnels_.add_id(network.learn_kind, network.vni, id);
    }
    for (const MemberConfig& member : network.members) compile_member(network, id, member);
    for (const RemoteConfig& remote : network.remotes) compile_remote(network, id, remote);
    if (const auto found = learned_.find(network.name); found != learned_.end())
      for (const IpAddr& address : found->second)
        compile_remote(network, id, learned_remote(network, address), RemoteOrigin::kLearned);
    entry.flood.set_least_frame_bytes(least_frame_bytes(*snapshot_, entry));
    tunnels_.add_id(TunnelKind::kVxlan, network.vni, id);
  }

  RateLimit limit(std::optional<uint32_t> packets_per_s) const {
    return packets_per_s ? RateLimit::per_second(*packets_per_s, workers_) : RateLimit{};
  }

  BridgePort& bridge_port(BridgePortId id) {
    if (id >= snapshot_->bridge_ports.size()) snapshot_->bridge_ports.resize(id + 1);
    return snapshot_->bridge_ports[id];
  }

  BridgePort& name_bridge_port(const NetworkConfig& network, NetworkId network_id,
                               const BridgePortName& name, BridgePortInfo& info) {
    info.id = bridge_port_ids_.get(name, info);
    info.network = network_id;
    ids_.bridge_ports[name] = info;
    BridgePort& out = bridge_port(info.id);
    out.network = network_id;
    out.flags = flags_of(network);
    return out;
  }

  // One that frames are flooded to.
  BridgePort& add_bridge_port(const NetworkConfig& network, NetworkId network_id,
                              const BridgePortName& name, BridgePortInfo& info) {
    BridgePort& out = name_bridge_port(network, network_id, name, info);
    snapshot_->networks[network_id].flood.add(info.id);
    return out;
  }

  void compile_member(const NetworkConfig& network, NetworkId network_id,
                      const MemberConfig& member) {
    BridgePortInfo info;
    BridgePort& out = add_bridge_port(
        network, network_id, MemberName{network.name, member.port, member.vlan.value_or(0)}, info);
    out.kind = BridgePortKind::kAccess;
    out.port = port_ids_.at(member.port);
    out.vlan_id = member.vlan.value_or(0);
    out.max_frame_bytes =
        config_.ports[out.port].mtu_bytes + kEthernetLen + (network.carry_vlans ? kVlanTagLen : 0);
    PortEntry& port = snapshot_->ports[out.port];
    if (!member.vlan) {
      port.untagged = info.id;
      return;
    }
    port.by_vlan.resize(kVlanIds);
    port.by_vlan[*member.vlan] = info.id;
  }

  void compile_remote(const NetworkConfig& network, NetworkId network_id,
                      const RemoteConfig& remote, RemoteOrigin origin = RemoteOrigin::kFile) {
    const auto hop = routing_.find(remote.address);
    if (!hop) throw std::invalid_argument("no route to remote " + to_string(remote.address));
    const auto id = effective_id(network, remote);
    BridgePortInfo info;
    info.adjacency = adjacency(*hop);
    info.tunnel = remote.kind;
    info.tunnel_id = id;
    BridgePort& out =
        add_bridge_port(network, network_id, RemoteName{network.name, remote.address}, info);
    out.kind = BridgePortKind::kTunnel;
    out.split_group = split_group_of(remote);
    out.sequence_id = info.id;
    out.adjacency = info.adjacency;
    tunnels_.add_header(remote, id, network.tunnel, kEtherTypeBridged, *hop, out, origin);
    tunnels_.add_sender(remote.kind, remote.address, id, info.id);
    tunnels_.add_id(remote.kind, id, network_id);
  }

  // For remotes to come. Who has as many again as now is compiled anew.
  void make_room() {
    constexpr uint64_t kLeastRoom = 16'384, kRoomOfNetwork = 4;
    std::array<uint64_t, kTunnelKindCount> wanted = {}, usual = {};
    for (const NetworkConfig& network : config_.networks) {
      if (!network.learn_remotes) continue;
      const uint8_t kind = tunnel_index(network.learn_kind);
      const auto found = learned_.find(network.name);
      const uint64_t count = found == learned_.end() ? 0 : found->second.size();
      usual[kind] += std::max(count, kRoomOfNetwork);
      wanted[kind] += network.learn_limit - std::min<uint64_t>(count, network.learn_limit);
    }
    uint64_t all = 0;
    for (size_t kind = 0; kind < kTunnelKindCount; ++kind) {
      wanted[kind] = std::min(wanted[kind], std::max(kLeastRoom, usual[kind]));
      all += wanted[kind];
    }
    tunnels_.set_room(wanted, all);
    auto& bridge_ports = snapshot_->bridge_ports;
    bridge_ports.resize(std::min<uint64_t>(bridge_ports.size() + all, kMaxBridgePorts + 1));
  }

  VrfId vrf_id(size_t index) const { return ids_.vrfs.at(config_.vrfs[index].name); }

  void compile_vrfs() {
    VrfRoutes routes(ids_.last_vrf);
    compile_services(config_, previous_, workers_, ids_, *snapshot_, routes);
    if (snapshot_->balanced_vrfs[0] != 0) compile_underlay_routes(routes);
    for (size_t i = 0; i < config_.vrfs.size(); ++i) {
      const VrfConfig& vrf = config_.vrfs[i];
      std::vector<VrfRoutes::Link> links;
      for (const std::string& name : vrf.ports) {
        const PortId port = port_ids_.at(name);
        links.push_back({port, &config_.ports[port].addresses, config_.ports[port].mtu_bytes});
      }
      for (const VlanConfig& vlan : vrf.vlans)
        links.push_back(compile_subinterface(vrf, vrf_id(i), vlan));
      for (const GatewayConfig& gateway : vrf.networks)
        links.push_back(compile_gateway(vrf, vrf_id(i), gateway));
      std::map<std::string, VrfRoutes::Tunnel> tunnels;
      for (const VrfTunnelConfig& tunnel : vrf.tunnels)
        tunnels[tunnel.name] = compile_vrf_tunnel(vrf, vrf_id(i), tunnel);
      auto subnets = routes.add(vrf_id(i), vrf, links, tunnels,
                                [this](const NextHop& hop) { return adjacency(hop); });
      if (vrf.kernel_routes)
        importing_.vrfs[vrf.name] = {
            vrf_id(i), vrf.kernel_routes->limit, std::move(subnets), {}, {}, {}};
    }
    OwnSources::Entries own = routes.own_sources();
    if (snapshot_->balanced_vrfs[0] == 0) add_underlay_sources(own);
    add_broadcasts(own);
    snapshot_->own_sources = OwnSources(own);
    snapshot_->routes = std::move(routes).finish(!importing_.vrfs.empty());
    import_routes();
    mark_ports_with_connections();
  }

  void import_routes() {
    for (auto& [name, vrf] : importing_.vrfs) {
      const auto found = imported_.find(name);
      if (found == imported_.end()) continue;
      RouteImport import(snapshot_->routes, importing_, vrf,
                         [this](const NextHop& hop) { return adjacency_if_free(hop); });
      import.add_all(*found->second);
    }
  }

  // Which ports frames of networks may come in by.
  void mark_ports_with_bridged() {
    bool has_remotes = false;
    for (std::size_t kind = 0; kind < kTunnelKindCount; ++kind)
      has_remotes |= !kTunnelKinds[kind].routed && !snapshot_->tunnels[kind].senders.empty();
    for (PortEntry& port : snapshot_->ports)
      port.has_bridged =
          port.untagged != 0 || !port.by_vlan.empty() || (port.is_underlay && has_remotes);
  }

  // A tag's frames, and those of a network, are not what the express lane reads.
  void mark_ports_with_connections() {
    if (!snapshot_->balances) return;
    for (PortEntry& port : snapshot_->ports)
      port.has_connections = port.untagged == 0 && (port.is_underlay || port.vrf != 0) &&
                             snapshot_->balanced_vrfs[port.vrf] != 0;
  }

  void add_underlay_sources(OwnSources::Entries& entries) const {
    constexpr auto kOwner = static_cast<uint32_t>(OwnSources::Owner::kLink);
    for (const auto& [address, port] : local_ipv4_)
      entries.emplace_back(OwnSources::key_of(0, Ipv6Key{0, address}, false), kOwner);
    for (const auto& [address, port] : local_ipv6_)
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
    add(snapshot_->ports);
    add(snapshot_->subinterfaces);
    add(snapshot_->gateways);
  }

  // The underlay is routed for what belongs to services.
  void compile_underlay_routes(VrfRoutes& routes) {
    VrfConfig underlay;
    for (const RouteConfig& route : config_.routes)
      underlay.routes.push_back({route.to, route.via, std::nullopt});
    std::vector<VrfRoutes::Link> links;
    for (PortId port = 0; port < config_.ports.size(); ++port)
      if (snapshot_->ports[port].is_underlay)
        links.push_back({port, &config_.ports[port].addresses, config_.ports[port].mtu_bytes});
    routes.add(0, underlay, links, {}, [this](const NextHop& hop) { return adjacency(hop); });
  }

  VrfRoutes::Link compile_subinterface(const VrfConfig& vrf, VrfId vrf_id, const VlanConfig& vlan) {
    const PortId port = port_ids_.at(vlan.port);
    const BridgePortName name = VrfSubinterfaceName{vrf.name, vlan.port, vlan.vlan};
    BridgePortInfo& info = ids_.bridge_ports[name];
    info.id = bridge_port_ids_.get(name, info);
    SubinterfaceEntry entry;
    entry.mac = traits_[port].mac;
    entry.vrf = vrf_id;
    entry.port = port;
    entry.vlan_id = vlan.vlan;
    entry.bridge_port = info.id;
    add_own(vrf.name, vlan.addresses, entry);
    const unsigned mtu = vlan.mtu_bytes.value_or(config_.ports[port].mtu_bytes);
    add_advertisement(entry, vlan.router_advertisements, vlan.addresses, mtu);
    const SubinterfaceId id = ids_.subinterfaces.at({vlan.port, vlan.vlan});
    add_subinterface(id, std::move(entry));
    return {subinterface_link(id), &vlan.addresses, mtu};
  }

  void add_subinterface(SubinterfaceId id, SubinterfaceEntry entry) {
    auto& by_vlan = snapshot_->ports[entry.port].subinterface_by_vlan;
    by_vlan.resize(kVlanIds);
    by_vlan[entry.vlan_id] = id;
    BridgePort& counted = bridge_port(entry.bridge_port);
    counted.kind = BridgePortKind::kSubinterface;
    counted.port = entry.port;
    auto& links = snapshot_->subinterfaces;
    if (id >= links.size()) links.resize(id + 1u);
    links[id] = std::move(entry);
  }

  VrfRoutes::Link compile_gateway(const VrfConfig& vrf, VrfId vrf_id,
                                  const GatewayConfig& gateway) {
    const NetworkConfig& network = *network_configs_.at(gateway.name);
    const NetworkId id = ids_.networks.at(network.name);
    NetworkEntry& entry = snapshot_->networks[id];
    for (const BridgePortId member : entry.flood.members())
      snapshot_->bridge_ports[member].flags |= BridgePort::kHasGateway;
    BridgePortInfo info;
    BridgePort& port = name_bridge_port(network, id, GatewayName{network.name, vrf.name}, info);
    port.kind = BridgePortKind::kGateway;
    port.flags |= BridgePort::kHasGateway;
    entry.gateway = static_cast<uint16_t>(snapshot_->gateways.size());
    GatewayEntry& made = snapshot_->gateways.emplace_back();
    made.mac = gateway_mac(network, gateway);
    made.vrf = vrf_id;
    made.bridge_port = info.id;
    add_own(vrf.name, gateway.addresses, made);
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
    const auto hop = routing_.find(tunnel.address);
    if (!hop) throw std::invalid_argument("no route to " + to_string(tunnel.address));
    VrfRoutes::Tunnel made{&tunnel};
    for (const uint8_t version : {uint8_t{4}, uint8_t{6}}) {
      BridgePortInfo info;
      info.adjacency = adjacency(*hop);
      info.tunnel = tunnel.kind;
      info.tunnel_id = tunnel.id;
      const BridgePortName name = VrfTunnelName{vrf.name, tunnel.name, version, tunnel.address};
      info.id = bridge_port_ids_.get(name, info);
      ids_.bridge_ports[name] = info;
      BridgePort& out = bridge_port(info.id);
      out.kind = BridgePortKind::kRouted;
      out.network = vrf_id;
      (version == 4 ? made.ipv4 : made.ipv6) = info.id;
      // What comes in by it counts for the first of the two, and both number their packets alike.
      out.sequence_id = made.ipv4;
      out.adjacency = info.adjacency;
      tunnels_.add_header(tunnel, tunnel.id, {}, version == 4 ? kEtherTypeIpv4 : kEtherTypeIpv6,
                          *hop, out);
      made.max_bytes = out.max_frame_bytes;
    }
    tunnels_.add_sender(tunnel.kind, tunnel.address, tunnel.id, made.ipv4);
    snapshot_->ipv6_tunnels.emplace_back(made.ipv4, made.ipv6);
    return made;
  }

  // 0: none is left.
  AdjacencyId adjacency_if_free(const NextHop& hop) {
    if (!ids_.adjacencies.contains(hop)) {
      const AdjacencyId id = adjacency_ids_.get_if_free(hop);
      if (id == 0) return 0;
      ids_.adjacencies[hop] = id;
    }
    return adjacency(hop);
  }

  AdjacencyId adjacency(const NextHop& hop) {
    AdjacencyId& id = ids_.adjacencies[hop];
    if (id == 0) id = adjacency_ids_.get(hop);
    if (id >= ids_.next_hop_users.size()) ids_.next_hop_users.resize(id + 1);
    ++ids_.next_hop_users[id];
    return id;
  }

  const Config& config_;
  const LearnedRemotes& learned_;
  const ImportedRoutes& imported_;
  const CompiledIds& previous_;
  const std::vector<PortTraits>& traits_;
  unsigned workers_;
  Routing routing_;
  const ServiceAddresses service_addresses_;
  std::vector<std::optional<size_t>> vrfs_;  // by PortId
  StableIds<std::string, NetworkId> network_ids_;
  StableIds<std::string, VrfId> vrf_ids_;
  StableIds<SubinterfaceName, SubinterfaceId> subinterface_ids_;
  StableIds<BridgePortName, BridgePortInfo> bridge_port_ids_;
  StableIds<NextHop, AdjacencyId> adjacency_ids_;
  std::unordered_map<std::string, PortId> port_ids_;
  std::unordered_map<std::string, const NetworkConfig*> network_configs_;
  FlatTable<uint64_t>::Entries local_ipv4_;
  FlatTable<Ipv6Key>::Entries local_ipv6_;
  TunnelCompiler tunnels_;
  std::unique_ptr<Snapshot> snapshot_ = std::make_unique<Snapshot>();
  CompiledIds ids_;
  ImportingVrfs importing_;
};

}  // namespace

Compiled compile(const Config& config, const std::vector<PortTraits>& ports,
                 const CompiledIds& previous, uint64_t generation, unsigned workers,
                 const LearnedRemotes& learned, const ImportedRoutes& imported) {
  return Compiler(config, ports, previous, workers, learned, imported).run(generation);
}

}  // namespace adit

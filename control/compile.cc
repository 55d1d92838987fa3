// SPDX-License-Identifier: Apache-2.0
#include "compile.h"

#include <stdexcept>
#include <unordered_map>

#include "adit/tunnel_ops.h"
#include "id_allocator.h"
#include "routing.h"

namespace adit {
namespace {

constexpr unsigned kEthernetLen = 14;
constexpr unsigned kVlanTagLen = 4;
constexpr unsigned kVlanIds = 4096;
// Remotes of a network form one mesh: none of them speaks to another through us.
constexpr uint16_t kRemotesSplitGroup = 1;

// What stays keeps its id. What is new gets one that the former snapshot did not use
// either, since workers and the FDB may still hold the ids of what has gone.
uint32_t id_of(uint32_t id) {
  return id;
}
uint32_t id_of(const BridgePortInfo& info) {
  return info.id;
}

template <class Key, class Value>
class StableIds {
 public:
  StableIds(const std::map<Key, Value>& previous, uint32_t limit)
      : previous_(previous), free_(limit) {
    for (const auto& [key, value] : previous) free_.reserve(id_of(value));
  }
  uint32_t get(const Key& key) {
    if (const auto found = previous_.find(key); found != previous_.end())
      return id_of(found->second);
    const uint32_t id = free_.allocate();
    if (id == 0) throw std::length_error("too many networks, members, remotes or next hops");
    return id;
  }

 private:
  const std::map<Key, Value>& previous_;
  IdAllocator free_;
};

class Compiler {
 public:
  Compiler(const Config& config, const std::vector<PortTraits>& traits, const CompiledIds& previous,
           unsigned workers)
      : config_(config),
        traits_(traits),
        workers_(workers),
        routing_(config),
        network_ids_(previous.networks, kMaxNetworks + 1),
        bridge_port_ids_(previous.bridge_ports, kMaxBridgePorts + 1),
        adjacency_ids_(previous.adjacencies, kMaxAdjacencies) {}

  Compiled run(uint64_t generation) {
    snapshot_->generation = generation;
    snapshot_->bridge_ports.resize(1);
    snapshot_->networks.resize(1);
    compile_ports();
    for (const NeighbourConfig& neighbour : config_.neighbours)
      if (const auto hop = routing_.find(neighbour.address)) adjacency(*hop);
    for (const NetworkConfig& network : config_.networks) compile_network(network);
    snapshot_->local_addresses = FlatTable(local_addresses_);
    snapshot_->remotes = FlatTable(remotes_);
    snapshot_->tunnel_ids = FlatTable(tunnel_ids_);
    snapshot_->udp_tunnels.push_back({config_.vxlan.udp_port, kTunnelVxlan});
    return {std::move(snapshot_), std::move(ids_)};
  }

 private:
  using Entries = std::vector<std::pair<uint64_t, uint32_t>>;

  void compile_ports() {
    for (size_t i = 0; i < config_.ports.size(); ++i) {
      const PortConfig& port = config_.ports[i];
      port_ids_[port.name] = static_cast<PortId>(i);
      PortEntry& entry = snapshot_->ports.emplace_back();
      entry.mac = traits_[i].mac;
      entry.tx_multi_segs = traits_[i].tx_multi_segs;
      entry.is_underlay = !port.addresses.empty();
      for (const IpPrefix& own : port.addresses)
        local_addresses_.emplace_back(own.address.as_v4().raw(), static_cast<uint32_t>(i + 1));
    }
  }

  void compile_network(const NetworkConfig& network) {
    const auto id = static_cast<NetworkId>(network_ids_.get(network.name));
    ids_.networks[network.name] = id;
    if (id >= snapshot_->networks.size()) snapshot_->networks.resize(id + 1u);
    NetworkEntry& entry = snapshot_->networks[id];
    entry.broadcast = limit(network.broadcast_pps);
    entry.multicast = limit(network.multicast_pps);
    entry.unknown_unicast = limit(network.unknown_unicast_pps);
    entry.flood_begin = static_cast<uint32_t>(snapshot_->flood_lists.size());
    for (const MemberConfig& member : network.members) compile_member(network, id, member);
    for (const RemoteConfig& remote : network.remotes) compile_remote(network, id, remote);
    entry.flood_end = static_cast<uint32_t>(snapshot_->flood_lists.size());
    tunnel_ids_.emplace_back(tunnel_id_key(kTunnelVxlan, network.vni), id);
  }

  RateLimit limit(std::optional<uint32_t> packets_per_s) const {
    return packets_per_s ? RateLimit::per_second(*packets_per_s, workers_) : RateLimit{};
  }

  BridgePort& add_bridge_port(const NetworkConfig& network, NetworkId network_id,
                              const BridgePortName& name, BridgePortInfo& info) {
    info.id = bridge_port_ids_.get(name);
    info.network = network_id;
    ids_.bridge_ports[name] = info;
    if (info.id >= snapshot_->bridge_ports.size()) snapshot_->bridge_ports.resize(info.id + 1);
    snapshot_->flood_lists.push_back(info.id);
    BridgePort& out = snapshot_->bridge_ports[info.id];
    out.network = network_id;
    out.flags = static_cast<uint8_t>((network.learning ? BridgePort::kLearning : 0) |
                                     (network.carry_vlans ? BridgePort::kCarryVlans : 0));
    return out;
  }

  void compile_member(const NetworkConfig& network, NetworkId network_id,
                      const MemberConfig& member) {
    BridgePortInfo info;
    BridgePort& out = add_bridge_port(
        network, network_id, {network.name, member.port, member.vlan.value_or(0), {}}, info);
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
                      const RemoteConfig& remote) {
    const auto hop = routing_.find(remote.address);
    if (!hop) throw std::invalid_argument("no route to remote " + to_string(remote.address));
    BridgePortInfo info;
    info.adjacency = adjacency(*hop);
    BridgePort& out =
        add_bridge_port(network, network_id, {network.name, {}, 0, remote.address}, info);
    out.kind = BridgePortKind::kTunnel;
    out.tunnel = kTunnelVxlan;
    out.port = hop->port;
    out.split_group = kRemotesSplitGroup;
    out.adjacency = info.adjacency;
    const TunnelEndpoint endpoint = {
        traits_[hop->port].mac, routing_.source_for(*hop), remote.address,    network.vni,
        config_.vxlan.udp_port, config_.vxlan.ttl,         config_.vxlan.dscp};
    tunnel_registry()[out.tunnel]->compile(endpoint, out);
    out.max_frame_bytes = config_.ports[hop->port].mtu_bytes + kEthernetLen - out.header_len;
    remotes_.emplace_back(remote_key(remote.address.as_v4().raw(), out.tunnel, network.vni),
                          info.id);
  }

  AdjacencyId adjacency(const NextHop& hop) {
    if (const auto found = ids_.adjacencies.find(hop); found != ids_.adjacencies.end())
      return found->second;
    return ids_.adjacencies[hop] = adjacency_ids_.get(hop);
  }

  const Config& config_;
  const std::vector<PortTraits>& traits_;
  unsigned workers_;
  Routing routing_;
  StableIds<std::string, NetworkId> network_ids_;
  StableIds<BridgePortName, BridgePortInfo> bridge_port_ids_;
  StableIds<NextHop, AdjacencyId> adjacency_ids_;
  std::unordered_map<std::string, PortId> port_ids_;
  Entries local_addresses_, remotes_, tunnel_ids_;
  std::unique_ptr<Snapshot> snapshot_ = std::make_unique<Snapshot>();
  CompiledIds ids_;
};

}  // namespace

Compiled compile(const Config& config, const std::vector<PortTraits>& ports,
                 const CompiledIds& previous, uint64_t generation, unsigned workers) {
  return Compiler(config, ports, previous, workers).run(generation);
}

}  // namespace adit

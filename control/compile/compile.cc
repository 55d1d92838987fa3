// SPDX-License-Identifier: Apache-2.0
#include "compile/compile.h"

#include <algorithm>
#include <array>
#include <optional>
#include <stdexcept>
#include <utility>

#include "compile/compilation.h"
#include "compile/remotes.h"
#include "compile/router_advertisement.h"
#include "compile/vrfs.h"

namespace adit {
namespace {

constexpr uint32_t kVrfIds = 65536;

class Compiler {
 public:
  Compiler(const Config& config, const std::vector<PortTraits>& traits, const CompiledIds& previous,
           unsigned workers, const LearnedRemotes& learned, const ImportedRoutes& imported)
      : all_(config, traits, previous, workers),
        learned_(learned),
        imported_(imported),
        vrfs_(vrfs_of_ports(config)),
        network_ids_(previous.networks, kMaxNetworks + 1),
        vrf_ids_(previous.vrfs, kVrfIds, previous.next_vrf),
        subinterface_ids_(previous.subinterfaces, kMaxSubinterfaces + 1,
                          previous.next_subinterface) {}

  Compiled run(uint64_t generation) {
    all_.snapshot->generation = generation;
    all_.snapshot->bridge_ports.resize(1);
    all_.snapshot->networks.resize(1);
    all_.snapshot->gateways.resize(1);
    for (const BridgePortId id : all_.previous.resting_bridge_ports)
      all_.bridge_port_ids.reserve(id);
    for (const AdjacencyId id : all_.previous.resting_adjacencies) all_.adjacency_ids.reserve(id);
    for (const NetworkConfig& network : all_.config.networks)
      all_.ids.networks[network.name] = static_cast<NetworkId>(network_ids_.get(network.name));
    all_.ids.last_vrf = all_.previous.last_vrf;
    for (const VrfConfig& vrf : all_.config.vrfs) {
      const auto id = static_cast<VrfId>(vrf_ids_.get(vrf.name));
      all_.ids.vrfs[vrf.name] = id;
      all_.ids.last_vrf = std::max(all_.ids.last_vrf, id);
      for (const VlanConfig& vlan : vrf.vlans) {
        const SubinterfaceName name{vlan.port, vlan.vlan};
        all_.ids.subinterfaces[name] = static_cast<SubinterfaceId>(subinterface_ids_.get(name));
      }
    }
    all_.ids.next_vrf = vrf_ids_.next();
    all_.ids.next_subinterface = subinterface_ids_.next();
    compile_ports();
    for (const auto& [hop, mac] : static_neighbours(all_.config, all_.routing, all_.ids))
      all_.adjacency(hop);
    for (const NetworkConfig& network : all_.config.networks) compile_network(network);
    ImportingVrfs importing = compile_vrfs(all_, imported_);
    std::sort(all_.snapshot->ipv6_tunnels.begin(), all_.snapshot->ipv6_tunnels.end());
    make_room();
    all_.snapshot->local_ipv4 = FlatTable<uint64_t>(all_.local_ipv4);
    all_.snapshot->local_ipv6 = FlatTable<Ipv6Key>(all_.local_ipv6);
    all_.tunnels.finish(*all_.snapshot);
    mark_ports_with_bridged();
    mark_ports_with_routed();
    guard_vlans();
    all_.snapshot->reassemble = all_.config.reassemble;
    all_.snapshot->fragment_limits = {
        .max_bytes = uint64_t{all_.config.fragments.memory_mb} << 20,
        .expiry_ns = uint64_t{all_.config.fragments.timeout_ms} * 1'000'000};
    return {std::move(all_.snapshot), std::move(all_.ids), std::move(importing)};
  }

 private:
  void compile_ports() {
    // Packets may still come by a port that is gone: to an entry that takes none.
    all_.snapshot->ports.resize(all_.traits.size());
    for (size_t i = 0; i < all_.config.ports.size(); ++i) {
      const PortConfig& port = all_.config.ports[i];
      all_.port_ids[port.name] = port.id;
      const PortTraits& traits = all_.traits.at(port.id);
      PortEntry& entry = all_.snapshot->ports[port.id];
      entry.mac = traits.mac;
      entry.tx_multi_segs = traits.tx_multi_segs;
      entry.takes_pending_offload = traits.takes_pending_offload;
      all_.add_own(vrfs_[i] ? all_.config.vrfs[*vrfs_[i]].name : kUnderlayName, port.addresses,
                   entry);
      if (vrfs_[i]) {
        entry.vrf = all_.vrf_id(*vrfs_[i]);
        add_advertisement(entry, port.router_advertisements, port.addresses, port.mtu_bytes);
        continue;
      }
      entry.is_underlay = !port.addresses.empty();
      for (const IpPrefix& own : port.addresses) add_local(own.address, port.id + 1u);
    }
  }

  void add_local(const IpAddr& own, uint32_t port) {
    const Ipv6Key key = address_key(own);
    if (own.is_v4())
      all_.local_ipv4.emplace_back(key.low, port);
    else
      all_.local_ipv6.emplace_back(key, port);
  }

  void compile_network(const NetworkConfig& network) {
    const NetworkId id = all_.ids.networks.at(network.name);
    if (id >= all_.snapshot->networks.size()) all_.snapshot->networks.resize(id + 1u);
    NetworkEntry& entry = all_.snapshot->networks[id];
    entry.broadcast = limit(network.broadcast_pps);
    entry.multicast = limit(network.multicast_pps);
    entry.unknown_unicast = limit(network.unknown_unicast_pps);
    if (network.learn_remotes) {
      entry.learns_from = static_cast<uint8_t>(tunnel_index(network.learn_kind) + 1);
      all_.tunnels.add_id(network.learn_kind, network.vni, id);
    }
    for (const MemberConfig& member : network.members) compile_member(network, id, member);
    for (const RemoteConfig& remote : network.remotes) compile_remote(network, id, remote);
    if (const auto found = learned_.find(network.name); found != learned_.end())
      for (const IpAddr& address : found->second)
        compile_remote(network, id, learned_remote(network, address), RemoteOrigin::kLearned);
    entry.flood.set_least_frame_bytes(least_frame_bytes(*all_.snapshot, entry));
    all_.tunnels.add_id(TunnelKind::kVxlan, network.vni, id);
  }

  RateLimit limit(std::optional<uint32_t> packets_per_s) const {
    return packets_per_s ? RateLimit::per_second(*packets_per_s, all_.workers) : RateLimit{};
  }

  // One that frames are flooded to.
  BridgePort& add_bridge_port(const NetworkConfig& network, NetworkId network_id,
                              const BridgePortName& name, BridgePortInfo& info) {
    BridgePort& out = all_.name_bridge_port(network, network_id, name, info);
    all_.snapshot->networks[network_id].flood.add(info.id);
    return out;
  }

  void compile_member(const NetworkConfig& network, NetworkId network_id,
                      const MemberConfig& member) {
    BridgePortInfo info;
    BridgePort& out = add_bridge_port(
        network, network_id, MemberName{network.name, member.port, member.vlan.value_or(0)}, info);
    out.kind = BridgePortKind::kAccess;
    out.port = all_.port_ids.at(member.port);
    out.vlan_id = member.vlan.value_or(0);
    out.max_frame_bytes = all_.routing.port(out.port).mtu_bytes + kEthernetLen +
                          (network.carry_vlans ? kVlanTagLen : 0);
    PortEntry& port = all_.snapshot->ports[out.port];
    if (!member.vlan) {
      port.untagged = info.id;
      return;
    }
    port.by_vlan.resize(kVlanIds);
    port.by_vlan[*member.vlan] = info.id;
  }

  void compile_remote(const NetworkConfig& network, NetworkId network_id,
                      const RemoteConfig& remote, RemoteOrigin origin = RemoteOrigin::kFile) {
    const auto hop = all_.routing.find(remote.address);
    if (!hop) throw std::invalid_argument("no route to remote " + to_string(remote.address));
    const auto id = effective_id(network, remote);
    BridgePortInfo info;
    info.adjacency = all_.adjacency(*hop);
    info.tunnel = remote.kind;
    info.tunnel_id = id;
    BridgePort& out =
        add_bridge_port(network, network_id, RemoteName{network.name, remote.address}, info);
    out.kind = BridgePortKind::kTunnel;
    out.split_group = split_group_of(remote);
    out.sequence_id = info.id;
    out.adjacency = info.adjacency;
    all_.tunnels.add_header(remote, id, network.tunnel, kEtherTypeBridged, *hop, out, origin);
    all_.tunnels.add_sender(remote.kind, remote.address, id, info.id);
    all_.tunnels.add_id(remote.kind, id, network_id);
  }

  // For remotes to come. Who has as many again as now is compiled anew.
  void make_room() {
    constexpr uint64_t kLeastRoom = 16'384, kRoomOfNetwork = 4;
    std::array<uint64_t, kTunnelKindCount> wanted = {}, usual = {};
    for (const NetworkConfig& network : all_.config.networks) {
      if (!takes_remotes(network)) continue;
      const uint8_t kind = tunnel_index(network.learn_kind);
      const auto found = learned_.find(network.name);
      const uint64_t count = found == learned_.end() ? 0 : found->second.size();
      usual[kind] += std::max(count, kRoomOfNetwork);
      const uint64_t limit = taken_remotes_limit(network);
      wanted[kind] += limit - std::min(count, limit);
    }
    uint64_t all = 0;
    for (size_t kind = 0; kind < kTunnelKindCount; ++kind) {
      wanted[kind] = std::min(wanted[kind], std::max(kLeastRoom, usual[kind]));
      all += wanted[kind];
    }
    all_.tunnels.set_room(wanted, all);
    auto& bridge_ports = all_.snapshot->bridge_ports;
    bridge_ports.resize(std::min<uint64_t>(bridge_ports.size() + all, kMaxBridgePorts + 1));
  }

  // Which ports frames of networks may come in by.
  void mark_ports_with_bridged() {
    bool has_remotes = false;
    for (std::size_t kind = 0; kind < kTunnelKindCount; ++kind)
      has_remotes |= !kTunnelKinds[kind].routed && !all_.snapshot->tunnels[kind].senders.empty();
    for (PortEntry& port : all_.snapshot->ports)
      port.has_bridged =
          port.untagged != 0 || !port.by_vlan.empty() || (port.is_underlay && has_remotes);
  }

  // Which ports untagged packets may come in by that VRFs without services route.
  void mark_ports_with_routed() {
    const Snapshot& snapshot = *all_.snapshot;
    const bool has_tunnels =
        std::ranges::any_of(snapshot.bridge_ports, [&](const BridgePort& bridge_port) {
          return bridge_port.kind == BridgePortKind::kRouted &&
                 snapshot.balanced_vrfs[bridge_port.network] == 0;
        });
    for (PortEntry& port : all_.snapshot->ports)
      port.has_routed =
          port.untagged == 0 &&
          (port.is_underlay ? has_tunnels : port.vrf != 0 && snapshot.balanced_vrfs[port.vrf] == 0);
  }

  // Frames with tags of their own must not leave an untagged member in a VLAN of others there.
  void guard_vlans() {
    Snapshot& snapshot = *all_.snapshot;
    for (BridgePort& member : snapshot.bridge_ports) {
      if (member.kind != BridgePortKind::kAccess || member.vlan_id != 0 ||
          (member.flags & BridgePort::kCarryVlans) == 0)
        continue;
      const PortEntry& port = snapshot.ports[member.port];
      if (port.by_vlan.empty() && port.subinterface_by_vlan.empty()) continue;
      member.flags |= BridgePort::kGuardsVlans;
      snapshot.guards_vlans = true;
    }
  }

  Compilation all_;
  const LearnedRemotes& learned_;
  const ImportedRoutes& imported_;
  std::vector<std::optional<size_t>> vrfs_;  // by place in config.ports
  StableIds<std::string, NetworkId> network_ids_;
  StableIds<std::string, VrfId> vrf_ids_;
  StableIds<SubinterfaceName, SubinterfaceId> subinterface_ids_;
};

}  // namespace

Compiled compile(const Config& config, const std::vector<PortTraits>& ports,
                 const CompiledIds& previous, uint64_t generation, unsigned workers,
                 const LearnedRemotes& learned, const ImportedRoutes& imported) {
  return Compiler(config, ports, previous, workers, learned, imported).run(generation);
}

}  // namespace adit

// SPDX-License-Identifier: Apache-2.0
// Config -> Snapshot, a pure function.
#pragma once

#include <map>
#include <memory>
#include <optional>
#include <string>
#include <tuple>
#include <unordered_map>
#include <utility>
#include <variant>
#include <vector>

#include "adit/snapshot.h"
#include "compile/backend_ids.h"
#include "compile/imported_routes.h"
#include "compile/scheduler_tables.h"
#include "config/config.h"

namespace adit {

// Bridge ports, as the configuration identifies them.
struct MemberName {
  std::string network;
  std::string port;
  uint16_t vlan = 0;  // 0: untagged
  friend auto operator<=>(const MemberName&, const MemberName&) = default;
};
struct RemoteName {
  std::string network;
  IpAddr address;
  friend auto operator<=>(const RemoteName&, const RemoteName&) = default;
};
struct GatewayName {
  std::string network;
  std::string vrf;
  friend auto operator<=>(const GatewayName&, const GatewayName&) = default;
};
// A tunnel of a VRF has a bridge port for each IP version that it carries.
struct VrfTunnelName {
  std::string vrf;
  std::string tunnel;
  uint8_t ip_version = 4;
  IpAddr address;
  friend auto operator<=>(const VrfTunnelName&, const VrfTunnelName&) = default;
};
struct VrfSubinterfaceName {
  std::string vrf;
  std::string port;
  uint16_t vlan = 0;
  friend auto operator<=>(const VrfSubinterfaceName&, const VrfSubinterfaceName&) = default;
};
using BridgePortName =
    std::variant<MemberName, RemoteName, GatewayName, VrfTunnelName, VrfSubinterfaceName>;

struct BridgePortInfo {
  BridgePortId id = 0;
  NetworkId network = 0;
  AdjacencyId adjacency = 0;  // of a remote
  // Of a remote or a VRF's tunnel: its kind and the id in its packets. If they change, it counts as
  // another remote of the same name: it gets a new BridgePortId, and its counters, sequence numbers
  // and learned MACs are reset.
  std::optional<TunnelKind> tunnel = {};
  std::optional<uint64_t> tunnel_id = {};
};

// A VLAN of a port: the port's name and the VLAN id.
using SubinterfaceName = std::pair<std::string, uint16_t>;

// The ids that are assigned, passed from one compile to the next, so that what stays keeps its id.
// New ids are the lowest free ones.
struct CompiledIds {
  std::map<std::string, NetworkId> networks;
  std::map<std::string, VrfId> vrfs;  // connections outlive a snapshot, and hold them
  uint32_t next_vrf = 1;              // where the search for a free one begins
  VrfId last_vrf = 0;                 // the highest ever given: tables have room for it
  std::map<SubinterfaceName, SubinterfaceId> subinterfaces;  // of VRFs
  uint32_t next_subinterface = 1;  // as for VRFs: workers hold packets for them
  std::map<BridgePortName, BridgePortInfo> bridge_ports;
  std::map<NextHop, AdjacencyId> adjacencies;
  // Ids of removed learned remotes, not to be assigned yet: workers may still use them.
  std::vector<BridgePortId> resting_bridge_ports;
  std::vector<AdjacencyId> resting_adjacencies;
  std::vector<uint32_t> next_hop_users;  // by AdjacencyId: remotes, tunnels and routes
  std::map<std::string, ServiceId> services;
  BackendIds backends;
  std::vector<GoneBackend> gone_backends;  // the last to go is the last
  uint32_t removals = 0;                   // see Snapshot
  BackendId next_backend = 1;              // where the search for a free one begins
  std::vector<uint16_t>
      weights;  // by BackendId: as configured; where that is 0, the last other one
  SchedulerTables scheduler_tables;  // so that what stays need not be computed again
};

// Remotes that the configuration does not have, by network.
using LearnedRemotes = std::map<std::string, std::vector<IpAddr>>;

struct Compiled {
  std::unique_ptr<Snapshot> snapshot;
  CompiledIds ids;
  ImportingVrfs importing;
};

// What compile() needs to know about an opened port.
struct PortTraits {
  MacAddr mac;
  bool tx_multi_segs = true;
  bool takes_pending_offload = false;
};

// `config` comes from the parser. `ports`: by PortId, with those that are gone and whose packets
// may still come. The flood limits are divided by `workers`. `imported`: routes beside those of the
// configuration, of VRFs that import such. Where remotes are learned, the snapshot has room for as
// many more as there are, and some.
Compiled compile(const Config& config, const std::vector<PortTraits>& ports,
                 const CompiledIds& previous, uint64_t generation, unsigned workers,
                 const LearnedRemotes& learned = {}, const ImportedRoutes& imported = {});

}  // namespace adit

// SPDX-License-Identifier: Apache-2.0
// Config -> Snapshot, a pure function.
#pragma once

#include <map>
#include <memory>
#include <optional>
#include <string>
#include <tuple>
#include <utility>
#include <vector>

#include "adit/snapshot.h"
#include "config/config.h"

namespace adit {

// A next hop: the link it is on and its address.
struct NextHop {
  LinkId link = 0;
  IpAddr address;
  friend auto operator<=>(const NextHop&, const NextHop&) = default;
};

// A bridge port by what the configuration calls it. For a member `remote` is empty (family
// kNone), for a remote `port` is empty and `vlan` is 0. For a VRF's tunnel `network` is empty,
// `port` is its name, and `vlan` the IP version, 4 or 6, of what it carries.
// For a network's gateway all is empty but `network` and `vrf`; for a VLAN of a VRF `network` and
// `remote`.
struct BridgePortName {
  std::string network;
  std::string port;
  uint16_t vlan = 0;  // 0: untagged
  IpAddr remote;
  std::string vrf = {};
  friend auto operator<=>(const BridgePortName&, const BridgePortName&) = default;
};

struct BridgePortInfo {
  BridgePortId id = 0;
  NetworkId network = 0;
  AdjacencyId adjacency = 0;  // of a remote
  // Of a remote, or a VRF's tunnel: what it speaks and the id in its packets. With another one
  // it is another remote, though its name is the same: then it has a new BridgePortId, and its
  // counters, sequence numbers and learned MACs begin anew.
  std::optional<TunnelKind> tunnel = {};
  std::optional<uint64_t> tunnel_id = {};
};

// Which id stands for what. Handed from one compile to the next, so that what stays keeps
// its id; ids are given from the lowest free one.
struct BackendName {
  std::string service;
  std::string vrf;
  IpAddr address;
  uint16_t port = 0;
  friend auto operator<=>(const BackendName&, const BackendName&) = default;
};

// A backend that is in no service any more, whose connections wait for it to come back.
struct GoneBackend {
  BackendName name;
  BackendId id = 0;
  ServiceId service = 0;
  friend bool operator==(const GoneBackend&, const GoneBackend&) = default;
};

// A VLAN of a port: the port's name and the VLAN id.
using SubinterfaceName = std::pair<std::string, uint16_t>;

struct CompiledIds {
  std::map<std::string, NetworkId> networks;
  std::map<std::string, VrfId> vrfs;  // connections outlive a snapshot, and hold them
  uint32_t next_vrf = 1;              // where the search for a free one begins
  VrfId last_vrf = 0;                 // the highest ever given: tables have room for it
  std::map<SubinterfaceName, SubinterfaceId> subinterfaces;  // of VRFs
  uint32_t next_subinterface = 1;  // as for VRFs: workers hold packets for them
  std::map<BridgePortName, BridgePortInfo> bridge_ports;
  std::map<NextHop, AdjacencyId> adjacencies;
  std::map<std::string, ServiceId> services;
  std::map<BackendName, BackendId> backends;
  std::vector<GoneBackend> gone_backends;   // the last to go is the last
  uint32_t removals = 0;                    // see Snapshot
  BackendId next_backend = 1;               // where the search for a free one begins
  std::map<BackendName, uint16_t> weights;  // as configured; where that is 0, the last other one
};

struct Compiled {
  std::unique_ptr<Snapshot> snapshot;
  CompiledIds ids;
};

// What compile needs to know of the opened ports, by PortId.
struct PortTraits {
  MacAddr mac;
  bool tx_multi_segs = true;
  bool takes_pending_offload = false;
};

// `config` has passed the parser. `workers` share the flood limits.
Compiled compile(const Config& config, const std::vector<PortTraits>& ports,
                 const CompiledIds& previous, uint64_t generation, unsigned workers);

}  // namespace adit

// SPDX-License-Identifier: Apache-2.0
// Tunnels as workers read them: the headers that they put on, and the tables by which they know
// what comes in.
#pragma once

#include <array>
#include <map>
#include <optional>

#include "adit/tunnel_ops.h"
#include "compile/compile.h"
#include "compile/remotes.h"
#include "compile/routing.h"

namespace adit {

// What a remote does not say, its network says, or the kind.
void set_tunnel_options(const TunnelOptions& network, const TunnelOptions& remote,
                        const TunnelConfig& kind, TunnelEndpoint& out);

// The header of a remote, or of a VRF's tunnel. `Remote`: RemoteConfig or VrfTunnelConfig. `out`
// has its sequence_id and adjacency already.
template <class Remote>
void make_header(const Config& config, const std::vector<PortTraits>& traits,
                 const Routing& routing, const Remote& remote, std::optional<uint64_t> id,
                 const TunnelOptions& options, uint16_t payload, const NextHop& hop,
                 BridgePort& out) {
  const uint8_t kind = tunnel_index(remote.kind);
  const TunnelConfig& tunnel = config.tunnels[kind];
  out.tunnel = kind;
  const auto port = static_cast<PortId>(hop.link);  // of the underlay, where all links are ports
  out.port = port;
  TunnelEndpoint endpoint;
  endpoint.source_mac = traits[port].mac;
  endpoint.source_ip = routing.source_for(hop);
  endpoint.remote_ip = remote.address;
  endpoint.id = id;
  endpoint.port = tunnel.port;
  set_tunnel_options(options, remote.tunnel, tunnel, endpoint);
  endpoint.checksum = remote.checksum ||
                      (info_of(remote.kind).ip_protocol == kUdpProtocol && !tunnel.zero_checksum6);
  endpoint.sequence = remote.sequence;
  endpoint.payload = payload;
  endpoint.mtu_bytes = routing.port(port).mtu_bytes;
  tunnel_registry()[kind]->compile(endpoint, out);
}

class TunnelCompiler {
 public:
  // All of them must outlive this.
  TunnelCompiler(const Config& config, const std::vector<PortTraits>& traits,
                 const Routing& routing)
      : config_(config), traits_(traits), routing_(routing) {}

  // As make_header().
  template <class Remote>
  void add_header(const Remote& remote, std::optional<uint64_t> id, const TunnelOptions& options,
                  uint16_t payload, const NextHop& hop, BridgePort& out,
                  RemoteOrigin origin = RemoteOrigin::kFile);
  // What comes from there with this id comes in by the bridge port.
  void add_sender(TunnelKind kind, const IpAddr& address, std::optional<uint64_t> id,
                  BridgePortId bridge_port);
  // The id is that of a network.
  void add_id(TunnelKind kind, std::optional<uint64_t> id, NetworkId network);

  // How many remotes can be added later: by kind, and in all.
  void set_room(const std::array<uint64_t, kTunnelKindCount>& by_kind, uint64_t all) {
    room_ = by_kind;
    room_of_all_ = all;
  }
  // Makes the tables of all that was added.
  void finish(Snapshot& snapshot) const;

 private:
  const Config& config_;
  const std::vector<PortTraits>& traits_;
  const Routing& routing_;
  std::map<Ipv6Key, uint32_t> remote_addresses_, learned_addresses_;
  std::array<uint64_t, kTunnelKindCount> room_ = {};
  uint64_t room_of_all_ = 0;
  std::array<bool, kTunnelKindCount> numbered_ = {};
  std::array<SharedTable<SenderKey>::Entries, kTunnelKindCount> senders_;
  std::array<std::map<uint64_t, uint32_t>, kTunnelKindCount> ids_of_kind_;  // wire id -> network
};

template <class Remote>
void TunnelCompiler::add_header(const Remote& remote, std::optional<uint64_t> id,
                                const TunnelOptions& options, uint16_t payload, const NextHop& hop,
                                BridgePort& out, RemoteOrigin origin) {
  make_header(config_, traits_, routing_, remote, id, options, payload, hop, out);
  const uint8_t kind = tunnel_index(remote.kind);
  numbered_[kind] = numbered_[kind] || remote.sequence;
  auto& addresses = origin == RemoteOrigin::kFile ? remote_addresses_ : learned_addresses_;
  addresses.emplace(address_key(remote.address), out.sequence_id);
}

}  // namespace adit

// SPDX-License-Identifier: Apache-2.0
// Tunnels as workers read them: the headers that they put on, and the tables by which they know
// what comes in.
#pragma once

#include <array>
#include <map>
#include <optional>

#include "adit/tunnel_ops.h"
#include "compile/compile.h"
#include "compile/routing.h"

namespace adit {

// What a remote does not say, its network says, or the kind.
void set_tunnel_options(const TunnelOptions& network, const TunnelOptions& remote,
                        const TunnelConfig& kind, TunnelEndpoint& out);

class TunnelCompiler {
 public:
  // All of them must outlive this.
  TunnelCompiler(const Config& config, const std::vector<PortTraits>& traits,
                 const Routing& routing)
      : config_(config), traits_(traits), routing_(routing) {}

  // The header of a remote, or of a VRF's tunnel. `Remote`: RemoteConfig or VrfTunnelConfig. `out`
  // has its sequence_id and adjacency already.
  template <class Remote>
  void add_header(const Remote& remote, std::optional<uint64_t> id, const TunnelOptions& options,
                  uint16_t payload, const NextHop& hop, BridgePort& out);
  // What comes from there with this id comes in by the bridge port.
  void add_sender(TunnelKind kind, const IpAddr& address, std::optional<uint64_t> id,
                  BridgePortId bridge_port);
  // The id is that of a network.
  void add_id(TunnelKind kind, std::optional<uint64_t> id, NetworkId network);

  // Makes the tables of all that was added.
  void finish(Snapshot& snapshot) const;

 private:
  const Config& config_;
  const std::vector<PortTraits>& traits_;
  const Routing& routing_;
  std::map<Ipv6Key, uint32_t> remote_addresses_;
  std::array<bool, kTunnelKindCount> numbered_ = {};
  std::array<FlatTable<SenderKey>::Entries, kTunnelKindCount> senders_;
  std::array<std::map<uint64_t, uint32_t>, kTunnelKindCount> ids_of_kind_;  // wire id -> network
};

template <class Remote>
void TunnelCompiler::add_header(const Remote& remote, std::optional<uint64_t> id,
                                const TunnelOptions& options, uint16_t payload, const NextHop& hop,
                                BridgePort& out) {
  const uint8_t kind = tunnel_index(remote.kind);
  const TunnelConfig& tunnel = config_.tunnels[kind];
  out.tunnel = kind;
  const auto port = static_cast<PortId>(hop.link);  // of the underlay, where all links are ports
  out.port = port;
  TunnelEndpoint endpoint;
  endpoint.source_mac = traits_[port].mac;
  endpoint.source_ip = routing_.source_for(hop);
  endpoint.remote_ip = remote.address;
  endpoint.id = id;
  endpoint.port = tunnel.port;
  set_tunnel_options(options, remote.tunnel, tunnel, endpoint);
  endpoint.checksum = remote.checksum ||
                      (info_of(remote.kind).ip_protocol == kUdpProtocol && !tunnel.zero_checksum6);
  endpoint.sequence = remote.sequence;
  numbered_[kind] = numbered_[kind] || remote.sequence;
  endpoint.payload = payload;
  endpoint.mtu_bytes = config_.ports[port].mtu_bytes;
  tunnel_registry()[kind]->compile(endpoint, out);
  remote_addresses_.emplace(address_key(remote.address), out.sequence_id);
}

}  // namespace adit

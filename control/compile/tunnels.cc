// SPDX-License-Identifier: Apache-2.0
#include "compile/tunnels.h"

#include <algorithm>

#include "config/limits.h"

namespace adit {

void set_tunnel_options(const TunnelOptions& network, const TunnelOptions& remote,
                        const TunnelConfig& kind, TunnelEndpoint& out) {
  const auto choose = [](const auto& first, const auto& second, auto otherwise) {
    return first ? *first : second ? *second : otherwise;
  };
  out.ttl = choose(remote.ttl, network.ttl, kind.ttl);
  out.dscp = choose(remote.dscp, network.dscp, kind.dscp);
  int flags = 0;
  if (choose(remote.dscp_mode, network.dscp_mode, HeaderMode::kPipe) == HeaderMode::kUniform)
    flags |= outer::kUniformDscp;
  if (choose(remote.ttl_mode, network.ttl_mode, HeaderMode::kPipe) == HeaderMode::kUniform)
    flags |= outer::kUniformTtl;
  const DfPolicy df = choose(remote.df, network.df, DfPolicy::kSet);
  if (df == DfPolicy::kClear) flags |= outer::kClearDf;
  if (df == DfPolicy::kInherit) flags |= outer::kInheritDf;
  out.outer = static_cast<uint8_t>(flags);
}

void TunnelCompiler::add_sender(TunnelKind kind, const IpAddr& address, std::optional<uint64_t> id,
                                BridgePortId bridge_port) {
  const uint8_t index = tunnel_index(kind);
  senders_[index].emplace_back(
      SenderKey{address_key(address), tunnel_registry()[index]->wire_id(id)}, bridge_port);
}

void TunnelCompiler::add_id(TunnelKind kind, std::optional<uint64_t> id, NetworkId network) {
  const uint8_t index = tunnel_index(kind);
  ids_of_kind_[index][tunnel_registry()[index]->wire_id(id)] = network;
}

// VXLAN always listens, as its networks may have no remote yet; the others with their first
// remote, or where remotes are learned.
void TunnelCompiler::finish(Snapshot& snapshot) const {
  unsigned largest_mtu = 0;
  for (const PortConfig& port : config_.ports) largest_mtu = std::max(largest_mtu, port.mtu_bytes);
  for (size_t i = 0; i < kTunnelKindCount; ++i) {
    const auto index = static_cast<uint8_t>(i);
    const TunnelKindInfo& kind = kTunnelKinds[i];
    const TunnelConfig& config = config_.tunnels[i];
    TunnelTables& tables = snapshot.tunnels[i];
    tables.port = config.port;
    tables.numbered = numbered_[i];
    if (const auto compile = tunnel_keys(i).compile; compile != nullptr)
      tables.settings = compile(config.own, largest_mtu);
    tables.senders = SharedTable<SenderKey>(senders_[i], room_[i]);
    const FlatTable<uint64_t>::Entries ids(ids_of_kind_[i].begin(), ids_of_kind_[i].end());
    tables.ids = FlatTable<uint64_t>(ids);
    if (ids_of_kind_[i].empty() && senders_[i].empty() && i != tunnel_index(TunnelKind::kVxlan))
      continue;
    if (kind.ip_protocol == kUdpProtocol)
      snapshot.udp_tunnels.push_back({config.port, index, config.zero_checksum6});
    else if (tunnel_registry()[i]->decap != nullptr)
      snapshot.ip_protocols[kind.ip_protocol] = static_cast<uint8_t>(index + 1);
  }
  // GRE takes in what else comes by its protocol.
  if (!ids_of_kind_[tunnel_index(TunnelKind::kNvgre)].empty() ||
      !senders_[tunnel_index(TunnelKind::kGreIp)].empty())
    snapshot.ip_protocols[kIpProtocolGre] =
        static_cast<uint8_t>(tunnel_index(TunnelKind::kGre) + 1);
  // IP in IP has a protocol for each version inside.
  snapshot.ip_protocols[kIpProtocolIpv6] = snapshot.ip_protocols[kIpProtocolIpv4];
  // A learned one never stands for a configured one, so that it can go without a look at those.
  std::map<Ipv6Key, uint32_t> all = remote_addresses_;
  all.insert(learned_addresses_.begin(), learned_addresses_.end());
  const SharedTable<Ipv6Key>::Entries addresses(all.begin(), all.end());
  snapshot.remote_addresses = SharedTable<Ipv6Key>(addresses, room_of_all_);
}

}  // namespace adit

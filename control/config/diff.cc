// SPDX-License-Identifier: Apache-2.0
#include "config/differ.h"

namespace adit {
namespace config_differ {
namespace {

void diff_system(Differ& out, const SystemConfig& from, const SystemConfig& to) {
  constexpr Takes kTakes = Takes::kRestart;
  out.value(kTakes, "system.workers", from.workers, to.workers, "auto");
  out.value(kTakes, "system.poll", from.poll, to.poll);
  out.value(kTakes, "system.hugepages", from.hugepages, to.hugepages);
  out.value(kTakes, "system.memory_mb", from.memory_mb, to.memory_mb, "auto");
  out.value(kTakes, "system.mbufs", from.mbufs, to.mbufs, "auto");
  out.value(kTakes, "system.fdb_capacity", from.fdb_capacity, to.fdb_capacity);
  out.value(kTakes, "system.socket", from.socket, to.socket);
  out.value(kTakes, "system.user", from.user, to.user);
  out.value(kTakes, "system.log.target", from.log_target, to.log_target);
  out.value(kTakes, "system.log.level", from.log_level, to.log_level);
}

void diff_port(Differ& out, const PortConfig& from, const PortConfig& to) {
  constexpr Takes kTakes = Takes::kRestart;
  const std::string where = "ports." + to.name;
  out.value(kTakes, where + ".device", from.device, to.device);
  out.value(kTakes, where + ".mtu_bytes", from.mtu_bytes, to.mtu_bytes);
  out.value(kTakes, where + ".mac", from.mac, to.mac, "the device's own");
  out.value(kTakes, where + ".promiscuous", from.promiscuous, to.promiscuous);
  out.value(kTakes, where + ".rx_queues", from.rx_queues, to.rx_queues, "auto");
  out.value(kTakes, where + ".tx_queues", from.tx_queues, to.tx_queues, "auto");
  out.value(kTakes, where + ".rx_ring", from.rx_ring, to.rx_ring);
  out.value(kTakes, where + ".tx_ring", from.tx_ring, to.tx_ring);
  out.value(kTakes, where + ".offload", from.offload, to.offload);
  diff_addresses(out, where, from.addresses, to.addresses);
  diff_advertisements(out, where, from.router_advertisements, to.router_advertisements);
}

void diff_ports(Differ& out, const std::vector<PortConfig>& from,
                const std::vector<PortConfig>& to) {
  bool same_set = from.size() == to.size();
  const bool reordered = Differ::lists(
      from, to, [](const PortConfig& port) { return port.name; },
      [&](const PortConfig& gone) {
        same_set = false;
        out.change(Takes::kRestart, "ports." + gone.name + ": removed");
      },
      [&](const PortConfig& fresh) {
        same_set = false;
        out.change(Takes::kRestart, "ports." + fresh.name + ": added");
      },
      [&](const PortConfig& old, const PortConfig& fresh) { diff_port(out, old, fresh); });
  if (!same_set || !reordered) return;
  // A port's place in the file is its PortId.
  for (size_t i = 0; i < to.size(); ++i) {
    if (from[i].name == to[i].name) continue;
    out.change(Takes::kRestart, "ports: order changed, from " + from[i].name + " to " + to[i].name +
                                    " in place " + std::to_string(i + 1));
    return;
  }
}

void diff_routes(Differ& out, const std::vector<RouteConfig>& from,
                 const std::vector<RouteConfig>& to) {
  const auto words = [](const RouteConfig& route) {
    return to_string(route.to) + " via " + to_string(route.via);
  };
  const bool reordered = Differ::lists(
      from, to, [](const RouteConfig& route) { return to_string(route.to); },
      [&](const RouteConfig& gone) {
        out.change(Takes::kReload, "routes: " + words(gone) + " removed");
      },
      [&](const RouteConfig& fresh) {
        out.change(Takes::kReload, "routes: " + words(fresh) + " added");
      },
      [&](const RouteConfig& old, const RouteConfig& fresh) {
        out.value(Takes::kReload, "routes: " + to_string(fresh.to) + " via", old.via, fresh.via);
      });
  if (reordered) out.change(Takes::kReload, "routes: order changed");
}

void diff_tunnel(Differ& out, const TunnelKindInfo& kind, const TunnelConfig& from,
                 const TunnelConfig& to) {
  const std::string where = "tunnels." + std::string(kind.name) + '.';
  out.value(Takes::kReload, where + port_key(kind), from.port, to.port);
  out.value(Takes::kReload, where + "ttl", from.ttl, to.ttl);
  out.value(Takes::kReload, where + "dscp", from.dscp, to.dscp);
  out.value(Takes::kReload, where + "zero_checksum6", from.zero_checksum6, to.zero_checksum6);
  out.value(Takes::kReload, where + "reassembly_mb", from.reassembly_mb, to.reassembly_mb);
  out.value(Takes::kReload, where + "reassembly_peer_mb", from.reassembly_peer_mb,
            to.reassembly_peer_mb);
  out.value(Takes::kReload, where + "reassembly_timeout_ms", from.reassembly_timeout_ms,
            to.reassembly_timeout_ms);
}

}  // namespace

void diff_neighbours(Differ& out, const std::string& where,
                     const std::vector<NeighbourConfig>& from,
                     const std::vector<NeighbourConfig>& to) {
  const auto words = [](const NeighbourConfig& neighbour) {
    return to_string(neighbour.address) + " mac " + to_string(neighbour.mac);
  };
  const bool reordered = Differ::lists(
      from, to, [](const NeighbourConfig& neighbour) { return to_string(neighbour.address); },
      [&](const NeighbourConfig& gone) {
        out.change(Takes::kReload, where + ": " + words(gone) + " removed");
      },
      [&](const NeighbourConfig& fresh) {
        out.change(Takes::kReload, where + ": " + words(fresh) + " added");
      },
      [&](const NeighbourConfig& old, const NeighbourConfig& fresh) {
        out.value(Takes::kReload, where + ": " + to_string(fresh.address) + " mac", old.mac,
                  fresh.mac);
      });
  if (reordered) out.change(Takes::kReload, where + ": order changed");
}

void diff_addresses(Differ& out, const std::string& where, const std::vector<IpPrefix>& from,
                    const std::vector<IpPrefix>& to) {
  const auto words = [](const IpPrefix& prefix) { return "address " + to_string(prefix); };
  const bool reordered = Differ::lists(
      from, to, words,
      [&](const IpPrefix& gone) {
        out.change(Takes::kReload, where + ": " + words(gone) + " removed");
      },
      [&](const IpPrefix& fresh) {
        out.change(Takes::kReload, where + ": " + words(fresh) + " added");
      },
      [](const IpPrefix&, const IpPrefix&) {});
  // The first address that fits is the source of what we send: their order matters.
  if (reordered) out.change(Takes::kReload, where + ".addresses: order changed");
}

void diff_advertisements(Differ& out, const std::string& where,
                         const std::optional<RouterAdvertisements>& from,
                         const std::optional<RouterAdvertisements>& to) {
  constexpr Takes kTakes = Takes::kReload;
  const std::string key = where + ".router_advertisements";
  if (from.has_value() != to.has_value()) return out.change(kTakes, key + (to ? ": on" : ": off"));
  if (from == to) return;
  out.value(kTakes, key + ".interval_s", from->interval_s, to->interval_s);
  out.value(kTakes, key + ".lifetime_s", from->lifetime_s, to->lifetime_s, "three intervals");
  out.value(kTakes, key + ".autonomous", from->autonomous, to->autonomous);
  out.value(kTakes, key + ".mtu", from->mtu, to->mtu);
  out.presence(key, from->rdnss, to->rdnss, "DNS servers",
               [](const IpAddr& server) { return "DNS server " + to_string(server); });
}

void diff_tunnel_options(Differ& out, const std::string& where, const TunnelOptions& from,
                         const TunnelOptions& to) {
  constexpr const char* kAbsent = "the default";
  out.value(Takes::kReload, where + "tunnel.ttl", from.ttl, to.ttl, kAbsent);
  out.value(Takes::kReload, where + "tunnel.dscp", from.dscp, to.dscp, kAbsent);
  out.value(Takes::kReload, where + "tunnel.ttl_mode", from.ttl_mode, to.ttl_mode, kAbsent);
  out.value(Takes::kReload, where + "tunnel.dscp_mode", from.dscp_mode, to.dscp_mode, kAbsent);
  out.value(Takes::kReload, where + "tunnel.df", from.df, to.df, kAbsent);
}

}  // namespace config_differ

ConfigDiff diff_configs(const Config& from, const Config& to) {
  using namespace config_differ;
  Differ out;
  diff_system(out, from.system, to.system);
  diff_ports(out, from.ports, to.ports);
  diff_routes(out, from.routes, to.routes);
  diff_neighbours(out, "neighbours", from.neighbours, to.neighbours);
  out.value(Takes::kReload, "tunnels.reassemble", from.reassemble, to.reassemble);
  for (size_t i = 0; i < kTunnelKindCount; ++i)
    diff_tunnel(out, kTunnelKinds[i], from.tunnels[i], to.tunnels[i]);
  out.value(Takes::kReload, "fragments.memory_mb", from.fragments.memory_mb,
            to.fragments.memory_mb);
  out.value(Takes::kReload, "fragments.timeout_ms", from.fragments.timeout_ms,
            to.fragments.timeout_ms);
  diff_networks(out, from.networks, to.networks);
  diff_vrfs(out, from.vrfs, to.vrfs);
  diff_balancer(out, from.balancer, to.balancer);
  diff_services(out, from.services, to.services);
  diff_classifier(out, from.classifier, to.classifier);
  ConfigDiff diff = out.take();
  // A difference without a line would be taken for none.
  if (diff.changes.empty() && from != to) diff.changes.push_back(kUnnamedChange);
  return diff;
}

}  // namespace adit

// SPDX-License-Identifier: Apache-2.0
#include "config_diff.h"

#include <concepts>
#include <optional>
#include <string_view>
#include <type_traits>
#include <unordered_map>

#include "config_values.h"

namespace adit {
namespace {

std::string text(PollMode mode) {
  return mode == PollMode::kBusy ? "busy" : "adaptive";
}

std::string text(HugepageMode mode) {
  switch (mode) {
    case HugepageMode::kAuto:
      return "auto";
    case HugepageMode::kYes:
      return "yes";
    case HugepageMode::kNo:
      return "no";
  }
  return {};
}

std::string text(LogTarget target) {
  switch (target) {
    case LogTarget::kStderr:
      return "stderr";
    case LogTarget::kJournald:
      return "journald";
    case LogTarget::kSyslog:
      return "syslog";
  }
  return {};
}

std::string text(LogLevel level) {
  switch (level) {
    case LogLevel::kDebug:
      return "debug";
    case LogLevel::kInfo:
      return "info";
    case LogLevel::kWarn:
      return "warn";
    case LogLevel::kError:
      return "error";
  }
  return {};
}

std::string text(HeaderMode mode) {
  return mode == HeaderMode::kPipe ? "pipe" : "uniform";
}
std::string text(DfPolicy policy) {
  return policy == DfPolicy::kSet ? "set" : policy == DfPolicy::kClear ? "clear" : "inherit";
}
std::string text(TooBig rule) {
  return rule == TooBig::kIcmp ? "icmp" : rule == TooBig::kFragment ? "fragment" : "drop";
}

std::string text(bool value) {
  return value ? "true" : "false";
}
std::string text(const std::string& value) {
  return value;
}
std::string text(const Device& device) {
  return to_string(device);
}
std::string text(const MacAddr& mac) {
  return to_string(mac);
}
std::string text(const IpAddr& address) {
  return to_string(address);
}

template <std::unsigned_integral T>
requires(!std::same_as<T, bool>) std::string text(T value) {
  return std::to_string(value);
}

std::string text(const MemberConfig& member) {
  std::string words = "port " + member.port;
  if (member.vlan) words += " vlan " + std::to_string(*member.vlan);
  return words;
}

// Where a static MAC lies.
std::string place_of(const StaticMacConfig& entry) {
  if (entry.member) return text(*entry.member);
  return "remote " + to_string(entry.remote.value_or(IpAddr{}));
}

enum class Takes { kReload, kRestart };

class Differ {
 public:
  ConfigDiff take() { return std::move(diff_); }

  void change(Takes takes, std::string line) {
    if (takes == Takes::kRestart) diff_.needs_restart.push_back(line);
    diff_.changes.push_back(std::move(line));
  }

  template <class T>
  void value(Takes takes, const std::string& key, const T& from, const T& to) {
    if (from != to) change(takes, key + ": " + text(from) + " -> " + text(to));
  }

  // A key that may be left out, which then means `absent`.
  template <class T>
  void value(Takes takes, const std::string& key, const std::optional<T>& from,
             const std::optional<T>& to, std::string_view absent) {
    if (from == to) return;
    const auto words = [&](const std::optional<T>& v) {
      return v ? text(*v) : std::string(absent);
    };
    change(takes, key + ": " + words(from) + " -> " + words(to));
  }

  // Two lists whose entries are known by `key`, in linear time. Calls removed(entry) in the
  // order of `from`, then added(entry) or both(old, new) in the order of `to`.
  template <class Entry, class Key, class Removed, class Added, class Both>
  static void lists(const std::vector<Entry>& from, const std::vector<Entry>& to, Key key,
                    Removed removed, Added added, Both both) {
    std::unordered_map<std::string, const Entry*> old;
    std::unordered_map<std::string, const Entry*> kept;
    for (const Entry& entry : to) kept.emplace(key(entry), &entry);
    for (const Entry& entry : from) {
      const std::string name = key(entry);
      if (!kept.contains(name)) removed(entry);
      old.emplace(name, &entry);
    }
    for (const Entry& entry : to) {
      const auto found = old.find(key(entry));
      if (found == old.end())
        added(entry);
      else
        both(*found->second, entry);
    }
  }

  // Lists whose entries are there or not: "<where>: <words> added".
  template <class Entry, class Words>
  void presence(const std::string& where, const std::vector<Entry>& from,
                const std::vector<Entry>& to, Words words) {
    lists(
        from, to, words,
        [&](const Entry& entry) {
          change(Takes::kReload, where + ": " + words(entry) + " removed");
        },
        [&](const Entry& entry) { change(Takes::kReload, where + ": " + words(entry) + " added"); },
        [](const Entry&, const Entry&) {});
  }

 private:
  ConfigDiff diff_;
};

void diff_system(Differ& out, const SystemConfig& from, const SystemConfig& to) {
  constexpr Takes kTakes = Takes::kRestart;
  out.value(kTakes, "system.workers", from.workers, to.workers, "auto");
  out.value(kTakes, "system.poll", from.poll, to.poll);
  out.value(kTakes, "system.hugepages", from.hugepages, to.hugepages);
  out.value(kTakes, "system.memory_mb", from.memory_mb, to.memory_mb, "auto");
  out.value(kTakes, "system.mbufs", from.mbufs, to.mbufs, "auto");
  out.value(kTakes, "system.fdb_capacity", from.fdb_capacity, to.fdb_capacity);
  out.value(kTakes, "system.socket", from.socket, to.socket);
  out.value(kTakes, "system.log.target", from.log_target, to.log_target);
  out.value(kTakes, "system.log.level", from.log_level, to.log_level);
}

void diff_addresses(Differ& out, const std::string& where, const std::vector<IpPrefix>& from,
                    const std::vector<IpPrefix>& to) {
  if (from == to) return;
  size_t before = 0, after = 0;
  const auto words = [](const IpPrefix& prefix) { return "address " + to_string(prefix); };
  Differ::lists(
      from, to, words,
      [&](const IpPrefix& gone) {
        ++before;
        out.change(Takes::kReload, where + ": " + words(gone) + " removed");
      },
      [&](const IpPrefix& fresh) {
        ++after;
        out.change(Takes::kReload, where + ": " + words(fresh) + " added");
      },
      [](const IpPrefix&, const IpPrefix&) {});
  // The first address that fits is the source of what we send: their order matters.
  if (before + after == 0) out.change(Takes::kReload, where + ".addresses: order changed");
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
  diff_addresses(out, where, from.addresses, to.addresses);
}

void diff_ports(Differ& out, const std::vector<PortConfig>& from,
                const std::vector<PortConfig>& to) {
  bool same_set = from.size() == to.size();
  Differ::lists(
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
  if (!same_set) return;
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
  Differ::lists(
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
}

void diff_neighbours(Differ& out, const std::vector<NeighbourConfig>& from,
                     const std::vector<NeighbourConfig>& to) {
  const auto words = [](const NeighbourConfig& neighbour) {
    return to_string(neighbour.address) + " mac " + to_string(neighbour.mac);
  };
  Differ::lists(
      from, to, [](const NeighbourConfig& neighbour) { return to_string(neighbour.address); },
      [&](const NeighbourConfig& gone) {
        out.change(Takes::kReload, "neighbours: " + words(gone) + " removed");
      },
      [&](const NeighbourConfig& fresh) {
        out.change(Takes::kReload, "neighbours: " + words(fresh) + " added");
      },
      [&](const NeighbourConfig& old, const NeighbourConfig& fresh) {
        out.value(Takes::kReload, "neighbours: " + to_string(fresh.address) + " mac", old.mac,
                  fresh.mac);
      });
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

void diff_tunnel_options(Differ& out, const std::string& where, const TunnelOptions& from,
                         const TunnelOptions& to) {
  constexpr const char* kAbsent = "the default";
  out.value(Takes::kReload, where + "tunnel.ttl", from.ttl, to.ttl, kAbsent);
  out.value(Takes::kReload, where + "tunnel.dscp", from.dscp, to.dscp, kAbsent);
  out.value(Takes::kReload, where + "tunnel.ttl_mode", from.ttl_mode, to.ttl_mode, kAbsent);
  out.value(Takes::kReload, where + "tunnel.dscp_mode", from.dscp_mode, to.dscp_mode, kAbsent);
  out.value(Takes::kReload, where + "tunnel.df", from.df, to.df, kAbsent);
}

void diff_remotes(Differ& out, const std::string& where, const std::vector<RemoteConfig>& from,
                  const std::vector<RemoteConfig>& to) {
  const auto name = [&](const RemoteConfig& remote) {
    return where + ": remote " + to_string(remote.address);
  };
  const auto words = [&](const RemoteConfig& remote) {
    return name(remote) + " (" + std::string(info_of(remote.kind).name) + ')';
  };
  Differ::lists(
      from, to, [](const RemoteConfig& remote) { return to_string(remote.address); },
      [&](const RemoteConfig& gone) { out.change(Takes::kReload, words(gone) + " removed"); },
      [&](const RemoteConfig& fresh) { out.change(Takes::kReload, words(fresh) + " added"); },
      [&](const RemoteConfig& old, const RemoteConfig& fresh) {
        const std::string key = name(fresh) + ' ';
        out.value(Takes::kReload, key + "kind", std::string(info_of(old.kind).name),
                  std::string(info_of(fresh.kind).name));
        out.value(Takes::kReload, key + "id", old.id, fresh.id, "the default");
        out.value(Takes::kReload, key + "checksum", old.checksum, fresh.checksum);
        out.value(Takes::kReload, key + "sequence", old.sequence, fresh.sequence);
        out.value(Takes::kReload, key + "split_horizon", old.split_horizon, fresh.split_horizon,
                  "auto");
        diff_tunnel_options(out, key, old.tunnel, fresh.tunnel);
      });
}

void diff_static_macs(Differ& out, const std::string& where,
                      const std::vector<StaticMacConfig>& from,
                      const std::vector<StaticMacConfig>& to) {
  const auto name = [](const StaticMacConfig& entry) {
    return "static MAC " + to_string(entry.mac);
  };
  Differ::lists(
      from, to, name,
      [&](const StaticMacConfig& gone) {
        out.change(Takes::kReload,
                   where + ": " + name(gone) + " at " + place_of(gone) + " removed");
      },
      [&](const StaticMacConfig& fresh) {
        out.change(Takes::kReload,
                   where + ": " + name(fresh) + " at " + place_of(fresh) + " added");
      },
      [&](const StaticMacConfig& old, const StaticMacConfig& fresh) {
        out.value(Takes::kReload, where + ": " + name(fresh), place_of(old), place_of(fresh));
      });
}

void diff_network(Differ& out, const NetworkConfig& from, const NetworkConfig& to) {
  if (from == to) return;
  constexpr Takes kTakes = Takes::kReload;
  const std::string where = "networks." + to.name;
  out.value(kTakes, where + ".vni", from.vni, to.vni);
  out.value(kTakes, where + ".learning", from.learning, to.learning);
  out.value(kTakes, where + ".carry_vlans", from.carry_vlans, to.carry_vlans);
  out.value(kTakes, where + ".mac_aging_s", from.mac_aging_s, to.mac_aging_s);
  out.value(kTakes, where + ".mac_limit", from.mac_limit, to.mac_limit);
  const std::string limits = where + ".flood_limits.";
  out.value(kTakes, limits + "broadcast_pps", from.broadcast_pps, to.broadcast_pps, "no limit");
  out.value(kTakes, limits + "multicast_pps", from.multicast_pps, to.multicast_pps, "no limit");
  out.value(kTakes, limits + "unknown_unicast_pps", from.unknown_unicast_pps,
            to.unknown_unicast_pps, "no limit");
  out.presence(where, from.members, to.members,
               [](const MemberConfig& member) { return "member " + text(member); });
  diff_tunnel_options(out, where + '.', from.tunnel, to.tunnel);
  out.value(kTakes, where + ".too_big", from.too_big, to.too_big);
  out.value(kTakes, where + ".mss_clamp", from.mss_clamp, to.mss_clamp);
  out.value(kTakes, where + ".learn_remotes", from.learn_remotes, to.learn_remotes);
  out.value(kTakes, where + ".learn_kind", std::string(info_of(from.learn_kind).name),
            std::string(info_of(to.learn_kind).name));
  out.value(kTakes, where + ".learn_limit", from.learn_limit, to.learn_limit);
  diff_remotes(out, where, from.remotes, to.remotes);
  diff_static_macs(out, where, from.static_macs, to.static_macs);
}

void diff_networks(Differ& out, const std::vector<NetworkConfig>& from,
                   const std::vector<NetworkConfig>& to) {
  const auto line = [](const NetworkConfig& network, const char* what) {
    return "networks." + network.name + ": " + what + " (vni " + std::to_string(network.vni) + ')';
  };
  Differ::lists(
      from, to, [](const NetworkConfig& network) { return network.name; },
      [&](const NetworkConfig& gone) { out.change(Takes::kReload, line(gone, "removed")); },
      [&](const NetworkConfig& fresh) { out.change(Takes::kReload, line(fresh, "added")); },
      [&](const NetworkConfig& old, const NetworkConfig& fresh) { diff_network(out, old, fresh); });
}

}  // namespace

ConfigDiff diff_configs(const Config& from, const Config& to) {
  Differ out;
  diff_system(out, from.system, to.system);
  diff_ports(out, from.ports, to.ports);
  diff_routes(out, from.routes, to.routes);
  diff_neighbours(out, from.neighbours, to.neighbours);
  out.value(Takes::kReload, "tunnels.reassemble", from.reassemble, to.reassemble);
  for (size_t i = 0; i < kTunnelKindCount; ++i)
    diff_tunnel(out, kTunnelKinds[i], from.tunnels[i], to.tunnels[i]);
  diff_networks(out, from.networks, to.networks);
  return out.take();
}

}  // namespace adit

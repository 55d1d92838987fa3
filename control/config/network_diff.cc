// SPDX-License-Identifier: Apache-2.0
#include "config/differ.h"

namespace adit::config_differ {
namespace {

// Where a static MAC lies.
std::string place_of(const StaticMacConfig& entry) {
  if (entry.member) return text(*entry.member);
  return "remote " + to_string(entry.remote.value_or(IpAddr{}));
}

void diff_remotes(Differ& out, const std::string& where, const std::vector<RemoteConfig>& from,
                  const std::vector<RemoteConfig>& to) {
  const auto name = [&](const RemoteConfig& remote) {
    return where + ": remote " + to_string(remote.address);
  };
  const auto words = [&](const RemoteConfig& remote) {
    return name(remote) + " (" + std::string(info_of(remote.kind).name) + ')';
  };
  const bool reordered = Differ::lists(
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
  if (reordered) out.change(Takes::kReload, where + ": order of remotes changed");
}

void diff_static_macs(Differ& out, const std::string& where,
                      const std::vector<StaticMacConfig>& from,
                      const std::vector<StaticMacConfig>& to) {
  const auto name = [](const StaticMacConfig& entry) {
    return "static MAC " + to_string(entry.mac);
  };
  const bool reordered = Differ::lists(
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
  if (reordered) out.change(Takes::kReload, where + ": order of static MACs changed");
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
  out.presence(where, from.members, to.members, "members",
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

}  // namespace

void diff_networks(Differ& out, const std::vector<NetworkConfig>& from,
                   const std::vector<NetworkConfig>& to) {
  const auto line = [](const NetworkConfig& network, const char* what) {
    return "networks." + network.name + ": " + what + " (vni " + std::to_string(network.vni) + ')';
  };
  const bool reordered = Differ::lists(
      from, to, [](const NetworkConfig& network) { return network.name; },
      [&](const NetworkConfig& gone) { out.change(Takes::kReload, line(gone, "removed")); },
      [&](const NetworkConfig& fresh) { out.change(Takes::kReload, line(fresh, "added")); },
      [&](const NetworkConfig& old, const NetworkConfig& fresh) { diff_network(out, old, fresh); });
  if (reordered) out.change(Takes::kReload, "networks: order changed");
}

}  // namespace adit::config_differ

// SPDX-License-Identifier: Apache-2.0
#include "config/differ.h"

namespace adit::config_differ {
namespace {

void diff_vrf_tunnel(Differ& out, const std::string& where, const VrfTunnelConfig& from,
                     const VrfTunnelConfig& to) {
  out.value(Takes::kReload, where + "address", from.address, to.address);
  out.value(Takes::kReload, where + "kind", std::string(info_of(from.kind).name),
            std::string(info_of(to.kind).name));
  out.value(Takes::kReload, where + "id", from.id, to.id, "none");
  out.value(Takes::kReload, where + "checksum", from.checksum, to.checksum);
  out.value(Takes::kReload, where + "sequence", from.sequence, to.sequence);
  diff_addresses(out, where.substr(0, where.size() - 1), from.addresses, to.addresses);
  diff_tunnel_options(out, where, from.tunnel, to.tunnel);
}

void diff_gateways(Differ& out, const std::string& where, const std::vector<GatewayConfig>& from,
                   const std::vector<GatewayConfig>& to) {
  const auto gateway = [&](const GatewayConfig& entry, const char* what) {
    out.change(Takes::kReload, where + ": gateway of network " + entry.name + ' ' + what);
  };
  const bool reordered = Differ::lists(
      from, to, [](const GatewayConfig& entry) { return entry.name; },
      [&](const GatewayConfig& gone) { gateway(gone, "removed"); },
      [&](const GatewayConfig& fresh) { gateway(fresh, "added"); },
      [&](const GatewayConfig& old, const GatewayConfig& fresh) {
        const std::string entry = where + ".networks." + fresh.name;
        diff_addresses(out, entry, old.addresses, fresh.addresses);
        out.value(Takes::kReload, entry + ".mac", old.mac, fresh.mac, "the default");
        out.value(Takes::kReload, entry + ".mtu_bytes", old.mtu_bytes, fresh.mtu_bytes,
                  "what fits");
        diff_advertisements(out, entry, old.router_advertisements, fresh.router_advertisements);
      });
  if (reordered) out.change(Takes::kReload, where + ": order of gateways changed");
}

void diff_vlans(Differ& out, const std::string& where, const std::vector<VlanConfig>& from,
                const std::vector<VlanConfig>& to) {
  const auto name = [](const VlanConfig& entry) {
    return "port " + entry.port + " vlan " + std::to_string(entry.vlan);
  };
  const auto vlan = [&](const VlanConfig& entry, const char* what) {
    out.change(Takes::kReload, where + ": " + name(entry) + ' ' + what);
  };
  const bool reordered = Differ::lists(
      from, to, name, [&](const VlanConfig& gone) { vlan(gone, "removed"); },
      [&](const VlanConfig& fresh) { vlan(fresh, "added"); },
      [&](const VlanConfig& old, const VlanConfig& fresh) {
        const std::string entry = where + ": " + name(fresh);
        diff_addresses(out, entry, old.addresses, fresh.addresses);
        out.value(Takes::kReload, entry + " mtu_bytes", old.mtu_bytes, fresh.mtu_bytes,
                  "the port's");
        diff_advertisements(out, entry, old.router_advertisements, fresh.router_advertisements);
      });
  if (reordered) out.change(Takes::kReload, where + ": order of VLANs changed");
}

std::string way_of(const VrfRouteConfig& route) {
  return route.tunnel ? "tunnel " + *route.tunnel : "via " + to_string(*route.via);
}

void diff_vrf(Differ& out, const VrfConfig& from, const VrfConfig& to) {
  if (from == to) return;
  const std::string where = "vrfs." + to.name;
  out.presence(where, from.ports, to.ports, "ports",
               [](const std::string& port) { return "port " + port; });
  diff_gateways(out, where, from.networks, to.networks);
  diff_vlans(out, where, from.vlans, to.vlans);
  const auto tunnel = [&](const VrfTunnelConfig& entry, const char* what) {
    out.change(Takes::kReload, where + ": tunnel " + entry.name + ' ' + what + " (" +
                                   std::string(info_of(entry.kind).name) + ' ' +
                                   to_string(entry.address) + ')');
  };
  const bool tunnels_reordered = Differ::lists(
      from.tunnels, to.tunnels, [](const VrfTunnelConfig& entry) { return entry.name; },
      [&](const VrfTunnelConfig& gone) { tunnel(gone, "removed"); },
      [&](const VrfTunnelConfig& fresh) { tunnel(fresh, "added"); },
      [&](const VrfTunnelConfig& old, const VrfTunnelConfig& fresh) {
        diff_vrf_tunnel(out, where + ".tunnels." + fresh.name + '.', old, fresh);
      });
  if (tunnels_reordered) out.change(Takes::kReload, where + ": order of tunnels changed");
  out.value(Takes::kReload, where + ".mss_clamp", from.mss_clamp, to.mss_clamp);
  out.value(Takes::kReload, where + ".connections", from.connections, to.connections);
  diff_neighbours(out, where + ".neighbours", from.neighbours, to.neighbours);
  const auto route = [&](const VrfRouteConfig& entry, const char* what) {
    out.change(Takes::kReload,
               where + ": route " + to_string(entry.to) + ' ' + way_of(entry) + ' ' + what);
  };
  const bool routes_reordered = Differ::lists(
      from.routes, to.routes, [](const VrfRouteConfig& entry) { return to_string(entry.to); },
      [&](const VrfRouteConfig& gone) { route(gone, "removed"); },
      [&](const VrfRouteConfig& fresh) { route(fresh, "added"); },
      [&](const VrfRouteConfig& old, const VrfRouteConfig& fresh) {
        out.value(Takes::kReload, where + ": route " + to_string(fresh.to), way_of(old),
                  way_of(fresh));
      });
  if (routes_reordered) out.change(Takes::kReload, where + ": order of routes changed");
}

}  // namespace

void diff_vrfs(Differ& out, const std::vector<VrfConfig>& from, const std::vector<VrfConfig>& to) {
  const bool reordered = Differ::lists(
      from, to, [](const VrfConfig& vrf) { return vrf.name; },
      [&](const VrfConfig& gone) { out.change(Takes::kReload, "vrfs." + gone.name + ": removed"); },
      [&](const VrfConfig& fresh) { out.change(Takes::kReload, "vrfs." + fresh.name + ": added"); },
      [&](const VrfConfig& old, const VrfConfig& fresh) { diff_vrf(out, old, fresh); });
  if (reordered) out.change(Takes::kReload, "vrfs: order changed");
}

}  // namespace adit::config_differ

// SPDX-License-Identifier: Apache-2.0
// The configuration between the two halves of reading it: values are right by themselves and
// have their places in the file; whether they fit together is not known yet.
#pragma once

#include <array>
#include <optional>
#include <string>
#include <vector>

#include "config.h"
#include "config_walker.h"

namespace adit {

struct PortDraft : PortConfig {
  Places places;
  std::vector<Placed<IpPrefix>> address_drafts;
};

struct RouteDraft : RouteConfig {
  Places places;
};

struct NeighbourDraft : NeighbourConfig {
  Places places;
};

struct MemberDraft : MemberConfig {
  Places places;
};

struct RemoteDraft : RemoteConfig {
  Places places;
};

struct StaticMacDraft {
  MacAddr mac;
  std::optional<std::string> port;
  std::optional<uint16_t> vlan;
  std::optional<IpAddr> remote;
  Places places;
};

struct NetworkDraft : NetworkConfig {
  Places places;
  std::vector<MemberDraft> member_drafts;
  std::vector<RemoteDraft> remote_drafts;
  std::vector<StaticMacDraft> static_mac_drafts;
};

struct VrfTunnelDraft : VrfTunnelConfig {
  Places places;
  std::vector<Placed<IpPrefix>> address_drafts;
};

struct VrfRouteDraft : VrfRouteConfig {
  Places places;
};

struct GatewayDraft : GatewayConfig {
  Places places;
  std::vector<Placed<IpPrefix>> address_drafts;
};

// `ports` of the base is filled as soon as the names are read: all checks go by it.
struct VrfDraft : VrfConfig {
  Places places;
  std::vector<Placed<std::string>> port_drafts;
  std::vector<GatewayDraft> gateway_drafts;
  std::vector<VrfTunnelDraft> tunnel_drafts;
  std::vector<VrfRouteDraft> route_drafts;
  std::vector<NeighbourDraft> neighbour_drafts;
};

struct TunnelDraft : TunnelConfig {
  Places places;
};

inline std::array<TunnelDraft, kTunnelKindCount> default_tunnel_drafts() {
  std::array<TunnelDraft, kTunnelKindCount> drafts;
  const TunnelConfigs tunnels = default_tunnels();
  for (size_t i = 0; i < drafts.size(); ++i) static_cast<TunnelConfig&>(drafts[i]) = tunnels[i];
  return drafts;
}

struct ConfigDraft {
  Places places;
  SystemConfig system;
  std::array<TunnelDraft, kTunnelKindCount> tunnels = default_tunnel_drafts();
  bool reassemble = false;
  std::vector<PortDraft> ports;
  std::vector<RouteDraft> routes;
  std::vector<NeighbourDraft> neighbours;
  std::vector<NetworkDraft> networks;
  std::vector<VrfDraft> vrfs;
};

// The draft as a Config; only for one without mistakes.
Config finished(ConfigDraft draft);

}  // namespace adit

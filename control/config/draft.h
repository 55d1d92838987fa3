// SPDX-License-Identifier: Apache-2.0
// The configuration between the two halves of reading it: values are right by themselves and
// have their places in the file; whether they fit together is not known yet. `Finished` is what
// becomes of a draft: what is compared and written by the same table of keys.
#pragma once

#include <array>
#include <optional>
#include <string>
#include <vector>

#include "config/config.h"
#include "config/yaml/walker.h"

namespace adit {

struct RouterAdvertisementsDraft : RouterAdvertisements {
  using Finished = RouterAdvertisements;
  Places places;
  std::vector<Placed<IpAddr>> rdnss_drafts;
};

struct BondDraft : BondConfig {
  using Finished = BondConfig;
  Places places;
  std::vector<Placed<Device>> member_drafts;
};

struct PortDraft : PortConfig {
  using Finished = PortConfig;
  Places places;
  std::vector<Placed<IpPrefix>> address_drafts;
  RouterAdvertisementsDraft advertisement_draft;
  BondDraft bond_draft;
};

struct RouteDraft : RouteConfig {
  using Finished = RouteConfig;
  Places places;
};

struct KernelNeighboursDraft : KernelNeighboursConfig {
  using Finished = KernelNeighboursConfig;
  Places places;
  std::vector<Placed<std::string>> interface_drafts;
};

struct NeighbourDraft : NeighbourConfig {
  using Finished = NeighbourConfig;
  Places places;
};

struct MemberDraft : MemberConfig {
  using Finished = MemberConfig;
  Places places;
};

struct RemoteDraft : RemoteConfig {
  using Finished = RemoteConfig;
  Places places;
};

struct StaticMacDraft : StaticMacConfig {
  using Finished = StaticMacConfig;
  Places places;
};

struct NetworkDraft : NetworkConfig {
  using Finished = NetworkConfig;
  Places places;
  std::vector<MemberDraft> member_drafts;
  std::vector<RemoteDraft> remote_drafts;
  std::vector<StaticMacDraft> static_mac_drafts;
  KernelFdbConfig kernel_fdb_draft;
};

struct VrfTunnelDraft : VrfTunnelConfig {
  using Finished = VrfTunnelConfig;
  Places places;
  std::vector<Placed<IpPrefix>> address_drafts;
};

struct VrfRouteDraft : VrfRouteConfig {
  using Finished = VrfRouteConfig;
  Places places;
};

struct GatewayDraft : GatewayConfig {
  using Finished = GatewayConfig;
  Places places;
  std::vector<Placed<IpPrefix>> address_drafts;
  RouterAdvertisementsDraft advertisement_draft;
};

struct VlanDraft : VlanConfig {
  using Finished = VlanConfig;
  Places places;
  std::vector<Placed<IpPrefix>> address_drafts;
  RouterAdvertisementsDraft advertisement_draft;
};

struct HostDraft : HostConfig {
  using Finished = HostConfig;
  Places places;
};

// `ports` of the base is filled as soon as the names are read: all checks go by it.
struct VrfDraft : VrfConfig {
  using Finished = VrfConfig;
  Places places;
  std::vector<Placed<std::string>> port_drafts;
  std::vector<GatewayDraft> gateway_drafts;
  std::vector<VlanDraft> vlan_drafts;
  std::vector<VrfTunnelDraft> tunnel_drafts;
  std::vector<VrfRouteDraft> route_drafts;
  KernelRoutesConfig kernel_routes_draft;
  KernelNeighboursDraft kernel_neighbours_draft;
  HostDraft host_draft;
  std::vector<NeighbourDraft> neighbour_drafts;
};

struct BackendDraft : BackendConfig {
  using Finished = BackendConfig;
  Places places;
};

struct HttpDraft : HttpCheck {
  using Finished = HttpCheck;
  Places places;
  std::vector<Placed<StatusRange>> status_drafts;
};

struct DampingDraft : Damping {
  using Finished = Damping;
  Places places;
};

// What is asked and what is made of it, in one map. `damping` and `http` of the bases are not
// those of here before finished().
struct HealthDraft : CheckQuestion, HealthRules {
  std::optional<CheckKind> wanted = CheckKind::kTcp;  // none: kind none
  std::optional<CheckWay> wanted_way;
  unsigned interval_ms = HealthOptions{}.interval_ms;
  unsigned timeout_ms = HealthOptions{}.timeout_ms;
  DampingDraft damping;
  HttpDraft http;
  std::vector<Placed<std::string>> command_drafts;
  std::string user = CommandCheck{}.user;
  Places places;
};

// None: kind none.
std::optional<HealthOptions> finished(HealthDraft draft);
// The keys that it would be read from.
std::optional<HealthDraft> draft_of(const std::optional<HealthOptions>& options);

struct SchedulerOptionsDraft : SchedulerOptions {
  using Finished = SchedulerOptions;
  Places places;
};

// `scheduler_options` of the base is filled as soon as the service is read.
struct ServiceDraft : ServiceConfig {
  using Finished = ServiceConfig;
  Places places;
  SchedulerOptionsDraft option_drafts;
  std::vector<Placed<IpAddr>> local_address_drafts;
  std::vector<BackendDraft> backend_drafts;
  HealthDraft health_draft;
  BackendDraft sorry_draft;
  PersistenceConfig persistence_draft;
};

struct FwmarkRuleDraft : FwmarkRuleConfig {
  using Finished = FwmarkRuleConfig;
  Places places;
  std::vector<Placed<IpPrefix>> destination_drafts;
};

struct TunnelDraft : TunnelConfig {
  using Finished = TunnelConfig;
  Places places;
};

// Of the keys that only this kind has.
TunnelDraftValues own_values(const TunnelDraft& draft, size_t kind);

inline std::array<TunnelDraft, kTunnelKindCount> default_tunnel_drafts() {
  std::array<TunnelDraft, kTunnelKindCount> drafts;
  const TunnelConfigs tunnels = default_tunnels();
  for (size_t i = 0; i < drafts.size(); ++i) static_cast<TunnelConfig&>(drafts[i]) = tunnels[i];
  return drafts;
}

struct ConfigDraft {
  using Finished = Config;
  Places places;
  SystemConfig system;
  std::array<TunnelDraft, kTunnelKindCount> tunnels = default_tunnel_drafts();
  bool reassemble = false;
  FragmentsConfig fragments;
  std::vector<PortDraft> ports;
  std::vector<RouteDraft> routes;
  std::vector<NeighbourDraft> neighbours;
  KernelNeighboursDraft kernel_neighbours_draft;
  HostDraft host_draft;
  std::vector<NetworkDraft> networks;
  std::vector<VrfDraft> vrfs;
  BalancerConfig balancer;
  std::vector<ServiceDraft> services;
  std::vector<FwmarkRuleDraft> classifier;
};

// The draft as a Config; only for one without mistakes.
Config finished(ConfigDraft draft);

}  // namespace adit

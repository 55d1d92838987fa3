// SPDX-License-Identifier: Apache-2.0
#include "config/draft.h"

#include <utility>

namespace adit {
namespace {

NetworkConfig finished(NetworkDraft&& draft) {
  NetworkConfig network = std::move(static_cast<NetworkConfig&>(draft));
  for (MemberDraft& member : draft.member_drafts)
    network.members.push_back(std::move(static_cast<MemberConfig&>(member)));
  for (const RemoteDraft& remote : draft.remote_drafts) network.remotes.push_back(remote);
  for (StaticMacDraft& entry : draft.static_mac_drafts)
    network.static_macs.push_back(std::move(static_cast<StaticMacConfig&>(entry)));
  if (draft.places.has("kernel_fdb")) network.kernel_fdb = draft.kernel_fdb_draft;
  return network;
}

RouterAdvertisements finished(RouterAdvertisementsDraft draft) {
  RouterAdvertisements made = std::move(static_cast<RouterAdvertisements&>(draft));
  for (const auto& server : draft.rdnss_drafts) made.rdnss.push_back(server.value);
  return made;
}

BondConfig finished(BondDraft draft) {
  BondConfig bond = std::move(static_cast<BondConfig&>(draft));
  for (auto& member : draft.member_drafts) bond.members.push_back(std::move(member.value));
  return bond;
}

// A port, a VLAN, a gateway or a tunnel: what it is, and its addresses.
template <class Owner, class Draft>
Owner with_addresses(Draft draft) {
  Owner owner = std::move(static_cast<Owner&>(draft));
  for (const auto& address : draft.address_drafts) owner.addresses.push_back(address.value);
  if constexpr (requires { draft.advertisement_draft; })
    if (draft.places.has("router_advertisements"))
      owner.router_advertisements = finished(std::move(draft.advertisement_draft));
  if constexpr (requires { draft.bond_draft; }) {
    if (draft.places.has("bond")) {
      owner.bond = finished(std::move(draft.bond_draft));
      owner.device = {DeviceKind::kBond, ""};
    }
  }
  return owner;
}

VrfConfig finished(VrfDraft draft) {
  VrfConfig vrf = std::move(static_cast<VrfConfig&>(draft));
  for (GatewayDraft& gateway : draft.gateway_drafts)
    vrf.networks.push_back(with_addresses<GatewayConfig>(std::move(gateway)));
  for (VlanDraft& vlan : draft.vlan_drafts)
    vrf.vlans.push_back(with_addresses<VlanConfig>(std::move(vlan)));
  for (VrfTunnelDraft& tunnel : draft.tunnel_drafts)
    vrf.tunnels.push_back(with_addresses<VrfTunnelConfig>(std::move(tunnel)));
  for (VrfRouteDraft& route : draft.route_drafts)
    vrf.routes.push_back(std::move(static_cast<VrfRouteConfig&>(route)));
  if (draft.places.has("kernel_routes")) vrf.kernel_routes = draft.kernel_routes_draft;
  if (draft.places.has("kernel_neighbours"))
    vrf.kernel_neighbours = std::move(draft.kernel_neighbours_draft);
  if (draft.places.has("host")) vrf.host = draft.host_draft;
  for (const NeighbourDraft& neighbour : draft.neighbour_drafts)
    vrf.neighbours.push_back(neighbour);
  return vrf;
}

BackendConfig finished(BackendDraft& draft, const ServiceConfig& service) {
  BackendConfig backend = std::move(static_cast<BackendConfig&>(draft));
  // Named or not, it is the same one.
  if (backend.vrf == service.vrf) backend.vrf.reset();
  return backend;
}

ServiceConfig finished(ServiceDraft&& draft) {
  ServiceConfig service = std::move(static_cast<ServiceConfig&>(draft));
  for (const auto& address : draft.local_address_drafts)
    service.local_addresses.push_back(address.value);
  service.backends.reserve(draft.backend_drafts.size());
  for (BackendDraft& backend : draft.backend_drafts)
    service.backends.push_back(finished(backend, service));
  if (draft.places.has("health")) service.health = finished(std::move(draft.health_draft));
  if (draft.places.has("sorry")) service.sorry = finished(draft.sorry_draft, service);
  if (draft.places.has("persistence")) service.persistence = draft.persistence_draft;
  return service;
}

FwmarkRuleConfig finished(FwmarkRuleDraft draft) {
  FwmarkRuleConfig rule = std::move(static_cast<FwmarkRuleConfig&>(draft));
  for (const auto& destination : draft.destination_drafts)
    rule.destinations.push_back(destination.value);
  return rule;
}

}  // namespace

TunnelDraftValues own_values(const TunnelDraft& draft, size_t kind) {
  TunnelDraftValues own{.values = draft.own};
  uint32_t bit = 1;
  for (const TunnelKey& key : tunnel_keys(kind).keys) {
    if (draft.places.has(key.name)) own.written |= bit;
    if (!draft.places.good(key.name)) own.wrong |= bit;
    bit <<= 1;
  }
  return own;
}

Config finished(ConfigDraft draft) {
  Config config;
  config.system = std::move(draft.system);
  for (size_t i = 0; i < kTunnelKindCount; ++i) config.tunnels[i] = draft.tunnels[i];
  config.reassemble = draft.reassemble;
  config.fragments = draft.fragments;
  for (PortDraft& port : draft.ports)
    config.ports.push_back(with_addresses<PortConfig>(std::move(port)));
  for (size_t i = 0; i < config.ports.size(); ++i) config.ports[i].id = {static_cast<PortId>(i)};
  for (const RouteDraft& route : draft.routes) config.routes.push_back(route);
  for (const NeighbourDraft& neighbour : draft.neighbours) config.neighbours.push_back(neighbour);
  if (draft.places.has("kernel_neighbours"))
    config.kernel_neighbours = std::move(draft.kernel_neighbours_draft);
  if (draft.places.has("host")) config.host = draft.host_draft;
  config.networks.reserve(draft.networks.size());
  for (NetworkDraft& network : draft.networks)
    config.networks.push_back(finished(std::move(network)));
  for (VrfDraft& vrf : draft.vrfs) config.vrfs.push_back(finished(std::move(vrf)));
  config.balancer = draft.balancer;
  config.services.reserve(draft.services.size());
  for (ServiceDraft& service : draft.services)
    config.services.push_back(finished(std::move(service)));
  for (FwmarkRuleDraft& rule : draft.classifier)
    config.classifier.push_back(finished(std::move(rule)));
  return config;
}

}  // namespace adit

// SPDX-License-Identifier: Apache-2.0
#include "config/known_hosts.h"

#include <utility>

namespace adit {

KnownHosts::KnownHosts(const ConfigDraft& draft) : draft_(draft) {
  if (draft.services.empty()) return;
  Hosts& underlay = by_vrf_[kUnderlayName];
  for (const RouteDraft& route : draft.routes)
    add(underlay, route.via, "a router", route.places, "via");
  add(underlay, draft.neighbours);
  for (const NetworkDraft& network : draft.networks)
    for (const RemoteDraft& remote : network.remote_drafts)
      add(underlay, remote.address, "a remote", remote.places);
  for (const VrfDraft& vrf : draft.vrfs) {
    Hosts& hosts = by_vrf_[vrf.name];
    for (const VrfTunnelDraft& tunnel : vrf.tunnel_drafts)
      add(underlay, tunnel.address, "the other end of a tunnel", tunnel.places);
    for (const VrfRouteDraft& route : vrf.route_drafts)
      if (route.via) add(hosts, *route.via, "a router", route.places, "via");
    add(hosts, vrf.neighbour_drafts);
  }
}

void KnownHosts::add_backends() {
  if (std::exchange(has_backends_, true)) return;
  for (const ServiceDraft& service : draft_.services) {
    const auto add_one = [&](const BackendDraft& backend) {
      add(by_vrf_[backend.vrf.value_or(service.vrf)], backend.address, "a backend", backend.places);
    };
    for (const BackendDraft& backend : service.backend_drafts) add_one(backend);
    if (service.places.has("sorry")) add_one(service.sorry_draft);
  }
}

const KnownHosts::Host* KnownHosts::find(const std::string& vrf, const IpAddr& ip) const {
  const auto hosts = by_vrf_.find(vrf);
  if (hosts == by_vrf_.end()) return nullptr;
  const auto host = hosts->second.find(ip);
  return host == hosts->second.end() ? nullptr : &host->second;
}

// Only what could be read.
void KnownHosts::add(Hosts& hosts, const IpAddr& ip, const char* what, const Places& places,
                     const char* key) {
  if (places.good(key)) hosts.emplace(ip, Host{what, places.at(key)});
}

void KnownHosts::add(Hosts& hosts, const std::vector<NeighbourDraft>& neighbours) {
  for (const NeighbourDraft& neighbour : neighbours)
    add(hosts, neighbour.address, "a static neighbour", neighbour.places);
}

}  // namespace adit

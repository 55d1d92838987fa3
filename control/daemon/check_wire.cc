// SPDX-License-Identifier: Apache-2.0
#include "daemon/check_wire.h"

namespace adit {
namespace {

std::optional<IpAddr> own_on_links(const Snapshot& snapshot, VrfId vrf, bool ipv6) {
  std::optional<IpAddr> own;
  const auto look = [&](const Interface& interface) {
    const auto& addresses = ipv6 ? interface.own_ipv6 : interface.own_ipv4;
    for (const Ipv6Key& key : addresses) {
      const IpAddr address = to_address(key, ipv6);
      if (!own && interface.vrf == vrf &&
          snapshot.routes.find(vrf, address.bytes.data(), ipv6).kind == RouteTarget::Kind::kLocal)
        own = address;
    }
  };
  for (const PortEntry& port : snapshot.ports)
    if (vrf != 0 || port.is_underlay) look(port);
  if (vrf == 0) return own;
  for (const GatewayEntry& gateway : snapshot.gateways) look(gateway);
  for (const SubinterfaceEntry& subinterface : snapshot.subinterfaces) look(subinterface);
  return own;
}

}  // namespace

std::optional<CheckFlows::Wire> find_check_wire(const ControlPlane& control, BackendId id) {
  const BackendFacts* facts = control.backends().find(id);
  const Snapshot& snapshot = control.snapshot();
  if (facts == nullptr || !facts->check || id >= snapshot.backend_places.size() ||
      snapshot.backend_places[id] == 0)
    return std::nullopt;
  const ServiceBackend& backend = snapshot.service_backends[snapshot.backend_places[id] - 1];
  const IpAddr& to = facts->check->to;
  const bool ipv6 = !to.is_v4();
  CheckFlows::Wire wire{backend.vrf, {}, to};
  // What speaks for us to the backend; what it answers to comes back to us.
  if (backend.address.family == to.family) {
    const RouteTarget& target =
        snapshot.routes.find(backend.vrf, backend.address.bytes.data(), ipv6);
    if (target.has_source) {
      wire.from = target.source;
      return wire;
    }
  }
  if (const auto own = own_on_links(snapshot, backend.vrf, ipv6)) {
    wire.from = *own;
    return wire;
  }
  const Range locals = snapshot.services[backend.service].locals[ipv6];
  if (backend.forwarding != Forwarding::kFullNat || locals.begin == locals.end) return std::nullopt;
  wire.from = snapshot.local_addresses[locals.begin];
  return wire;
}

}  // namespace adit

// SPDX-License-Identifier: Apache-2.0
// What the control plane does when a port's link goes down or comes up.
#include "config/port_ids.h"
#include "running/control_plane.h"

namespace adit {
namespace {

// The port by which packets for a backend leave; kNoPort: by none that could be told.
PortId port_towards(const Snapshot& snapshot, const ServiceBackend& backend) {
  const bool ipv6 = !backend.address.is_v4();
  const RouteTarget& target = snapshot.routes.find(backend.vrf, backend.address.bytes.data(), ipv6);
  if (target.kind == RouteTarget::Kind::kTunnel) return snapshot.bridge_ports[target.tunnel].port;
  if (target.kind != RouteTarget::Kind::kConnected && target.kind != RouteTarget::Kind::kNextHop)
    return kNoPort;
  if (is_network_link(target.link)) return kNoPort;
  if (is_port_link(target.link)) return static_cast<PortId>(target.link);
  return snapshot.subinterfaces[subinterface_of_link(target.link)].port;
}

}  // namespace

void ControlPlane::look_at_links(uint64_t now_ns, const LinkMonitor::Report& report) {
  if (!links_.is_due(now_ns)) return;
  links_.tick(config(), now_ns, [&](LinkEvent& event) {
    link_changed(event, now_ns);
    report(event);
  });
  bonds_.tick(config(), [&](const BondEvent& event) { bond_changed(event, now_ns); });
}

// The switch finds us by another of its ports from now on, and shall not wait until we send.
void ControlPlane::bond_changed(const BondEvent& event, uint64_t now_ns) {
  if (bond_sink_) bond_sink_(event);
  if (event.kind == BondEvent::Kind::kActive && !event.is_first && !event.active.empty() &&
      !down_ports_.contains(event.port))
    neighbours_.port_up(event.port, false, now_ns);
}

void ControlPlane::link_changed(LinkEvent& event, uint64_t now_ns) {
  const PortId port = event.port;
  switch (event.kind) {
    case LinkEvent::Kind::kDown:
    case LinkEvent::Kind::kLost:
      down_ports_.insert(port);
      event.macs = fdb_.port_down(port, now_ns);
      event.neighbours = neighbours_.port_down(port, now_ns);
      advertiser_.port_down(port);
      event.backends = review_backends(now_ns);
      return;
    case LinkEvent::Kind::kUp:
      fdb_.port_up(port);
      event.neighbours = neighbours_.port_up(port, event.is_first, now_ns);
      advertiser_.port_up(port, now_ns);
      if (down_ports_.erase(port) != 0) event.backends = review_backends(now_ns);
      return;
    case LinkEvent::Kind::kReopened:
      return take_new_mac(port);
    case LinkEvent::Kind::kReopenFailed:
      return;
  }
}

// Returns how many became reachable, or ceased to be.
unsigned ControlPlane::review_backends(uint64_t now_ns) {
  unsigned changed = 0;
  for (const ServiceBackend& backend : snapshot_->service_backends) {
    const bool reachable =
        down_ports_.empty() || !down_ports_.contains(port_towards(*snapshot_, backend));
    changed += backends_.set_reachable(backend.id, reachable, now_ns);
  }
  return changed;
}

// An interface that was made again may have another MAC, and that is ours where none is configured.
// A TAP's is the kernel's end's, not ours.
void ControlPlane::take_new_mac(PortId id) {
  const PortConfig& port = *find_port(config(), id);
  const MacAddr& mac = dataplane_.port_facts(id).device_mac;
  if (port.mac || has_tap(port) || mac.is_zero() || mac == port_macs_[id]) return;
  port_macs_[id] = mac;
  learner_.renew();
}

}  // namespace adit

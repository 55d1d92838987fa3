// SPDX-License-Identifier: Apache-2.0
// How the control plane opens, replaces and closes ports in the course of a reload. What is to be
// opened is open before anything is published, so that a failure leaves the configuration as it
// was.
#include <algorithm>
#include <exception>
#include <utility>

#include "config/port_ids.h"
#include "running/control_plane.h"

namespace adit {

bool ControlPlane::begin_opening(PortChanges& ports) {
  if (!workers_have_moved()) return false;
  for (PortOpening& opening : ports.open) {
    if (opening.goes_on_with) opening.former = dataplane_.device(*opening.goes_on_with);
    if (!opening.is_new) links_.suspend(opening.id);
  }
  for (const PortId id : ports.in_the_way) {
    ports.former.push_back({id, dataplane_.port_spec(id), dataplane_.port_facts(id)});
    links_.suspend(id);
    dataplane_.detach(id);
  }
  return true;
}

bool ControlPlane::can_open_ports() {
  return workers_have_moved() && dataplane_.are_closed();
}

void ControlPlane::open_ports(Dataplane& dataplane, PortOpener& opener, const Config& next,
                              PortChanges& ports) {
  for (PortOpening& opening : ports.open) {
    opener.make_way(*find_port(next, opening.id));
    opening.opened = dataplane.open(opening.spec, opening.former);
  }
}

// Those that were in the way of themselves work again at once; all others begin with the new
// configuration.
void ControlPlane::finish_opening(PortChanges& ports) {
  for (PortOpening& opening : ports.open) {
    const bool was_in_the_way = std::ranges::any_of(
        ports.former, [&](const PortChanges::Former& former) { return former.id == opening.id; });
    if (!opening.keeps_device || !was_in_the_way) continue;
    dataplane_.attach(opening.id, opening.opened);
    opening.is_attached = true;
    links_.renewed(opening.id);
  }
  dataplane_.bind_ports();
}

void ControlPlane::undo_opening(PortChanges& ports) {
  for (PortOpening& opening : ports.open) {
    if (!opening.is_new) links_.resume(opening.id);
    opening.opened.reset();
  }
  for (const PortChanges::Former& former : ports.former) {
    dataplane_.restore(former.id, former.spec, former.facts);
    links_.recover(former.id);
  }
  ports = {};
}

// The workers have the new snapshot.
void ControlPlane::change_ports(Prepared& prepared) {
  using Kind = PortNotice::Kind;
  PortChanges& ports = prepared.ports;
  const Config& former = *state_->config;
  const Config& next = *prepared.next->config;
  if (port_macs_.size() < end_of_port_ids(next)) port_macs_.resize(end_of_port_ids(next));
  for (const auto& [port, mac] : prepared.new_macs) port_macs_[port] = mac;
  for (PortOpening& opening : ports.open)
    if (!opening.is_attached) dataplane_.attach(opening.id, opening.opened);
  for (const PortId id : ports.gone) dataplane_.close(id);
  if (!ports.open.empty() || !ports.gone.empty()) dataplane_.bind_ports();
  const auto attempt = [this, &next](PortId id, const auto& action) {
    try {
      action();
    } catch (const std::exception& error) {
      tell({PortNotice::Kind::kFailed, find_port(next, id), error.what()});
    }
  };
  for (const PortOpening& opening : ports.open) {
    if (opening.goes_on_with) attempt(opening.id, [&] { dataplane_.activate(opening.id); });
    // A TAP that the port goes on with has its link as before.
    if (opening.is_new)
      links_.forget(opening.id);
    else if (opening.goes_on_with == opening.id && !links_.is_gone(opening.id))
      links_.resume(opening.id);
    else if (!opening.is_attached)
      links_.renewed(opening.id);
    tell({opening.is_new ? Kind::kOpened : Kind::kChanged, find_port(next, opening.id), {}});
  }
  for (const PortId id : ports.gone) {
    links_.forget(id);
    tell({Kind::kClosed, find_port(former, id), {}});
  }
  for (const PortChanges::Promiscuity& port : ports.promiscuity)
    attempt(port.id, [&] { dataplane_.set_promiscuous(port.id, port.is_on); });
}

}  // namespace adit

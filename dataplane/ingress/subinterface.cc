// SPDX-License-Identifier: Apache-2.0
#include "ingress/subinterface.h"

#include "ingress/routed.h"
#include "packet/vlan.h"
#include "worker/doors.h"

namespace adit {

void enter_subinterface(Worker& worker, SubinterfaceId id, Packet& packet) noexcept {
  const SubinterfaceEntry& link = worker.snapshot->subinterfaces[id];
  strip_vlan(packet.mbuf);
  enter(worker, link.bridge_port, packet.mbuf->pkt_len);
  packet.in = 0;
  accept_routed(worker, subinterface_link(id), packet);
}

}  // namespace adit

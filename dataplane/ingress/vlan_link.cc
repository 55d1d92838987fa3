// SPDX-License-Identifier: Apache-2.0
#include "ingress/vlan_link.h"

#include "ingress/routed.h"
#include "packet/vlan.h"
#include "worker/doors.h"

namespace adit {

void take_from_vlan(Worker& worker, VlanLinkId vlan, Packet& packet) noexcept {
  const VlanLinkEntry& link = worker.snapshot->vlan_links[vlan];
  strip_vlan(packet.mbuf);
  enter(worker, link.bridge_port, packet.mbuf->pkt_len);
  packet.in = 0;
  accept_routed(worker, vlan_link(vlan), packet);
}

}  // namespace adit

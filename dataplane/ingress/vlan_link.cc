// SPDX-License-Identifier: Apache-2.0
#include "ingress/vlan_link.h"

#include "ingress/routed.h"
#include "packet/vlan.h"

namespace adit {

void take_from_vlan(Worker& worker, VlanLinkId vlan, Packet& packet) noexcept {
  const VlanLinkEntry& link = worker.snapshot->vlan_links[vlan];
  strip_vlan(packet.mbuf);
  TrafficCounters& counters = worker.bridge_port_counters[link.bridge_port];
  counters.rx_packets.add(1);
  counters.rx_bytes.add(packet.mbuf->pkt_len);
  packet.in = 0;
  accept_routed(worker, vlan_link(vlan), packet);
}

}  // namespace adit

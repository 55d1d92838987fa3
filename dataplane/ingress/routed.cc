// SPDX-License-Identifier: Apache-2.0
#include "ingress/routed.h"

namespace adit {

void accept_routed(Worker& worker, LinkId link, Packet& packet) noexcept {
  const Interface& own = *interface_of(*worker.snapshot, link);
  if (is_vlan_type(rte_pktmbuf_mtod(packet.mbuf, const EthernetHeader*)->ether_type) &&
      !strip_priority_tags(packet.mbuf)) [[unlikely]]
    return drop(worker, packet.mbuf, DropReason::k_runt_frame);
  accept_untagged(worker, link, own.mac, own.vrf, packet);
}

void accept_link_fragments(Worker& worker) noexcept {
  PacketList& list = worker.link_fragments;
  for (Packet* packet : list.span()) accept_routed(worker, packet->link, *packet);
  list.count = 0;
}

void accept_from_networks(Worker& worker) noexcept {
  for (Packet* packet : worker.to_gateways.span())
    accept_routed(worker, network_link(packet->network), *packet);
  worker.to_gateways.count = 0;
  worker.gateway_copy_count = 0;
}

}  // namespace adit

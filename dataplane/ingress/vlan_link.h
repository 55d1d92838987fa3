// SPDX-License-Identifier: Apache-2.0
// VLANs of ports that VRFs route: frames with the tag come in as if by a port of their own.
// What is sent there gets the tag in egress/to_vlan: all between knows a link, and no tag.
#pragma once

#include "adit/wire.h"
#include "worker/worker.h"

namespace adit {

// The VRF's VLAN that a tagged frame, of which the tag is there, came in by; 0: none.
inline VlanLinkId routed_vlan_of(const PortEntry& port, const rte_mbuf* mbuf) noexcept {
  if (port.routed_by_vlan.empty()) return 0;
  const auto* ethernet = rte_pktmbuf_mtod(mbuf, const EthernetHeader*);
  if (ethernet->ether_type != be16(kEtherTypeVlan)) return 0;
  const auto* tag = reinterpret_cast<const VlanTag*>(ethernet + 1);
  return port.routed_by_vlan[tag->tci.host() & kVlanIdMask];
}

// Takes the tag off, and routes, answers or drops the packet.
void take_from_vlan(Worker& worker, VlanLinkId vlan, Packet& packet) noexcept;

}  // namespace adit

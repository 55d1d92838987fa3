// SPDX-License-Identifier: Apache-2.0
// VLAN subinterfaces, ingress: tagged frames are received as if by a port of their own.
// egress/to_subinterface pushes the tag; the steps between know a link, and no tag.
#pragma once

#include "adit/wire.h"
#include "worker/worker.h"

namespace adit {

// The subinterface of a tagged frame, whose tag must be complete; 0: none.
inline SubinterfaceId find_subinterface(const PortEntry& port, const rte_mbuf* mbuf) noexcept {
  if (port.subinterface_by_vlan.empty()) return 0;
  const auto* ethernet = rte_pktmbuf_mtod(mbuf, const EthernetHeader*);
  if (ethernet->ether_type != be16(kEtherTypeVlan)) return 0;
  const auto* tag = reinterpret_cast<const VlanTag*>(ethernet + 1);
  return port.subinterface_by_vlan[tag->tci.host() & kVlanIdMask];
}

// Pops the tag, and routes, answers or drops the packet.
void enter_subinterface(Worker& worker, SubinterfaceId id, Packet& packet) noexcept;

}  // namespace adit

// SPDX-License-Identifier: Apache-2.0
#include "egress/to_vlan.h"

#include "egress/transmit.h"
#include "packet/vlan.h"
#include "worker/doors.h"

namespace adit {

void send_to_vlan(Worker& worker, VlanLinkId vlan, rte_mbuf* mbuf) noexcept {
  const VlanLinkEntry* link = vlan_link_of(*worker.snapshot, vlan);
  // It may have gone while the frame waited.
  if (link == nullptr) [[unlikely]]
    return drop(worker, mbuf, DropReason::k_neighbour_unresolved);
  const uint32_t bytes = mbuf->pkt_len;
  if (!push_vlan(mbuf, link->vlan_id)) [[unlikely]]
    return drop(worker, mbuf, DropReason::k_no_headroom);
  leave(worker, link->bridge_port, bytes);
  enqueue(worker, link->port, mbuf);
}

}  // namespace adit

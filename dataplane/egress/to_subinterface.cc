// SPDX-License-Identifier: Apache-2.0
#include "egress/to_subinterface.h"

#include "egress/transmit.h"
#include "packet/vlan.h"
#include "worker/doors.h"

namespace adit {

void transmit_on_subinterface(Worker& worker, SubinterfaceId id, rte_mbuf* mbuf) noexcept {
  const SubinterfaceEntry* link = subinterface_of(*worker.snapshot, id);
  // The subinterface may have been removed while the frame waited.
  if (link == nullptr) [[unlikely]]
    return drop(worker, mbuf, DropReason::k_neighbour_unresolved);
  const uint32_t bytes = mbuf->pkt_len;
  if (!push_vlan(mbuf, link->vlan_id)) [[unlikely]]
    return drop(worker, mbuf, DropReason::k_no_headroom);
  leave(worker, link->bridge_port, bytes);
  enqueue(worker, link->port, mbuf);
}

}  // namespace adit

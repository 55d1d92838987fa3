// SPDX-License-Identifier: Apache-2.0
#include "egress/to_network.h"

namespace adit {

void send_to_network(Worker& worker, NetworkId network, rte_mbuf* mbuf,
                     const RoutedFrame& routed) noexcept {
  const GatewayEntry* gateway = gateway_of(*worker.snapshot, network);
  // While the frame waited, the gateway may have been removed and its network's id reused.
  if (gateway == nullptr || rte_pktmbuf_mtod(mbuf, const EthernetHeader*)->src != gateway->mac)
      [[unlikely]]
    return drop(worker, mbuf, DropReason::k_neighbour_unresolved);
  if (!worker.outbox.to_network.push({mbuf, network, routed})) [[unlikely]]
    drop(worker, mbuf, DropReason::k_no_buffer);
}

}  // namespace adit

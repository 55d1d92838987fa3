// SPDX-License-Identifier: Apache-2.0
// Whether control takes what is to an address of ours, but is nothing that workers answer.
#pragma once

#include "adit/punt.h"
#include "adit/snapshot.h"
#include "packet/flow_key.h"
#include "packet/packet.h"

namespace adit {

// 0: the protocol has none, or it is not there. `l4`: where the IP header ends.
inline uint16_t destination_port_of(const rte_mbuf* mbuf, uint8_t protocol, uint32_t l4) noexcept {
  constexpr uint32_t kPort = 2;  // of TCP, UDP and SCTP alike
  if (!has_ports(protocol) || l4 + kPort + sizeof(be16) > mbuf->data_len) return 0;
  return rte_pktmbuf_mtod_offset(mbuf, const be16*, l4 + kPort)->host();
}

// Whether control takes packets to this port (adit/punt.h).
inline bool is_local_port(const Snapshot& snapshot, const LocalPort& to) noexcept {
  return snapshot.local_ports.find(to.key()) != 0;
}

}  // namespace adit

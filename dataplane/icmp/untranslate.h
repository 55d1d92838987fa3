// SPDX-License-Identifier: Apache-2.0
// Balanced packets as their senders sent them.
#pragma once

#include "packet/flow_reader.h"
#include "worker/worker.h"

namespace adit {

// Restores the addresses and VRF with which a translated packet arrived, so that an ICMP error can
// be sent to its sender; the packet may change its IP version. `option`: bytes of a TCP option of
// ours that it had and lost. False: its connection is not known (any more), or no error may be sent
// about it.
[[gnu::cold]] bool untranslate(Worker& worker, Packet& packet, unsigned& option) noexcept;

// Restores the client's sequence numbers in a packet that send_client_info() has shifted.
void restore_numbers(rte_mbuf* mbuf, const Flow& flow, const ClientInfo& info) noexcept;

}  // namespace adit

// SPDX-License-Identifier: Apache-2.0
// Balanced packets as their senders sent them.
#pragma once

#include "packet/flow_reader.h"
#include "worker/worker.h"

namespace adit {

// Gives a translated packet the addresses back with which it came, and its VRF, for whoever sent
// it to be told of it; it may be of the other IP version then. False where its connection is not
// known (any more), or that is nothing to tell anybody of.
[[gnu::cold]] bool untranslate(Worker& worker, Packet& packet) noexcept;

// Restores the client's sequence numbers in a packet that send_client_info() has shifted.
void restore_numbers(rte_mbuf* mbuf, const Flow& flow, const ClientInfo& info) noexcept;

}  // namespace adit

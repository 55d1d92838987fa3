// SPDX-License-Identifier: Apache-2.0
// Load balancing: packets that belong to connections, or begin them, go to their backends, and
// what comes back goes to the clients.
#pragma once

#include "worker/worker.h"

namespace adit {

// Takes out of Worker::routed what is dropped or answered, and what another worker's connections
// concern. What remains there is to be routed, changed or not.
void balance(Worker& worker) noexcept;

// Gives a translated packet the addresses back with which it came, and its VRF, for whoever sent
// it to be told of it; it may be of the other IP version then. False where its connection is not
// known (any more).
bool take_back(Worker& worker, Packet& packet) noexcept;

// Takes from other workers what is for this one's connections, into Worker::routed; as much as a
// burst at most. Returns how much.
unsigned take_handed_over(Worker& worker) noexcept;

}  // namespace adit

// SPDX-License-Identifier: Apache-2.0
// Balanced packets as their senders sent them.
#pragma once

#include "worker/worker.h"

namespace adit {

// Gives a translated packet the addresses back with which it came, and its VRF, for whoever sent
// it to be told of it; it may be of the other IP version then. False where its connection is not
// known (any more), or that is nothing to tell anybody of.
[[gnu::cold]] bool untranslate(Worker& worker, Packet& packet) noexcept;

}  // namespace adit

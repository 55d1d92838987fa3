// SPDX-License-Identifier: Apache-2.0
// The express lane of bridged frames: what is plain in a burst, comes in by an access port or a
// remote and leaves by another is read, looked up, wrapped and sent in a few passes, without the
// pipeline's lists. It does what the steps would do, to the byte; whatever it does not know it
// leaves to them.
#pragma once

#include "worker/worker.h"

namespace adit {

// Sends the frames of a burst that came in by the port and whose source MAC is known where it came
// in, and whose destination is known elsewhere in the same network: at an access port, or behind a
// remote whose next hop is known. Returns how many are left, which are the first ones of `mbufs`
// then, in their order. Where a frame is left, so are those behind it from the same sender to the
// same receiver. Only for ports with PortEntry::has_bridged.
unsigned send_bridged(Worker& worker, PortId port, rte_mbuf** mbufs, unsigned n) noexcept;

}  // namespace adit

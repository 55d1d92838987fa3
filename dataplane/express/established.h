// SPDX-License-Identifier: Apache-2.0
// The express lane of established connections: what is plain in a burst is read, found, rewritten
// and sent in three passes, without the pipeline's lists. It does what the steps would do, by their
// own functions, to the byte; whatever it does not know it leaves to them.
#pragma once

#include "worker/worker.h"

namespace adit {

// Sends the packets of a burst that came in by the port and are plain ones of established
// connections: untagged IPv4 or IPv6 without options, TCP or UDP, whole, out of a port whose next
// hop is known; and hands over those of other workers' connections. Returns how many are left,
// which are the first ones of `mbufs` then, in their order. Where a packet is left, so are those
// behind it from the same address to the same one. Only for ports with PortEntry::has_connections.
unsigned send_established(Worker& worker, PortId port, rte_mbuf** mbufs, unsigned n) noexcept;

// The same of what other workers handed over (take_handed_over()). Answers of theirs, and
// fragments, come first in what is left.
unsigned send_handed_over(Worker& worker, rte_mbuf** mbufs, unsigned n) noexcept;

}  // namespace adit

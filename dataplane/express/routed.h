// SPDX-License-Identifier: Apache-2.0
// The express lane of routed packets: what is plain in a burst, comes in by a VRF's port or tunnel
// and leaves by a route out of a port or into a tunnel is read, routed, wrapped and sent in a few
// passes, without the pipeline's lists. It does what the steps would do, to the byte; whatever it
// does not know it leaves to them.
#pragma once

#include "worker/worker.h"

namespace adit {

// Sends the packets of a burst that came in untagged by the port, or by a tunnel of IP in IP or GRE
// there, whose VRF has no services, and whose route leads to a known next hop of a port or of such
// a tunnel. Returns how many are left, which are the first ones of `mbufs` then, in their order.
// Where a packet is left, so are those behind it from the same address to the same one. Only for
// ports with PortEntry::has_routed.
unsigned send_routed(Worker& worker, PortId port, rte_mbuf** mbufs, unsigned n) noexcept;

}  // namespace adit

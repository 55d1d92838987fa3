// SPDX-License-Identifier: Apache-2.0
// The answer to a TCP segment that belongs to no connection (RFC 9293 section 3.10.7.1).
#pragma once

#include "packet/flow_reader.h"

namespace adit {

// A reset to whom the packet, TCP of kind kFlow, came from, in a new buffer that begins with the
// IP header and has headroom. Null where `about` is a reset itself, which is never answered,
// and when the pool is empty.
rte_mbuf* make_tcp_reset(const rte_mbuf* about, const Flow& flow, rte_mempool* pool) noexcept;

}  // namespace adit

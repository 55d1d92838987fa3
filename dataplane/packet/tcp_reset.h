// SPDX-License-Identifier: Apache-2.0
// The answer to a TCP segment that belongs to no connection (RFC 9293 section 3.10.7.1).
#pragma once

#include "packet/flow_reader.h"

namespace adit {

// A RST to the sender of a TCP packet (kFlow), in a new buffer that begins with the IP header and
// has headroom. Null if `about` is a RST itself, which is never answered, if its checksum is wrong,
// or if the pool is empty.
rte_mbuf* make_tcp_reset(const rte_mbuf* about, const Flow& flow, rte_mempool* pool) noexcept;

}  // namespace adit

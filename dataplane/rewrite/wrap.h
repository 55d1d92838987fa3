// SPDX-License-Identifier: Apache-2.0
// Encapsulates a whole packet for a backend with Forwarding::kTunnel, which decapsulates it.
// Replies do not come back by the tunnel.
#pragma once

#include <rte_mbuf.h>

#include "adit/addr.h"
#include "adit/drop_reason.h"
#include "adit/service.h"

namespace adit {

struct Wrapping {
  enum class DontFragment : uint8_t {
    kSet,
    kClear,
    kInherit,  // from IPv4; IPv6 inside means set
  };
  IpAddr source, destination;  // of the same IP version
  WrapKind kind = WrapKind::kIpip;
  DontFragment dont_fragment = DontFragment::kSet;  // IPv4 outside
  uint8_t ttl = 64;
  // kGue. Over IPv6 only RFC 6935 allows a zero checksum, if both ends agree.
  bool udp_checksum = false;
  uint16_t port = 6080;
};

// The length of the headers it adds.
uint32_t wrapping_bytes(const Wrapping& how) noexcept;

// Prepends the headers to the IP packet that the buffer begins with. The packet's checksums must be
// complete (no offload pending), and the buffer not shared. DSCP and ECN are copied outwards (RFC
// 6040 section 4.1); the flow's hash becomes source port (kGue) or flow label. `id`: identification
// of an outer IPv4 header without DF. Returns kNone, or the reason to drop the packet, which is
// unchanged then.
DropReason wrap(rte_mbuf* mbuf, const Wrapping& how, uint16_t id) noexcept;

}  // namespace adit

// SPDX-License-Identifier: Apache-2.0
// A header before a whole packet, towards the backend that unwraps it: forwarding by tunnel.
// The gateway is no endpoint of that tunnel: nothing comes back by it.
#pragma once

#include <rte_mbuf.h>

#include "adit/addr.h"
#include "adit/drop_reason.h"

namespace adit {

struct Wrapping {
  enum class Kind : uint8_t {
    kIpip,  // RFC 2003, RFC 4213, RFC 2473
    kGre,   // RFC 2784, without options
    kGue,   // draft-ietf-intarea-gue-09 section 3, variant 0, without options
  };
  enum class DontFragment : uint8_t {
    kSet,
    kClear,
    kInherit,  // from IPv4; IPv6 inside means set
  };
  IpAddr source, destination;  // of one version
  Kind kind = Kind::kIpip;
  DontFragment dont_fragment = DontFragment::kSet;  // IPv4 outside
  uint8_t ttl = 64;
  // kGue. Over IPv6 the checksum may be left out by RFC 6935 alone, where both ends agree.
  bool udp_checksum = false;
  uint16_t port = 6080;
};

// How many bytes it takes.
uint32_t wrapping_bytes(const Wrapping& how) noexcept;

// Puts the header before the IP packet that the buffer begins with, whose checksums are
// complete (nothing is left to a device), and which nobody else reads. DSCP and ECN are copied
// outwards (RFC 6040 section 4.1); the flow's hash becomes source port (kGue) or flow label.
// `id`: of an outer IPv4 header without DF. kNone: done; else the reason to drop the packet,
// which has not changed.
DropReason wrap(rte_mbuf* mbuf, const Wrapping& how, uint16_t id) noexcept;

}  // namespace adit

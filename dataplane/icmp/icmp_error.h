// SPDX-License-Identifier: Apache-2.0
// ICMP errors about packets that go no further (RFC 792, RFC 1812 section 4.3, RFC 4443).
#pragma once

#include "worker/worker.h"

namespace adit {

enum class IcmpProblem : uint8_t {
  kTooBig,          // IPv4: fragmentation needed
  kTimeExceeded,    // the TTL (hop limit) ran out
  kReassemblyTime,  // other fragments did not come in time; about the first one
  kNoRoute,
  kHostUnreachable,  // the last hop does not answer ARP or ND
  kPortUnreachable,
  kSourceRoute,  // IPv4's alone: it cannot be followed
  kParameter,    // IPv6's alone: a wrong field of a header
};

// Whether an error about this packet may be sent: not about an error, a later fragment (but for
// what is wrong with it alone), nor what came from or (but IPv6's too big) went to a group; RFC
// 1812 section 4.3.2.7, RFC 4443 section 2.4 (e). `ip`: header, with `left` contiguous bytes, at
// least the fixed ones.
bool icmp_error_permitted(const uint8_t* ip, unsigned left, bool ipv6,
                          IcmpProblem problem) noexcept;

// The error as an IP packet of at most `most_bytes`, 68 at least, in a new buffer, with headroom
// before it; its destination is the source of the packet that `about` has at `offset`. `word`: for
// kTooBig the MTU in bytes, for kParameter where the field lies. Null when the worker has sent
// enough of them on account of the tenant `whose` (kIcmpErrorLimit), or has no buffer. `source`: of
// the IP version; null: the destination of `about`, as if its host had answered.
rte_mbuf* make_icmp_error(Worker& worker, TenantId whose, const rte_mbuf* about, unsigned offset,
                          bool ipv6, IcmpProblem problem, unsigned word, const IpAddr* source,
                          uint32_t most_bytes) noexcept;

}  // namespace adit

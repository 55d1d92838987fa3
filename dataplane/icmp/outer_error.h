// SPDX-License-Identifier: Apache-2.0
// ICMP errors about packets that we sent ourselves: those of tunnels, and those that were wrapped
// for backends with forwarding by tunnel.
#pragma once

#include "worker/worker.h"

namespace adit {

// An ICMP error to one of our addresses, whose checksum is right: `ip` and `icmp` are where its
// headers begin, `vrf` is where it came in (0: the underlay). "Too big" lowers the path MTU of the
// remote or backend that the packet in it was sent to, and is told to whom the packet inside of
// that came from, where enough of it is there; other errors are counted for the remote. The packet
// in it has to be one that we send: from that very address, to a remote's, by its protocol, port
// and id. False: it is about nothing of ours, and the packet still the caller's.
[[gnu::cold]] bool take_outer_error(Worker& worker, rte_mbuf* mbuf, uint32_t ip, uint32_t icmp,
                                    VrfId vrf) noexcept;

// The same about a packet, which the buffer begins with, that was wrapped for a backend in `vrf`
// and does not fit the way out of a network. False: it is none. The buffer stays the caller's.
[[gnu::cold]] bool take_wrapped_too_big(Worker& worker, const rte_mbuf* mbuf, VrfId vrf,
                                        uint32_t mtu) noexcept;

}  // namespace adit

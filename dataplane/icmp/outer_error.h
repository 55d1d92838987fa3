// SPDX-License-Identifier: Apache-2.0
// ICMP errors about packets that we sent ourselves: those of tunnels, and those that were wrapped
// for backends with forwarding by tunnel.
#pragma once

#include "worker/worker.h"

namespace adit {

// An ICMP error to one of our addresses, whose checksum is right: `ip` and `icmp` are where its
// headers begin, `vrf` is where it came in (0: the underlay). "Too big" lowers the path MTU of the
// remote or backend that the quoted packet was sent to, and is translated for the sender of the
// inner packet if enough is quoted; other errors are counted for the remote. The quoted packet
// has to be one that we send: from the address that got the error, to a remote, with its protocol,
// port and id. False: it is not about a packet of ours, and the caller keeps the packet.
[[gnu::cold]] bool take_outer_error(Worker& worker, rte_mbuf* mbuf, uint32_t ip, uint32_t icmp,
                                    VrfId vrf) noexcept;

// The worker that knows the connection of the packet that such an error is about, where that was
// wrapped for a backend in the VRF, and what is told its sender; any other error's is this one.
[[gnu::cold]] unsigned owner_of_outer_error(const Worker& worker, const rte_mbuf* mbuf, uint32_t ip,
                                            uint32_t icmp, VrfId vrf) noexcept;

// The same about a packet, which the buffer begins with, that came from a client in VRF `client`,
// was wrapped for a backend in `vrf` and does not fit the way out of a network. False: it is none.
// The buffer stays the caller's.
[[gnu::cold]] bool take_wrapped_too_big(Worker& worker, const rte_mbuf* mbuf, VrfId vrf,
                                        VrfId client, uint32_t mtu) noexcept;

}  // namespace adit

// SPDX-License-Identifier: Apache-2.0
// Reports errors to the senders of routed packets, by ICMP. The error leaves through the outbox.
#pragma once

#include "icmp/icmp_error.h"
#include "packet/ip_version.h"
#include "worker/worker.h"

namespace adit {

// To the source address of the packet, which begins with its IP header. `word`: as for
// make_icmp_error(). The packet stays the caller's.
[[gnu::cold]] void report_to_source(Worker& worker, const Packet& packet, IcmpProblem problem,
                                    unsigned word = 0) noexcept;

// To the sender, quoting the packet as it was sent: the error shows no address behind us, and no
// packet of our own is reported. Afterwards the packet can only be dropped.
[[gnu::cold]] void report_to_sender(Worker& worker, Packet& packet, IcmpProblem problem,
                                    unsigned mtu = 0) noexcept;

// Reports to the sender, where that is permitted, and drops the packet.
[[gnu::cold]] void refuse_with(Worker& worker, Packet& packet, IcmpProblem problem,
                               DropReason reason) noexcept;
// Does so with kTooBig if the packet may not be fragmented. False: it may, and is unchanged.
[[gnu::cold]] bool refuse_too_big(Worker& worker, Packet& packet, uint32_t mtu) noexcept;

// False: the TTL has expired, and the packet was dropped.
template <class Ip>
bool may_take_hop(Worker& worker, Packet& packet) noexcept {
  if (Ip::ttl(header_of<Ip>(packet.mbuf)) > 1) [[likely]]
    return true;
  refuse_with(worker, packet, IcmpProblem::kTimeExceeded, DropReason::k_ttl_expired);
  return false;
}

// Lowers the TTL of a packet before encapsulation. False: it has expired, and the packet was
// dropped.
bool take_hop(Worker& worker, Packet& packet) noexcept;

// Reports to the sender of a routed packet, with which the buffer begins, that it exceeds the MTU
// behind the VRF's link to a network. `mtu`: reported; `room`: the longest packet, for one that we
// encapsulated. Afterwards the packet can only be dropped.
[[gnu::cold]] void report_too_big(Worker& worker, VrfId vrf, rte_mbuf* mbuf,
                                  const RoutedFrame& routed, uint32_t mtu, uint32_t room) noexcept;

// Reports to the source of a routed packet that its next hop did not answer ARP or ND. Afterwards
// the frame can only be dropped.
[[gnu::cold]] void report_host_unreachable(Worker& worker, LinkId link, rte_mbuf* frame,
                                           const RoutedFrame& routed) noexcept;

}  // namespace adit

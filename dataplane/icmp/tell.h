// SPDX-License-Identifier: Apache-2.0
// Senders of routed packets are told what became of them. The error leaves by the outbox.
#pragma once

#include "icmp/icmp_error.h"
#include "packet/ip_version.h"
#include "worker/worker.h"

namespace adit {

// The source of the packet, which begins with its IP header, as it is. `word`: as make_icmp_error()
// has it. The packet stays the caller's.
[[gnu::cold]] void tell_source(Worker& worker, const Packet& packet, IcmpProblem problem,
                               unsigned word = 0) noexcept;

// The same of the packet as its sender sent it: nobody learns of addresses behind us, or hears of
// packets that are ours. Afterwards it can only be dropped.
[[gnu::cold]] void tell_sender(Worker& worker, Packet& packet, IcmpProblem problem,
                               unsigned mtu = 0) noexcept;

// Tells the sender, where that is permitted, and drops the packet.
[[gnu::cold]] void refuse_with(Worker& worker, Packet& packet, IcmpProblem problem,
                               DropReason reason) noexcept;
// The same with kTooBig, where it may not be fragmented; false: it may.
[[gnu::cold]] bool refuse_too_big(Worker& worker, Packet& packet, uint32_t mtu) noexcept;

// False: this hop is one too many, and the packet is dropped.
template <class Ip>
bool may_take_hop(Worker& worker, Packet& packet) noexcept {
  if (Ip::ttl(header_of<Ip>(packet.mbuf)) > 1) [[likely]]
    return true;
  refuse_with(worker, packet, IcmpProblem::kTimeExceeded, DropReason::k_ttl_expired);
  return false;
}

// Lowers the TTL of a packet that is about to be wrapped. False: it ran out, and the packet is
// dropped.
bool take_hop(Worker& worker, Packet& packet) noexcept;

// Tells the sender of a routed packet, which the buffer begins with, that it does not fit the way
// behind the VRF's link to a network: `mtu` it is told, `room` is there for what we wrapped
// ourselves. Afterwards it can only be dropped.
[[gnu::cold]] void report_too_big(Worker& worker, VrfId vrf, rte_mbuf* mbuf,
                                  const RoutedFrame& routed, uint32_t mtu, uint32_t room) noexcept;

// Tells the source of a routed packet that its next hop did not answer. Afterwards the frame can
// only be dropped.
[[gnu::cold]] void report_host_unreachable(Worker& worker, LinkId link, rte_mbuf* frame,
                                           const RoutedFrame& routed) noexcept;

}  // namespace adit

// SPDX-License-Identifier: Apache-2.0
// Routing of IP packets within a VRF: what comes in by its ports, tunnels
// and networks' gateways.
#pragma once

#include "icmp/icmp_error.h"
#include "worker/worker.h"

namespace adit {

// Drops those of Worker::routed whose IP header is wrong, and cuts the others to their length.
void check_packets(Worker& worker) noexcept;

// Lowers the TTL of a packet that is about to be wrapped. False: it ran out, its sender was told,
// and the packet is dropped.
bool take_hop(Worker& worker, Packet& packet) noexcept;

// Tells the packet's source, where that is permitted, and drops it. It is one that check_packets
// let pass, as are those below.
void refuse_with(Worker& worker, Packet& packet, IcmpProblem problem, DropReason reason) noexcept;
// The same with kTooBig, where it may not be fragmented; false: it may.
bool refuse_too_big(Worker& worker, Packet& packet, uint32_t mtu) noexcept;
// Sends `reply`, which begins with its IP header, by the VRF of the packet; null: nothing.
void answer_with(Worker& worker, const Packet& packet, rte_mbuf* reply) noexcept;

// Sends one packet on its way at once, where the list has no place for it.
void route_now(Worker& worker, Packet& packet) noexcept;

// Sends each packet of Worker::routed on its way, answers it or drops it. Their buffers begin
// with the IP header; Packet::network is the VRF.
void route_all(Worker& worker) noexcept;

// Tells the source of a packet, which the buffer begins with, that it does not fit the way behind
// the VRF's link to a network: `mtu` it is told, `room` is there for what we wrapped ourselves.
// Afterwards it can only be dropped.
void report_too_big(Worker& worker, VrfId vrf, rte_mbuf* mbuf, uint32_t mtu,
                    uint32_t room) noexcept;

// Tells the source of a routed packet that its next hop did not answer. Afterwards the frame can
// only be dropped.
void report_host_unreachable(Worker& worker, LinkId link, rte_mbuf* frame,
                             const RoutedFrame& routed) noexcept;

}  // namespace adit

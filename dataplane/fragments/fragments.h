// SPDX-License-Identifier: Apache-2.0
// Which fragments are put together, and where: those for our own addresses and virtual ones, and
// what may be a backend's reply that is to be translated. All fragments of a datagram go to one
// worker.
#pragma once

#include "packet/flow_reader.h"
#include "packet/fragment.h"
#include "packet/packet.h"
#include "worker/worker.h"

namespace adit {

// Takes as many from Outbox::fragments as a burst has. What is put together in a VRF with services
// is in Worker::routed_whole, to be balanced; all else that goes on is in Outbox::to_route.
[[gnu::cold]] void collect_fragments(Worker& worker) noexcept;
// Leaves in Worker::outer_fragments what is whole, to be classified again. They came by the port
// rte_mbuf::port.
[[gnu::cold]] void collect_outer_fragments(Worker& worker) noexcept;

// Ends datagrams whose time is over.
void expire_fragments(Worker& worker) noexcept;

// Tells the sender of a datagram that the rest did not come in time. `first`: the first fragment as
// it came, with the IP header at `ip`.
void report_reassembly_time(Worker& worker, FragmentPlace place, rte_mbuf* first,
                            uint32_t ip) noexcept;

// RFC 8200 section 4.5: tells the sender of an IPv6 fragment that a field of its headers is wrong,
// `pointer` bytes behind the begin of the IP header. The buffer stays the caller's.
[[gnu::cold]] void report_wrong_fragment(Worker& worker, rte_mbuf* mbuf, const Fragment& fragment,
                                         uint32_t pointer) noexcept;

}  // namespace adit

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

// Handles up to a burst of Outbox::fragments. Reassembled packets of a VRF with services go to
// Worker::routed_whole, to be balanced; all others that are forwarded go to Outbox::to_route.
[[gnu::cold]] void collect_fragments(Worker& worker) noexcept;
// Puts reassembled packets into Worker::outer_fragments, to be classified again. rte_mbuf::port is
// their port of arrival.
[[gnu::cold]] void collect_outer_fragments(Worker& worker) noexcept;

// Leaves in Worker::link_fragments what is whole.
[[gnu::cold]] void collect_link_fragments(Worker& worker) noexcept;

// Drops datagrams whose reassembly timed out.
void expire_fragments(Worker& worker) noexcept;

// Sends ICMP "fragment reassembly time exceeded". `key`: the datagram's in the table; `first`: the
// first fragment as it arrived, with the IP header at offset `ip`.
void report_reassembly_time(Worker& worker, const FragmentKey& key, rte_mbuf* first,
                            uint32_t ip) noexcept;

// RFC 8200 section 4.5: sends ICMPv6 Parameter Problem about a field of an IPv6 fragment, at offset
// `pointer` from its IP header. The caller keeps the buffer.
[[gnu::cold]] void report_wrong_fragment(Worker& worker, rte_mbuf* mbuf, const Fragment& fragment,
                                         uint32_t pointer) noexcept;

}  // namespace adit

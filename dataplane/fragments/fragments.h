// SPDX-License-Identifier: Apache-2.0
// Which fragments are put together, and where: those for our own addresses and virtual ones, and
// what may be a backend's reply that is to be translated. All fragments of a datagram go to one
// worker.
#pragma once

#include "packet/flow_reader.h"
#include "packet/packet.h"
#include "worker/worker.h"

namespace adit {

enum class Taken : uint8_t {
  kGone,   // kept, handed to another worker, or dropped
  kWhole,  // Packet::mbuf is the whole packet
  kPass,   // nobody's business: as it came
};

// A fragment in a VRF with services, as its `flow` says.
[[gnu::cold, gnu::noinline]] Taken take_fragment(Worker& worker, Packet& packet,
                                                 const Flow& flow) noexcept;
// A routed packet with fragment fields or header, to an address of ours: one that is whole (RFC
// 6946) is so without them afterwards. Never kPass.
[[gnu::cold, gnu::noinline]] Taken take_local_fragment(Worker& worker, Packet& packet) noexcept;
// A frame that check_underlay says to be a fragment. True: it is the whole packet now.
[[gnu::cold, gnu::noinline]] bool take_outer_fragment(Worker& worker, PortId port,
                                                      Packet& packet) noexcept;

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

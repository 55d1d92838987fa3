// SPDX-License-Identifier: Apache-2.0
// What ICMP errors quote of datagrams that left otherwise than they came (worker/changed_ids.h).
#pragma once

#include "packet/flow_reader.h"
#include "packet/fragment.h"
#include "worker/worker.h"

namespace adit {

// Remembers what the packet that the buffer begins with was when its sender sent it, now that it
// leaves the VRF in fragments, or otherwise with another id. `id`: of IPv6's fragments, as on the
// wire.
[[gnu::cold]] void note_sent(Worker& worker, const rte_mbuf* mbuf, VrfId vrf, uint32_t id,
                             const SentFragment& sent) noexcept;

// The packet at offset `ip`, which left by the VRF, as its sender sent it. Null: that is not known,
// or the same.
[[gnu::cold]] const SentFragment* sent_as(const Worker& worker, const rte_mbuf* mbuf, uint32_t ip,
                                          VrfId vrf) noexcept;

// Writes id and length of what was sent into the packet's header at offset `ip`, which is of the IP
// version that it was sent with. `growth`: by how much the header's sum grew, for the message that
// it is in.
[[gnu::cold]] void write_sent(rte_mbuf* mbuf, uint32_t ip, const SentFragment& sent,
                              uint64_t& growth) noexcept;

// Puts the fragment header of a datagram's first fragment behind the IPv6 header that the buffer
// begins with, and that fragment's length into it. False: no headroom.
[[gnu::cold]] bool put_fragment_header(rte_mbuf* mbuf, const SentFragment& sent) noexcept;

// Makes a reassembled packet, which the buffer begins with, the first fragment that its sender
// sent; what follows that is left behind it. IPv6 with extension headers stays whole. Its headers
// may be written.
[[gnu::cold]] void become_first(rte_mbuf* mbuf) noexcept;

// Makes a datagram's first fragment, which the buffer begins with and which was not translated,
// the one that its sender sent, as far as that is known. Its headers may be written.
[[gnu::cold]] void restore_first(const Worker& worker, rte_mbuf* mbuf, VrfId vrf) noexcept;

// The same of the packet that an error, which the buffer begins with, is about. Its headers may be
// written.
[[gnu::cold]] void restore_quote(const Worker& worker, rte_mbuf* mbuf, const Flow& flow,
                                 VrfId vrf) noexcept;

}  // namespace adit

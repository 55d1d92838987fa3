// SPDX-License-Identifier: Apache-2.0
// Sequence numbers of a TCP connection into whose client's stream the gateway has put bytes of
// its own: `shift` of them, at `first`, the number of the first byte of that stream, or later on
// any that is less than 2^31 before those of the packet, and none of theirs. All
// checksums are kept by what changes. Packets are of kind kFlow and TCP, unless said otherwise,
// and their headers may be written.
#pragma once

#include "packet/flow_reader.h"

namespace adit {

// A segment of the client: its data come behind the bytes put in.
void shift_sequence(rte_mbuf* mbuf, const Flow& flow, uint32_t shift) noexcept;

// A segment of the server: its acknowledgment number, and the blocks of its SACK option
// (RFC 2018), are told as if the bytes put in were not there. What acknowledges less than all of
// them acknowledges nothing. False, and nothing changed, where the options are not contiguous
// or malformed: such a segment would be misunderstood. Its window is left: for a moment the
// client may send `shift` bytes more than the server takes, and has to repeat them.
bool lower_acknowledgment(rte_mbuf* mbuf, const Flow& flow, uint32_t first,
                          uint32_t shift) noexcept;

// An ICMP error (kIcmpError) about a segment of the client; about anything but TCP: nothing.
void lower_embedded_sequence(rte_mbuf* mbuf, const Flow& flow, uint32_t first,
                             uint32_t shift) noexcept;

}  // namespace adit

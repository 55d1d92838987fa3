// SPDX-License-Identifier: Apache-2.0
// Sequence numbers of a TCP connection into whose client's stream the gateway has put bytes of
// its own: `shift` of them, at `first`, the number of the first byte of that stream, or later on
// any that is less than 2^31 before those of the packet, and none of theirs. All
// checksums are kept by what changes. Packets are of kind kFlow and TCP, unless said otherwise,
// and their headers may be written.
#pragma once

#include "packet/flow_reader.h"

namespace adit {

// For a segment of the client: its data follow the inserted bytes.
void shift_sequence(rte_mbuf* mbuf, const Flow& flow, uint32_t shift) noexcept;

// For a segment of the server: lowers its acknowledgment number, and the blocks of its SACK option
// (RFC 2018), by the inserted bytes. What acknowledges only part of these bytes acknowledges
// nothing. False, and nothing changed, if the options are not contiguous or malformed: the client
// would misread such a segment. The window stays as it is: for a moment the client may send `shift`
// bytes more than the server accepts, and has to repeat them.
bool lower_acknowledgment(rte_mbuf* mbuf, const Flow& flow, uint32_t first,
                          uint32_t shift) noexcept;

// An ICMP error (kIcmpError) about a segment of the client; about anything but TCP: nothing.
void lower_embedded_sequence(rte_mbuf* mbuf, const Flow& flow, uint32_t first,
                             uint32_t shift) noexcept;

}  // namespace adit

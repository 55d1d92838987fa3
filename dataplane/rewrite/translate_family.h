// SPDX-License-Identifier: Apache-2.0
// Translation of packets between the IP versions (RFC 7915), for connections whose both ends
// have addresses of ours in between.
#pragma once

#include "packet/fragment.h"
#include "rewrite/nat.h"

namespace adit {

// Makes a packet of kind kFlow or kIcmpError one of the other IP version, between both endpoints
// of `to`, which are of that version; read_flow() has to read it anew. Its headers may be
// written. TTL and TOS are kept: the TTL is lowered by who forwards the packet. IPv4 options
// and IPv6 extension headers are left out. `id`: of an IPv4 packet that may be fragmented.
// A packet grows by at most 20 bytes, an error by 40 and not beyond 1280; a GSO frame's
// segments stay as long, and its way out has to allow for that.
// `sent`: of an error about a fragment of ours, what the receiver of the error had sent, if that is
// known.
// kNone: done. Else the reason to drop it for, and it may have changed.
DropReason translate_family(rte_mbuf* mbuf, const Flow& flow, const Translation& to, uint16_t id,
                            const SentFragment* sent = nullptr) noexcept;

// Type, code and second word of an ICMP error (RFC 7915 sections 4.2 and 5.2). `about_bytes`: the
// length of the packet that it is about, for routers that tell no MTU. False: it has no
// counterpart.
bool translate_icmp_error(IcmpHeader& icmp, bool from_ipv6, uint32_t about_bytes) noexcept;

}  // namespace adit

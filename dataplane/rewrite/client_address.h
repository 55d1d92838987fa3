// SPDX-License-Identifier: Apache-2.0
// Tells a backend who its client is, where the packets do not (FullNAT).
//
// TOA: a TCP option, kind 254, with the client's port and address, as backends' kernels with
// the "toa" module read it: 8 bytes for IPv4, 20 for IPv6. It is for packets of the client with
// ACK and without SYN and RST whose acknowledgment number is still that of the server's first
// byte. A packet without room for it goes without.
//
// PROXY protocol version 2 (haproxy.org/download/2.9/doc/proxy-protocol.txt section 2.2): a
// header of 28 or 52 bytes is the first thing in the client's stream. What the caller does:
// - The client's first segment with ACK and without SYN and RST (the end of the handshake, or
//   data when that was lost) is preceded by make_proxy_segment(), at sequence number `first`,
//   that of the client's SYN plus 1. A SYN with data (RFC 7413) is not to be let in.
// - From then on all segments of the client, retransmitted SYNs excepted, are shifted by the
//   header's length (shift_sequence()), and all segments of the server back
//   (lower_acknowledgment()); ICMP errors too (lower_embedded_sequence()).
// - Until the server acknowledges `first` plus the length, each packet of the client that is at
//   `first` itself is preceded by the header again.
// Why that needs no timer: docs/design/client-address.md.
#pragma once

#include "rewrite/nat.h"

namespace adit {

enum class ToaResult : uint8_t {
  kInserted,
  kNoOptionRoom,  // more options than 40 bytes
  kNoPacketRoom,  // longer than `max_bytes`
  kNoHeadroom,
};

// Inserts the option behind the fixed header, before the others: behind them there may be the one
// that ends the list. For TCP of kind kFlow whose headers may be written; `flow` is that of the
// longer packet afterwards. `max_bytes`: what fits the way out. Unless kInserted, nothing changed.
ToaResult insert_toa(rte_mbuf* mbuf, Flow& flow, const Endpoint& client,
                     uint32_t max_bytes) noexcept;

// Removes the option from a segment in which insert_toa() put it, or from such a segment that an
// ICMP error quotes; the headers of both may be written. `flow` is that of the shorter packet
// afterwards. Returns the length of the option in bytes; 0: it is not there, or not all of it is
// quoted, and nothing changed. The length of a first fragment is not known, and stays as it is.
[[gnu::cold]] unsigned remove_toa(rte_mbuf* mbuf, Flow& flow, const Endpoint& client) noexcept;

// Lowers the MTU that an ICMP "too big" about a packet with the option tells, so that the client's
// packet fits with it. The error is as it came, and its headers may be written. `is_ipv6`: the
// client.
void leave_room_for_toa(rte_mbuf* mbuf, const Flow& flow, bool is_ipv6) noexcept;

using ProxyHeader = std::array<uint8_t, 52>;

// For TCP from `client` to `service`, which are of one IP version. Returns the length: 28 or 52.
unsigned write_proxy_header(ProxyHeader& out, const Endpoint& client,
                            const Endpoint& service) noexcept;

// A segment with that payload at sequence number `first`, with the headers (options, timestamps
// above all, included) of `like`, a TCP packet of kind kFlow; beside it, and to be sent
// before it. To be made of the packet as it goes to the server, before its sequence number is
// shifted. Null when the pool is empty or its buffers are too small.
rte_mbuf* make_proxy_segment(const rte_mbuf* like, const Flow& flow, uint32_t first,
                             std::span<const uint8_t> payload, rte_mempool* pool) noexcept;

}  // namespace adit

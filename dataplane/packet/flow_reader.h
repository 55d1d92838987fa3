// SPDX-License-Identifier: Apache-2.0
// Reads what a packet to be balanced belongs to: the key of its connection, and what the
// connection's state depends on.
#pragma once

#include "adit/drop_reason.h"
#include "packet/flow_key.h"
#include "packet/ip_packet.h"

namespace adit {

enum class FlowKind : uint8_t {
  kFlow,       // TCP, UDP or SCTP
  kIcmpError,  // quotes part of the packet that it is about
  kEcho,       // ICMP echo request or reply
  kOther,      // any other protocol: no ports
  kFragment,   // nothing behind the addresses was read: to be reassembled first
  kMalformed,  // the addresses were read, and the ports where they are there
};

struct Flow {
  // Of kIcmpError: the reversed key of the embedded packet, because the error goes to the sender of
  // that packet. So it is found and translated like a packet in that direction.
  FlowKey key;
  IpPacket packet;
  IpPacket embedded;         // kIcmpError; seldom is all of it there up to `end`
  uint32_t payload_len = 0;  // kFlow: behind the header of TCP (options included), UDP or SCTP
  FlowKind kind = FlowKind::kFlow;
  DropReason drop = DropReason::kNone;  // kMalformed
  uint8_t l4_type = 0;                  // TCP: flags; SCTP: type of the first chunk; ICMP: type
};

// Reads the packet at the begin of the buffer. Its headers have to be contiguous: up to the end
// of TCP's fixed header, of SCTP's first chunk header, of the first 8 bytes behind an embedded
// IP header. Checksums are not looked at; a routed packet's IP header has been checked.
Flow read_flow(const rte_mbuf* mbuf, VrfId vrf) noexcept;

// Reads the ports of a datagram's first fragment, which is kFragment for read_flow(). False: it is
// another fragment, or of a protocol without ports.
bool read_first_ports(const rte_mbuf* mbuf, const Flow& flow, FlowKey& key) noexcept;
// Whether it begins an ICMP error.
bool begins_icmp_error(const rte_mbuf* mbuf, const Flow& flow) noexcept;
// The flow of such an error, as far as the first fragment shows it: kIcmpError, or kMalformed.
Flow read_first_error(const rte_mbuf* mbuf, const Flow& flow) noexcept;

// Protocol of ICMP, or ICMPv6.
constexpr bool is_icmp(const IpPacket& packet) noexcept {
  return packet.protocol == (packet.ipv6 ? kIpProtocolIcmpv6 : kIpProtocolIcmp);
}

}  // namespace adit

// SPDX-License-Identifier: Apache-2.0
// Where the routes of its VRF lead a flow, and to which hosts NAT does.
#pragma once

#include "adit/snapshot.h"
#include "packet/flow_reader.h"

namespace adit {

// In network byte order, 4 or 16 of them.
inline const uint8_t* bytes_of(const Ipv6Key& key, bool ipv6) noexcept {
  return ipv6 ? reinterpret_cast<const uint8_t*>(&key) : reinterpret_cast<const uint8_t*>(&key.low);
}

// What the VRF's routes say of the key's destination; without a route, a target of kind kNone.
inline const RouteTarget& target_of(const Snapshot& snapshot, const FlowKey& key) noexcept {
  return snapshot.routes.find(key.vrf, bytes_of(key.destination, key.ipv6), key.ipv6 != 0);
}

// Whether the host is a NAT backend in the key's VRF.
inline bool goes_by_nat(const Snapshot& snapshot, const Ipv6Key& host,
                        const FlowKey& key) noexcept {
  return snapshot.nat_backends.find({host, key.vrf, key.ipv6 != 0}) != 0;
}

// Whether an ICMP error that cannot be read as such (kMalformed), because its quote is too short or
// a later fragment, shows the addresses of the packet that it is about.
inline bool shows_quoted_addresses(const rte_mbuf* mbuf, const Flow& flow) noexcept {
  const IpPacket& about = flow.embedded;
  const uint32_t header = flow.packet.ipv6 ? sizeof(Ipv6Header) : sizeof(Ipv4Header);
  return about.ip != 0 && about.ip + header <= mbuf->data_len;
}

// Whether such an error is about a packet to a NAT backend. That packet was translated, and its
// connection cannot be found.
inline bool is_about_backend(const Snapshot& snapshot, const rte_mbuf* mbuf,
                             const Flow& flow) noexcept {
  const IpPacket& about = flow.embedded;
  if (flow.drop != DropReason::k_icmp_embedded || !shows_quoted_addresses(mbuf, flow) ||
      about.ipv6 != flow.packet.ipv6)
    return false;
  const auto* ip = rte_pktmbuf_mtod_offset(mbuf, const uint8_t*, about.ip);
  Ipv6Key to;
  if (about.ipv6)
    std::memcpy(&to, ip + offsetof(Ipv6Header, dst), sizeof to);
  else
    to.low = reinterpret_cast<const Ipv4Header*>(ip)->dst.raw();
  return goes_by_nat(snapshot, to, flow.key);
}

}  // namespace adit

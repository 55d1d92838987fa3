// SPDX-License-Identifier: Apache-2.0
// Network address translation of a packet that its buffer begins with. Checksums are kept by
// what changes: whatever was wrong with a packet stays wrong, and its end is not read.
#pragma once

#include "packet/flow_reader.h"
#include "packet/patch.h"

namespace adit {

// Who speaks at one end of a connection.
struct Endpoint {
  Ipv6Key address;  // as in FlowKey
  be16 port;
  bool ipv6 = false;
};

// The two ends of a key.
inline Endpoint source_of(const FlowKey& key) noexcept {
  return {key.source, key.source_port, key.ipv6 != 0};
}
inline Endpoint destination_of(const FlowKey& key) noexcept {
  return {key.destination, key.destination_port, key.ipv6 != 0};
}

// Null: stays as it is.
struct Translation {
  const Endpoint* source = nullptr;
  const Endpoint* destination = nullptr;
};

// Writes the endpoints into a packet of kind kFlow, kIcmpError, kEcho or kOther; all are of its
// IP version, and its headers may be written. An ICMP error gets them as if it were a packet of
// its key's connection: the addresses outside, which hides routers behind us,
// and both the other way round inside. Protocols without ports get the addresses; of their
// checksums ICMPv6's is known.
void translate(rte_mbuf* mbuf, const Flow& flow, const Translation& to) noexcept;

// What translations between IP versions share with it.
namespace nat {

struct L4Part {
  uint8_t* at;
  uint32_t room;   // contiguous bytes that belong to the packet
  uint32_t bytes;  // of L4, from the IP header
  uint8_t protocol;
  L4Checksum checksum;
};

// Writes the ports, and the checksum where it is there, of a packet whose pseudo-header grew by
// `pseudo`; returns by how much L4 itself did.
uint64_t patch_l4(const L4Part& l4, uint64_t pseudo, const Translation& to) noexcept;

}  // namespace nat

}  // namespace adit

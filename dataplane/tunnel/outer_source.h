// SPDX-License-Identifier: Apache-2.0
// What is read from the outer IP header of a packet that came in, untagged, by the underlay.
#pragma once

#include <cstddef>
#include <cstring>

#include "adit/snapshot.h"
#include "adit/wire.h"
#include "packet/packet.h"

namespace adit {

// TTL or hop limit of the outer header, which the packet still has.
inline uint8_t outer_time_to_live(const Packet& packet) noexcept {
  const unsigned at =
      packet.outer_ipv6 ? offsetof(Ipv6Header, hop_limit) : offsetof(Ipv4Header, ttl);
  return frame_of(packet.mbuf)[sizeof(EthernetHeader) + at];
}

// The outer source address of a packet that came in untagged, as snapshot tables know it.
inline Ipv6Key outer_source(const Packet& packet) noexcept {
  const uint8_t* ip = frame_of(packet.mbuf) + sizeof(EthernetHeader);
  Ipv6Key key;
  if (packet.outer_ipv6) {
    std::memcpy(&key, ip + offsetof(Ipv6Header, src), sizeof key);
  } else {
    uint32_t raw;
    std::memcpy(&raw, ip + offsetof(Ipv4Header, src), sizeof raw);
    key.low = raw;
  }
  return key;
}

}  // namespace adit

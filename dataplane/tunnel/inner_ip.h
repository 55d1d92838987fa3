// SPDX-License-Identifier: Apache-2.0
// What tunnels that carry IP packets check of them.
#pragma once

#include "packet/packet.h"

namespace adit {

// Whether the packet at Packet::inner_offset is of that IP version, as the header before it
// said.
inline bool inner_version_is(const Packet& packet, bool ipv6) noexcept {
  return packet.inner_offset < packet.mbuf->data_len &&
         frame_of(packet.mbuf)[packet.inner_offset] >> 4 == (ipv6 ? 6 : 4);
}

}  // namespace adit

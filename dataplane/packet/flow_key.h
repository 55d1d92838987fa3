// SPDX-License-Identifier: Apache-2.0
// The addresses and ports of a packet, within its VRF: what a connection is found by.
#pragma once

#include <cstring>

#include "adit/byte_order.h"
#include "adit/snapshot.h"

namespace adit {

// As on the wire. IPv4 addresses stand in `low` alone. Without padding, so that the bytes can
// be compared and hashed.
struct FlowKey {
  Ipv6Key source, destination;
  be16 source_port, destination_port;  // 0 where the protocol has none
  VrfId vrf = 0;
  uint8_t protocol = 0;
  uint8_t ipv6 = 0;

  friend bool operator==(const FlowKey& a, const FlowKey& b) noexcept {
    uint64_t words[2][5];
    static_assert(sizeof words[0] == sizeof a);
    std::memcpy(words[0], &a, sizeof a);
    std::memcpy(words[1], &b, sizeof b);
    uint64_t different = 0;  // by one branch, where memcmp() is a call
    for (unsigned i = 0; i < 5; ++i) different |= words[0][i] ^ words[1][i];
    return different == 0;
  }
};
static_assert(sizeof(FlowKey) == 40);

}  // namespace adit

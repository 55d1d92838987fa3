// SPDX-License-Identifier: Apache-2.0
// The addresses and ports of a packet, within its VRF: what a connection is found by.
#pragma once

#include <bit>
#include <cstddef>
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
    uint64_t different = 0;  // by one branch, where memcmp() is a call
    for (unsigned i = 0; i < kWords; ++i) different |= a.word(i) ^ b.word(i);
    return different == 0;
  }

  // Its bytes, eight at once; each is read where it is, without a copy of the whole.
  static constexpr unsigned kWords = 5;
  uint64_t word(unsigned i) const noexcept {
    uint64_t word;
    std::memcpy(&word, reinterpret_cast<const char*>(this) + i * sizeof word, sizeof word);
    return word;
  }
  // All that the last word has, by one write: hash() reads it so, and would have to wait for the
  // smaller writes. `ports`: the source's and the destination's, as the first four bytes of a TCP,
  // UDP or SCTP header are in memory.
  void set_last(uint32_t ports, VrfId in, uint8_t of_protocol, bool is_ipv6) noexcept {
    static_assert(offsetof(FlowKey, source_port) == 32 &&
                  offsetof(FlowKey, destination_port) == 34 && offsetof(FlowKey, vrf) == 36 &&
                  offsetof(FlowKey, protocol) == 38 && offsetof(FlowKey, ipv6) == 39 &&
                  std::endian::native == std::endian::little);
    set_word(kWords - 1,
             ports | uint64_t{in} << 32 | uint64_t{of_protocol} << 48 | uint64_t{is_ipv6} << 56);
  }
  void set_last(be16 from, be16 to, VrfId in, uint8_t of_protocol, bool is_ipv6) noexcept {
    set_last(uint32_t{from.raw()} | uint32_t{to.raw()} << 16, in, of_protocol, is_ipv6);
  }
  // `i`: 0 to kWords - 1.
  void set_word(unsigned i, uint64_t word) noexcept {
    std::memcpy(reinterpret_cast<char*>(this) + i * sizeof word, &word, sizeof word);
  }
};
static_assert(sizeof(FlowKey) == FlowKey::kWords * sizeof(uint64_t));

}  // namespace adit

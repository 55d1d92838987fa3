// SPDX-License-Identifier: Apache-2.0
// MAC addresses in frames as the FDB's keys have them.
#pragma once

#include "packet/inner.h"

namespace adit {

// The 48 bits of a MAC inside a frame; eight bytes are readable there.
inline uint64_t mac_bits(const uint8_t* mac) noexcept {
  return __builtin_bswap64(load64(mac)) >> 16;
}
// `key`: an fdb_key() or mac_bits(). IEEE 802.3 section 3.2.3.
constexpr bool is_group_mac(uint64_t key) noexcept {
  return (key >> 40 & 1) != 0;
}

}  // namespace adit

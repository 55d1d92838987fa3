// SPDX-License-Identifier: Apache-2.0
// The address that a link has by its MAC.
#pragma once

#include "adit/addr.h"

namespace adit {

// RFC 4291 appendix A: fe80::/64 and the modified EUI-64.
inline IpAddr link_local_address(const MacAddr& mac) {
  IpAddr address;
  address.family = IpFamily::kV6;
  const auto& m = mac.bytes;
  address.bytes = {0xfe, 0x80, 0,    0,    0,    0,    0,   0, static_cast<uint8_t>(m[0] ^ 2),
                   m[1], m[2], 0xff, 0xfe, m[3], m[4], m[5]};
  return address;
}

}  // namespace adit

// SPDX-License-Identifier: Apache-2.0
// RFC 1191 section 7: likely MTUs.
#pragma once

#include <cstdint>
#include <initializer_list>

namespace adit {

// Of a router that does not tell it.
constexpr uint32_t plateau_below(uint32_t bytes) noexcept {
  for (const uint32_t mtu : {32000u, 17914u, 8166u, 4352u, 2002u, 1492u, 1006u, 508u, 296u})
    if (mtu < bytes) return mtu;
  return 68;
}

}  // namespace adit

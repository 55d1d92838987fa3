// SPDX-License-Identifier: Apache-2.0
#include "tunnel/keys.h"

namespace adit {

const TunnelKeys& tunnel_keys(std::size_t kind) noexcept {
  static constexpr TunnelKeys kNone = {};
  switch (static_cast<TunnelKind>(kind)) {
    case TunnelKind::kStt:
      return kSttKeys;
    default:
      return kNone;
  }
}

}  // namespace adit

// SPDX-License-Identifier: Apache-2.0
#include "registry.h"

#include <array>

namespace adit {
namespace {

// The order gives the kTunnel... constants their values.
constinit const std::array<const TunnelOps*, 1> kRegistry = {
    &kVxlanOps,
};
static_assert(kRegistry.size() <= kMaxTunnelKinds);

}  // namespace

std::span<const TunnelOps* const> tunnel_registry() noexcept {
  return kRegistry;
}

}  // namespace adit

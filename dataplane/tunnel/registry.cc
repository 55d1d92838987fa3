// SPDX-License-Identifier: Apache-2.0
#include "tunnel/registry.h"

#include <array>

namespace adit {
namespace {

constinit const std::array<const TunnelOps*, kTunnelKindCount> kRegistry = {
#define ADIT_KIND(Name, ...) &k##Name##Ops,
    ADIT_TUNNEL_KINDS(ADIT_KIND)
#undef ADIT_KIND
};

}  // namespace

std::span<const TunnelOps* const> tunnel_registry() noexcept {
  return kRegistry;
}

}  // namespace adit

// SPDX-License-Identifier: Apache-2.0
// Classification of received GRE, including NVGRE.
#pragma once

#include <cstdint>

#include "adit/snapshot.h"

namespace adit {

// In the id of a remote by GRE: a key of 0 is not the same as no key.
inline constexpr uint64_t kGreHasKey = uint64_t{1} << 32;

// Payloads that may arrive: for frames with a key, the sender decides about kEither.
struct GreKinds {
  enum class Keyed : uint8_t { kGre, kNvgre, kEither };

  // By which kinds have remotes.
  explicit GreKinds(const Snapshot& snapshot) noexcept
      : routed(!snapshot.tunnels[tunnel_index(TunnelKind::kGreIp)].senders.empty()),
        numbered(snapshot.tunnels[tunnel_index(TunnelKind::kGre)].numbered ||
                 snapshot.tunnels[tunnel_index(TunnelKind::kGreIp)].numbered) {
    if (snapshot.tunnels[tunnel_index(TunnelKind::kNvgre)].ids.empty())
      keyed = Keyed::kGre;
    else if (snapshot.tunnels[tunnel_index(TunnelKind::kGre)].ids.empty())
      keyed = Keyed::kNvgre;
  }
  bool routed;    // IP packets, for tunnels of VRFs
  bool numbered;  // some remote has to number its packets
  Keyed keyed = Keyed::kEither;
};

}  // namespace adit

// SPDX-License-Identifier: Apache-2.0
// The owner of a connection: it created the connection, decides about its packets, and counts it
// while it exists (dataplane/worker/connection_ops.h).
#pragma once

#include <cstdint>

#include "adit/ids.h"

namespace adit {

enum class OwnerKind : uint8_t {
  kService,  // created by the balancer; the id is a ServiceId
};
inline constexpr unsigned kOwnerKinds = 4;  // size of tables by kind

// An owner belongs to one VRF, so that connections it gives up free places of that VRF.
struct ConnectionOwner {
  uint16_t id = 0;  // of its kind
  OwnerKind kind = OwnerKind::kService;
  uint8_t reserved = 0;
  friend bool operator==(const ConnectionOwner&, const ConnectionOwner&) = default;
};
static_assert(sizeof(ConnectionOwner) == 4);

// The owner of a service's connections. `id`: not 0.
constexpr ConnectionOwner service_owner(ServiceId id) noexcept {
  static_assert(kMaxServices <= UINT16_MAX);
  return {static_cast<uint16_t>(id), OwnerKind::kService};
}

// A unique number for each owner of every kind, as index of tables by owner.
using OwnerIndex = uint32_t;
inline constexpr unsigned kOwnerIndices = kOwnerKinds << 16;
constexpr OwnerIndex index_of(ConnectionOwner owner) noexcept {
  return static_cast<uint32_t>(owner.kind) << 16 | owner.id;
}

}  // namespace adit

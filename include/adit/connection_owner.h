// SPDX-License-Identifier: Apache-2.0
// Whose a connection is: who made it, says what becomes of its packets, and counts it as long as it
// is there (dataplane/worker/connection_ops.h).
#pragma once

#include <cstdint>

#include "adit/ids.h"

namespace adit {

enum class OwnerKind : uint8_t {
  kService,  // a ServiceId: what the balancer made
};
inline constexpr unsigned kOwnerKinds = 4;  // that tables have room for

// Each is of one VRF, so that what it has to give up makes room there.
struct ConnectionOwner {
  uint16_t id = 0;  // of its kind
  OwnerKind kind = OwnerKind::kService;
  uint8_t reserved = 0;
  friend bool operator==(const ConnectionOwner&, const ConnectionOwner&) = default;
};
static_assert(sizeof(ConnectionOwner) == 4);

constexpr ConnectionOwner service_owner(ServiceId id) noexcept {
  static_assert(kMaxServices <= UINT16_MAX);
  return {static_cast<uint16_t>(id), OwnerKind::kService};
}

// A number for each owner of every kind, for tables by owner.
using OwnerIndex = uint32_t;
inline constexpr unsigned kOwnerIndices = kOwnerKinds << 16;
constexpr OwnerIndex index_of(ConnectionOwner owner) noexcept {
  return static_cast<uint32_t>(owner.kind) << 16 | owner.id;
}

}  // namespace adit

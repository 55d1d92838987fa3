// SPDX-License-Identifier: Apache-2.0
#include "worker/follow.h"

namespace adit {

uint32_t shortened(const Worker& worker, VrfId vrf, uint32_t seconds) noexcept {
  constexpr uint32_t kLeast = 3;  // a handshake takes one round trip, and its first repetition 1 s
  const ConnectionTable& connections = worker.connections->table();
  const uint64_t free = connections.capacity() - connections.size();
  if (4 * free >= connections.capacity() || seconds <= kLeast) [[likely]]
    return seconds;
  const uint64_t sharers = std::max(worker.snapshot->vrfs_with_services, 1u);
  if (4 * sharers * worker.connections->held_by_vrf(vrf) <= 3 * uint64_t{connections.capacity()})
    return seconds;
  return std::max(kLeast, static_cast<uint32_t>(seconds * 4 * free / connections.capacity()));
}

}  // namespace adit

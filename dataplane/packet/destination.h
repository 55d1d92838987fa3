// SPDX-License-Identifier: Apache-2.0
// Where the routes of its VRF lead a flow.
#pragma once

#include "adit/snapshot.h"
#include "packet/flow_key.h"

namespace adit {

// In network byte order, 4 or 16 of them.
inline const uint8_t* bytes_of(const Ipv6Key& key, bool ipv6) noexcept {
  return ipv6 ? reinterpret_cast<const uint8_t*>(&key) : reinterpret_cast<const uint8_t*>(&key.low);
}

// What the VRF's routes say of the key's destination; without a route, a target of kind kNone.
inline const RouteTarget& target_of(const Snapshot& snapshot, const FlowKey& key) noexcept {
  return snapshot.routes.find(key.vrf, bytes_of(key.destination, key.ipv6), key.ipv6 != 0);
}

}  // namespace adit

// SPDX-License-Identifier: Apache-2.0
// How much a configuration may have of what.
#pragma once

#include <cstddef>
#include <cstdint>

namespace adit {

inline constexpr uint64_t kMaxPorts = 1023;
inline constexpr uint64_t kMaxNetworks = 65534;
inline constexpr uint64_t kMaxBridgePorts = 1 << 20;  // members and remotes of all networks
inline constexpr uint64_t kMaxRoutes = 65536;
inline constexpr uint64_t kMaxNeighbours = 65536;
inline constexpr size_t kMaxConfigFileBytes = 64 << 20;

}  // namespace adit

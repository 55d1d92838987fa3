// SPDX-License-Identifier: Apache-2.0
// How much a configuration may have of what; adit/ids.h bounds ports, networks, members and
// remotes.
#pragma once

#include <atomic>
#include <cstddef>
#include <cstdint>

#include "adit/ids.h"
#include "adit/snapshot.h"

namespace adit {

inline constexpr uint64_t kMaxRoutes = 65536;
inline constexpr uint64_t kMaxNeighbours = 65536;
inline constexpr uint64_t kMaxVrfRoutes = 65536;   // of one VRF
inline constexpr uint64_t kMaxVrfTunnels = 65536;  // of one VRF
// Of all VRFs. Half of the ids: those of the former configuration stay taken while the next is
// compiled.
inline constexpr uint64_t kMaxVrfSubinterfaces = kMaxSubinterfaces / 2;
inline constexpr uint64_t kMaxAdvertisedDnsServers = 8;  // of one link
inline constexpr uint64_t kMaxAdvertisedSubnets = 32;    // so that all are in one message
inline constexpr uint64_t kMaxServiceBackends = 4096;    // of one service
inline constexpr uint64_t kMaxFwmarkRules = 1024;
inline constexpr uint64_t kMaxFwmarkDestinations = 4096;  // of all rules
inline constexpr size_t kMaxConfigFileBytes = 64 << 20;

// Of a file as a whole; tests lower them.
struct ConfigLimits {
  // Aliases can make a small file large; no honest file comes near.
  size_t values = 8'000'000;
  size_t bridge_ports = kMaxBridgePorts;
  // Half of the ids: those of the former configuration stay taken while the next is compiled.
  size_t backends = kMaxBackends / 2;
  // Set by the caller to cancel: reading then ends soon, with a ConfigError.
  const std::atomic<bool>* cancelled = nullptr;
};

}  // namespace adit

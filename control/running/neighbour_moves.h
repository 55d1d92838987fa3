// SPDX-License-Identifier: Apache-2.0
// What neighbours.cc and neighbour_moves.cc share.
#pragma once

#include <cstdint>

#include "base/time_units.h"

namespace adit {

// A neighbour is asked again well before its entry would age.
inline constexpr uint64_t kNeighbourRefreshNs = 20 * kNsPerSecond;
// It alone is asked for so many times, then everyone.
inline constexpr unsigned kNeighbourUnicastProbes = 3;

}  // namespace adit

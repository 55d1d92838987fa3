// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>

namespace adit {

inline constexpr uint64_t kNsPerSecond = 1'000'000'000;

}  // namespace adit

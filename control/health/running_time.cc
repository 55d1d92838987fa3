// SPDX-License-Identifier: Apache-2.0
#include "health/running_time.h"

#include <algorithm>
#include <functional>

namespace adit {

void RunningTime::look(Time now, std::span<const uint64_t> passes) {
  if (now - looked_ < kWindow) return;
  // The first look has nothing to compare with.
  const bool all_ran = passes_.size() != passes.size() ||
                       std::ranges::equal(passes, passes_, std::ranges::not_equal_to());
  if (all_ran) running_ = at(now);
  looked_ = now;
  passes_.assign(passes.begin(), passes.end());
}

RunningTime::Time RunningTime::at(Time now) const noexcept {
  return running_ + std::min<Time::duration>(now - looked_, 2 * kWindow);
}

}  // namespace adit

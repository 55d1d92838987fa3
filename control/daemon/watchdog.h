// SPDX-License-Identifier: Apache-2.0
// systemd's watchdog (WatchdogSec= of the unit): it is fed only while control and every worker
// advance.
#pragma once

#include <cstdint>
#include <span>
#include <vector>

namespace adit {

class Watchdog {
 public:
  // `patience_us` as sd_watchdog_enabled(3) gives it; 0: no watchdog.
  explicit Watchdog(uint64_t patience_us) : every_ns_(patience_us * 1000 / 4) {}

  // To be called often, with the passes that each worker has made. Whether it is time to be fed:
  // four times within the patience, and only if each worker has made a pass since the last time.
  bool is_due(std::span<const uint64_t> passes, uint64_t now_ns) {
    if (every_ns_ == 0 || now_ns - fed_ns_ < every_ns_) return false;
    const bool known = passes_.size() == passes.size();
    for (size_t i = 0; known && i < passes.size(); ++i)
      if (passes_[i] == passes[i]) return false;
    passes_.assign(passes.begin(), passes.end());
    fed_ns_ = now_ns;
    return true;
  }

 private:
  uint64_t every_ns_;
  uint64_t fed_ns_ = 0;
  std::vector<uint64_t> passes_;  // when it was last fed
};

}  // namespace adit

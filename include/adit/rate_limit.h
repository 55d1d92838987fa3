// SPDX-License-Identifier: Apache-2.0
// A rate limit without division: the generic cell rate algorithm (ITU-T I.371 annex A).
#pragma once

#include <algorithm>
#include <cstdint>

namespace adit {

// Compiled by control: one packet for each interval_ns, and bursts of up to burst_ns of them.
struct RateLimit {
  uint64_t interval_ns = 0;  // 0: no limit
  uint64_t burst_ns = 0;

  // `packets_per_s` divided among `sharers` workers, each of which enforces its part. A burst is
  // what fits 100 ms, and at least ten packets.
  static constexpr RateLimit per_second(uint64_t packets_per_s, unsigned sharers = 1) noexcept {
    const uint64_t interval = std::max<uint64_t>(1, 1'000'000'000 * sharers / packets_per_s);
    return {interval, std::max<uint64_t>(100'000'000, 10 * interval)};
  }
};

// State of a worker: the time in ns at which the bucket is full again.
class RateMeter {
 public:
  // Whether one more packet may pass at now_ns; if so it is accounted for.
  bool allow(const RateLimit& limit, uint64_t now_ns) noexcept {
    const uint64_t start = std::max(next_ns_, now_ns);
    if (start + limit.interval_ns > now_ns + limit.burst_ns) return limit.interval_ns == 0;
    next_ns_ = start + limit.interval_ns;
    return true;
  }

  // Whether the bucket is full, so that the state can be forgotten.
  bool is_idle(uint64_t now_ns) const noexcept { return next_ns_ <= now_ns; }

 private:
  uint64_t next_ns_ = 0;
};

}  // namespace adit

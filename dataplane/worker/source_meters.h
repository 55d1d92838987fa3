// SPDX-License-Identifier: Apache-2.0
// Rate meters of new connections by source: a bounded table of one worker.
#pragma once

#include <array>

#include "adit/rate_limit.h"
#include "adit/zero_pages.h"

namespace adit {

// Of sources that share a set, kWays are metered at a time; one that is silent for long enough is
// replaced. If there is none, a further source is not metered: it must not suffer from others.
class SourceMeters {
 public:
  // `key`: a keyed hash of source and service, which senders cannot predict.
  bool allow(uint64_t key, const RateLimit& limit, uint64_t now_ns) noexcept {
    Set& set = sets_[key & (kSets - 1)];
    Entry* idle = nullptr;
    for (Entry& entry : set) {
      if (entry.key == key) return entry.meter.allow(limit, now_ns);
      if (entry.meter.is_idle(now_ns)) idle = &entry;
    }
    if (idle == nullptr) return true;
    *idle = {key, {}};
    return idle->meter.allow(limit, now_ns);
  }

 private:
  static constexpr unsigned kWays = 4, kSets = 1u << 14;
  struct Entry {
    uint64_t key = 0;
    RateMeter meter;
  };
  using Set = std::array<Entry, kWays>;
  static_assert(sizeof(Set) == 64);

  ZeroPages<Set> sets_{kSets};
};

}  // namespace adit

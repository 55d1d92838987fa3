// SPDX-License-Identifier: Apache-2.0
// Identification fields of what this gateway makes itself: IPv4 headers that may be fragmented,
// frames that tunnel kinds put in pieces, IPv6 fragments. They have to differ between two ends (RFC
// 6864 section 4.1, RFC 8200 section 4.5), so each pair of ends has a counter, as far as there are
// that many: two that share one still have no number twice. What one tenant sends shows in no
// other's numbers, unless both send to the same remote.
#pragma once

#include <cstdint>

#include "adit/snapshot.h"
#include "adit/zero_pages.h"

namespace adit {

class IdCounters {
 public:
  // The seed keeps others from choosing addresses that share a counter.
  explicit IdCounters(uint64_t seed = 1) : seed_(seed) {}

  // `place`: where the addresses count; of two ends one is ours, the other is `peer`.
  uint32_t next(TenantId place, const Ipv6Key& peer) noexcept {
    return counters_[mix64(hash_of(peer) ^ (seed_ + place)) & (kCounters - 1)]++;
  }

 private:
  static constexpr unsigned kCounters = 1 << 15;

  ZeroPages<uint32_t> counters_{kCounters};
  uint64_t seed_;
};

}  // namespace adit

// SPDX-License-Identifier: Apache-2.0
// Rate meters of new connections by source: a bounded table of one worker.
#pragma once

#include <array>

#include "adit/ids.h"
#include "adit/rate_limit.h"
#include "adit/zero_pages.h"

namespace adit {

// Of sources that share a set, kWays are metered at a time; one that is silent for long enough is
// replaced. If there is none, a VRF that has less than its equal part of the set takes a place of
// the VRF that has most. A further source is not metered: it must not suffer from others.
class SourceMeters {
 public:
  // `key`: a keyed hash of source and service, which senders cannot predict. `vrf`: the service's.
  bool allow(uint64_t key, VrfId vrf, const RateLimit& limit, uint64_t now_ns) noexcept {
    Set& set = sets_[key & (kSets - 1)];
    const uint64_t tag = (key & ~kVrfMask) | vrf;
    Entry* place = nullptr;
    for (Entry& entry : set) {
      if (entry.tag == tag) return entry.meter.allow(limit, now_ns);
      if (entry.meter.is_idle(now_ns)) place = &entry;
    }
    if (place == nullptr) place = place_of_other(set, vrf);
    if (place == nullptr) return true;
    *place = {tag, {}};
    return place->meter.allow(limit, now_ns);
  }

 private:
  static constexpr unsigned kWays = 8, kSets = 1u << 13;
  // The bits of a key that its set has in common have the VRF.
  static constexpr uint64_t kVrfMask = kSets - 1;
  static_assert(kMaxVrfs <= kVrfMask);
  struct Entry {
    uint64_t tag = 0;
    RateMeter meter;
  };
  using Set = std::array<Entry, kWays>;
  static_assert(sizeof(Set) == 128);

  static unsigned held_by(const Set& set, uint64_t vrf) noexcept {
    unsigned held = 0;
    for (const Entry& entry : set) held += (entry.tag & kVrfMask) == vrf ? 1 : 0;
    return held;
  }
  // Null: no VRF would have more than this one with one more.
  static Entry* place_of_other(Set& set, VrfId vrf) noexcept {
    unsigned most = held_by(set, vrf) + 1;
    Entry* place = nullptr;
    for (Entry& entry : set)
      if (const unsigned held = held_by(set, entry.tag & kVrfMask); held > most) {
        most = held;
        place = &entry;
      }
    return place;
  }

  ZeroPages<Set> sets_{kSets};
};

}  // namespace adit

// SPDX-License-Identifier: Apache-2.0
// Sources that a worker has reported to control in the current second, so that a source that
// control refuses to learn does not fill the ring.
#pragma once

#include <array>
#include <cstdint>

#include "adit/flat_table.h"
#include "adit/ids.h"

namespace adit {

class ReportedSources {
 public:
  // Whether this source at this place is news; from then on it is none for a second. Two
  // sources that share an entry are reported in turn: bounded by the ring.
  bool first_in(uint32_t second, uint64_t key, BridgePortId in) noexcept {
    Entry& entry = entries_[mix64(key) >> 8 & (kEntries - 1)];
    if (entry.key == key && entry.in == in && entry.second == second) return false;
    entry = {key, in, second};
    return true;
  }

 private:
  struct Entry {
    uint64_t key = 0;
    BridgePortId in = 0;
    uint32_t second = 0;
  };
  static constexpr unsigned kEntries = 4096;

  std::array<Entry, kEntries> entries_;
};

}  // namespace adit

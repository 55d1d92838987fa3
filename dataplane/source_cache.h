// SPDX-License-Identifier: Apache-2.0
// The sources that a worker has found in their place during the current second. It spares
// the FDB look-up, and the entry's age is written once a second at most.
#pragma once

#include <array>
#include <cstdint>

#include "adit/flat_table.h"
#include "adit/ids.h"

namespace adit {

class SourceCache {
 public:
  bool knows(uint64_t key, BridgePortId in, uint32_t now_s) const noexcept {
    const Entry& entry = entries_[index(key)];
    return entry.key == key && entry.in == in && entry.second == now_s;
  }
  void remember(uint64_t key, BridgePortId in, uint32_t now_s) noexcept {
    entries_[index(key)] = {key, in, now_s};
  }

 private:
  struct Entry {
    uint64_t key = 0;
    BridgePortId in = 0;
    uint32_t second = 0;
  };
  static constexpr unsigned kEntries = 8192;
  static uint64_t index(uint64_t key) noexcept { return mix64(key) >> 8 & (kEntries - 1); }

  std::array<Entry, kEntries> entries_;
};

}  // namespace adit

// SPDX-License-Identifier: Apache-2.0
// Gives out the lowest ids that are not in use.
#pragma once

#include <cstdint>
#include <vector>

namespace adit {

class IdAllocator {
 public:
  // Ids are 1 .. limit-1.
  explicit IdAllocator(uint32_t limit) : limit_(limit) {}

  void reserve(uint32_t id) {
    if (id >= used_.size()) used_.resize(id + 1);
    used_[id] = true;
  }
  // 0 when none is left.
  uint32_t allocate() {
    while (next_ < used_.size() && used_[next_]) ++next_;
    return next_ < limit_ ? next_++ : 0;
  }

 private:
  uint32_t limit_;
  uint32_t next_ = 1;
  std::vector<bool> used_;
};

}  // namespace adit

// SPDX-License-Identifier: Apache-2.0
// Gives out the lowest ids that are not in use, or those from `first` on, round about.
#pragma once

#include <cstdint>
#include <vector>

namespace adit {

class IdAllocator {
 public:
  // Ids are 1 .. limit-1.
  explicit IdAllocator(uint32_t limit, uint32_t first = 1) : limit_(limit), next_(first) {}

  void reserve(uint32_t id) {
    if (id >= used_.size()) used_.resize(id + 1);
    used_[id] = true;
  }
  // 0 when none is left.
  uint32_t allocate() {
    for (uint32_t left = limit_; left != 0; --left) {
      if (next_ >= limit_) next_ = 1;
      const uint32_t id = next_++;
      if (id >= used_.size() || !used_[id]) {
        reserve(id);
        return id;
      }
    }
    return 0;
  }
  // Above all that are in use.
  size_t end() const { return used_.size(); }
  // Where the next search begins.
  uint32_t next() const { return next_; }

 private:
  uint32_t limit_;
  uint32_t next_ = 1;
  std::vector<bool> used_;
};

}  // namespace adit

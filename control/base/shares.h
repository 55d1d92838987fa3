// SPDX-License-Identifier: Apache-2.0
// Divides places among tenants. Half of them are reserved, an equal part for each tenant; the other
// half is first come, first served.
#pragma once

#include <cstdint>

namespace adit {

class Shares {
 public:
  // Nobody holds anything afterwards.
  void configure(uint64_t capacity, uint64_t tenants) noexcept {
    share_ = tenants == 0 ? 0 : capacity / 2 / tenants;
    left_ = capacity;
    kept_ = share_ * tenants;
  }

  // Whether a tenant that holds so many may take one more.
  bool may_take(uint64_t held) const noexcept { return held < share_ || left_ > kept_; }
  // It takes one more, or gives one back; `held` is what it held before.
  void take(uint64_t held) noexcept {
    if (left_ > 0) --left_;
    if (held < share_) --kept_;
  }
  void give_back(uint64_t held) noexcept {
    ++left_;
    if (held <= share_) ++kept_;
  }

 private:
  uint64_t share_ = 0;  // of each
  uint64_t left_ = 0;   // of all
  uint64_t kept_ = 0;   // of those left, for tenants that have less than their share
};

}  // namespace adit

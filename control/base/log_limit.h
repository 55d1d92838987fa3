// SPDX-License-Identifier: Apache-2.0
// Log lines that a tenant's traffic or hosts cause, shared out: each kind of line about each tenant
// has a rate of its own, so that one that flaps neither fills the disk nor hides what is said of
// others. What is left out is counted, and said when its time comes.
#pragma once

#include <cstdint>
#include <functional>
#include <map>
#include <string>
#include <string_view>
#include <utility>

#include "adit/rate_limit.h"

namespace adit {

class LogLimit {
 public:
  static constexpr unsigned kBurst = 20;  // lines at once
  static constexpr unsigned kLinesPerMinute = 60;
  static constexpr std::size_t kMostKinds = 4096;  // by tenant; further ones have one rate together

  // Whether a line of the kind about the tenant may be written; if not, it is counted.
  bool allows(std::string_view kind, std::string_view tenant, uint64_t now_ns);

  // Calls tell(kind, tenant, lines) for what was left out, each every ten seconds at most.
  using Tell = std::function<void(std::string_view, std::string_view, uint64_t)>;
  void tick(uint64_t now_ns, const Tell& tell);

 private:
  struct Entry {
    RateMeter meter;
    uint64_t left_out = 0;
    uint64_t report_ns = 0;  // when to say so
  };
  std::map<std::pair<std::string, std::string>, Entry> entries_;
  uint64_t next_tick_ns_ = 0;
};

}  // namespace adit

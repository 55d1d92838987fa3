// SPDX-License-Identifier: Apache-2.0
#include "base/log_limit.h"

#include <iterator>

#include "base/time_units.h"

namespace adit {
namespace {

constexpr uint64_t kReportAfterNs = 10 * kNsPerSecond;
constexpr uint64_t kIntervalNs = 60 * kNsPerSecond / LogLimit::kLinesPerMinute;
constexpr RateLimit kLimit{kIntervalNs, LogLimit::kBurst* kIntervalNs};

}  // namespace

bool LogLimit::allows(std::string_view kind, std::string_view tenant, uint64_t now_ns) {
  std::pair key{std::string(kind), std::string(tenant)};
  auto found = entries_.find(key);
  if (found == entries_.end()) {
    if (entries_.size() >= kMostKinds) key = {"others", ""};
    found = entries_.try_emplace(std::move(key)).first;
  }
  Entry& entry = found->second;
  if (entry.meter.allow(kLimit, now_ns)) return true;
  if (entry.left_out++ == 0) entry.report_ns = now_ns + kReportAfterNs;
  return false;
}

void LogLimit::tick(uint64_t now_ns, const Tell& tell) {
  if (now_ns < next_tick_ns_) return;
  next_tick_ns_ = now_ns + kNsPerSecond;
  for (auto item = entries_.begin(); item != entries_.end();) {
    const auto& [kind, tenant] = item->first;
    Entry& entry = item->second;
    if (entry.left_out != 0 && now_ns >= entry.report_ns)
      tell(kind, tenant, std::exchange(entry.left_out, 0));
    const bool is_over = entry.left_out == 0 && entry.meter.is_idle(now_ns);
    item = is_over ? entries_.erase(item) : std::next(item);
  }
}

}  // namespace adit

// SPDX-License-Identifier: Apache-2.0
#include "netlink/fdb_announcer.h"

#include <vector>

#include "base/time_units.h"

namespace adit {
namespace {

// What is there is written again, in case somebody took it away unheard. It changes nothing else.
constexpr uint64_t kRewriteNs = 60 * kNsPerSecond;
constexpr uint64_t kRetryWriteNs = 5 * kNsPerSecond;
// A MAC may have changed its place in the table during one.
constexpr uint32_t kSweepsToWait = 2;
// What a former run left is taken away after so long, if it is not at a member by then.
constexpr uint64_t kKeepLeftoversNs = 20 * kNsPerSecond;
constexpr std::size_t kBucketsPerTick = 256;

}  // namespace

void FdbAnnouncer::configure(const std::string& interface, Leaving& leaving) {
  if (interface == interface_) return;
  if (number_ != 0)
    for (const auto& [mac, known] : known_)
      if (known.is_written) leaving.emplace_back(number_, MacAddr::from_u64(mac));
  *this = {};
  interface_ = interface;
}

void FdbAnnouncer::set_link(const LinkMessage* link) {
  const uint32_t number = link == nullptr ? 0 : link->number;
  const uint32_t master = link == nullptr ? 0 : link->master;
  if (number == number_ && master == master_) return;
  const bool was_there = number_ != 0;
  number_ = number;
  master_ = master;
  error_.clear();
  retry_ns_ = 0;
  for (auto& [mac, known] : known_) {
    // With its port, the kernel has removed the entries.
    if (was_there) set_written(known, false);
    if (!known.is_gone && !known.is_written) queue(mac, known);
  }
}

// Not where nothing can be written: set_link() does, when there is a bridge.
void FdbAnnouncer::queue(uint64_t mac, Known& known) {
  if (master_ == 0 || std::exchange(known.is_queued, true)) return;
  waiting_.push_back(mac);
  if (waiting_.size() < 2 * known_.size() + 1024) return;
  // Most are no longer known.
  waiting_.clear();
  for (auto& [each, its] : known_)
    if (its.is_queued) waiting_.push_back(each);
}

void FdbAnnouncer::set_written(Known& known, bool is_written) {
  if (std::exchange(known.is_written, is_written) == is_written) return;
  if (is_written)
    ++written_;
  else
    --written_;
}

void FdbAnnouncer::at_member(MacAddr mac, uint64_t now_ns) {
  const uint64_t key = mac.to_u64();
  Known& known = known_[key];
  known.sweep = sweep_;
  known.is_gone = false;
  if (!known.is_written) return queue(key, known);
  // Where nothing can be written, there is no use in more.
  if (now_ns < known.written_ns + kRewriteNs || rewrites_.size() > known_.size()) return;
  known.written_ns = now_ns;  // once in that time
  rewrites_.push_back(key);
}

void FdbAnnouncer::heard(MacAddr mac, bool is_gone, uint64_t now_ns) {
  const auto found = known_.find(mac.to_u64());
  if (found != known_.end()) return set_written(found->second, !is_gone);
  if (is_gone) return;
  Known& leftover = known_[mac.to_u64()];
  leftover.sweep = sweep_;
  leftover.keep_until_ns = now_ns + kKeepLeftoversNs;
  set_written(leftover, true);
}

// Some of all that are known in a turn.
void FdbAnnouncer::look_for_gone(uint64_t now_ns) {
  std::vector<uint64_t> gone;
  for (std::size_t left = kBucketsPerTick; left > 0; --left) {
    if (next_bucket_ >= known_.bucket_count()) {
      next_bucket_ = 0;
      break;
    }
    for (auto at = known_.begin(next_bucket_); at != known_.end(next_bucket_); ++at) {
      Known& known = at->second;
      if (known.sweep + kSweepsToWait >= sweep_ || now_ns < known.keep_until_ns) continue;
      known.is_gone = true;
      if (known.is_written)
        queue(at->first, known);
      else
        gone.push_back(at->first);
    }
    ++next_bucket_;
  }
  for (const uint64_t mac : gone) known_.erase(mac);
}

unsigned FdbAnnouncer::tick(BridgeFdb& bridge, const std::function<bool(MacAddr)>& may_write,
                            unsigned most, uint64_t now_ns) {
  if (interface_.empty()) return most;
  look_for_gone(now_ns);
  if (master_ == 0 || now_ns < retry_ns_) return most;
  while (most > 0 && !(waiting_.empty() && rewrites_.empty())) {
    auto& from = waiting_.empty() ? rewrites_ : waiting_;
    const uint64_t mac = from.front();
    from.pop_front();
    --most;
    const auto at = known_.find(mac);
    if (at == known_.end() || write(bridge, may_write, at, now_ns)) continue;
    // Behind all others: they may fare better.
    from.push_back(mac);
    retry_ns_ = now_ns + kRetryWriteNs;
    return most;
  }
  return most;
}

// False: the kernel did not take it.
bool FdbAnnouncer::write(BridgeFdb& bridge, const std::function<bool(MacAddr)>& may_write,
                         All::iterator at, uint64_t now_ns) {
  Known& known = at->second;
  const MacAddr mac = MacAddr::from_u64(at->first);
  if (!known.is_gone && !may_write(mac)) {  // a sweep will tell
    known.is_queued = false;
    return true;
  }
  if (known.is_gone)
    error_ = known.is_written ? bridge.remove(number_, mac) : "";
  else
    error_ = bridge.add(number_, mac);
  if (!error_.empty()) return false;
  set_written(known, !known.is_gone);
  if (known.is_gone) {
    known_.erase(at);
    return true;
  }
  known.is_queued = false;
  known.written_ns = now_ns;
  return true;
}

std::string FdbAnnouncer::complaint() const {
  if (interface_.empty()) return "";
  if (number_ == 0) return "there is no interface '" + interface_ + "' in that network namespace";
  if (master_ == 0) return "'" + interface_ + "' is in no bridge";
  return error_.empty() ? "" : "'" + interface_ + "': " + error_;
}

}  // namespace adit

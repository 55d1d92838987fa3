// SPDX-License-Identifier: Apache-2.0
#include "netlink/fdb_announcer.h"

#include <utility>

#include "base/time_units.h"

namespace adit {
namespace {

constexpr unsigned kWritesPerTick = 16;
// What is there is written again, in case somebody took it away unheard. It changes nothing else.
constexpr uint64_t kRewriteNs = 60 * kNsPerSecond;
constexpr uint64_t kRetryWriteNs = 5 * kNsPerSecond;
// A MAC may have changed its place in the table during one.
constexpr uint32_t kSweepsToWait = 2;
// What a former run left is taken away after so many, if it is not at a member by then.
constexpr uint32_t kSweepsForLeftovers = 20;

}  // namespace

void FdbAnnouncer::configure(const std::string& interface) {
  if (interface == interface_) return;
  *this = {};
  interface_ = interface;
}

void FdbAnnouncer::set_link(const LinkMessage* link) {
  const uint32_t number = link == nullptr ? 0 : link->number;
  const uint32_t master = link == nullptr ? 0 : link->master;
  if (number == number_ && master == master_) return;
  const bool is_first = number_ == 0;
  number_ = number;
  master_ = master;
  error_.clear();
  retry_ns_ = 0;
  if (is_first) return;
  // With its port, the kernel has removed the entries.
  for (auto& [mac, known] : known_) {
    set_written(known, false);
    if (!known.is_gone) queue(mac, known);
  }
}

void FdbAnnouncer::queue(uint64_t mac, Known& known) {
  if (std::exchange(known.is_queued, true)) return;
  waiting_.push_back(mac);
}

void FdbAnnouncer::set_written(Known& known, bool is_written) {
  if (std::exchange(known.is_written, is_written) == is_written) return;
  if (is_written)
    ++written_;
  else
    --written_;
}

void FdbAnnouncer::at_member(MacAddr mac, uint64_t now_ns) {
  Known& known = known_[mac.to_u64()];
  known.sweep = sweep_;
  known.is_gone = false;
  if (!known.is_written || now_ns >= known.written_ns + kRewriteNs) queue(mac.to_u64(), known);
}

void FdbAnnouncer::swept() {
  for (auto& [mac, known] : known_) {
    if (known.sweep + kSweepsToWait > sweep_) continue;
    known.is_gone = true;
    queue(mac, known);
  }
  ++sweep_;
}

void FdbAnnouncer::heard(MacAddr mac, bool is_gone) {
  const uint64_t key = mac.to_u64();
  const auto found = known_.find(key);
  if (found == known_.end()) {
    if (is_gone) return;
    Known& leftover = known_[key];
    leftover.sweep = sweep_ + kSweepsForLeftovers;
    set_written(leftover, true);
  } else if (is_gone) {
    set_written(found->second, false);
  }
}

void FdbAnnouncer::tick(BridgeFdb& bridge, const std::function<bool(MacAddr)>& is_at_member,
                        uint64_t now_ns) {
  if (waiting_.empty() || master_ == 0 || now_ns < retry_ns_) return;
  for (unsigned left = kWritesPerTick; left > 0 && !waiting_.empty(); --left) {
    const auto at = known_.find(waiting_.front());
    if (at == known_.end()) {
      waiting_.pop_front();
      continue;
    }
    Known& known = at->second;
    const MacAddr mac = MacAddr::from_u64(at->first);
    if (!known.is_gone && !is_at_member(mac)) {  // a sweep will tell
      waiting_.pop_front();
      known.is_queued = false;
      continue;
    }
    error_ = known.is_gone ? (known.is_written ? bridge.remove(number_, mac) : "")
                           : bridge.add(number_, mac);
    if (!error_.empty()) {
      retry_ns_ = now_ns + kRetryWriteNs;
      return;
    }
    waiting_.pop_front();
    set_written(known, !known.is_gone);
    if (known.is_gone) {
      known_.erase(at);
      continue;
    }
    known.is_queued = false;
    known.written_ns = now_ns;
  }
}

void FdbAnnouncer::withdraw(BridgeFdb& bridge) {
  if (number_ != 0)
    for (const auto& [mac, known] : known_)
      if (known.is_written && !bridge.remove(number_, MacAddr::from_u64(mac)).empty()) break;
  const std::string interface = interface_;
  *this = {};
  interface_ = interface;
}

std::string FdbAnnouncer::complaint() const {
  if (interface_.empty()) return "";
  if (number_ == 0) return "there is no interface '" + interface_ + "' in that network namespace";
  if (master_ == 0) return "'" + interface_ + "' is in no bridge";
  return error_.empty() ? "" : "'" + interface_ + "': " + error_;
}

}  // namespace adit

// SPDX-License-Identifier: Apache-2.0
#include "health/checker.h"

#include <algorithm>
#include <boost/asio/post.hpp>
#include <boost/asio/steady_timer.hpp>
#include <deque>
#include <map>
#include <random>
#include <string>

#include "health/probe.h"
#include "health/probe_context.h"

namespace adit {
namespace {

using boost::system::error_code;
using Clock = std::chrono::steady_clock;
using std::chrono::milliseconds;

struct Entry {
  Entry(boost::asio::io_context& io, HealthKey its_key, const HealthTarget& its_target)
      : key(its_key), target(its_target), state(target.options.rules, Clock::now()), timer(io) {}

  const HealthKey key;
  HealthTarget target;
  HealthState state;
  boost::asio::steady_timer timer;  // to the next check
  std::shared_ptr<Probe> probe;     // under way
  Clock::time_point started;
  std::string running_of;  // the VRF whose share the probe under way uses
  bool queued = false;
  bool removed = false;
  bool in_step = true;  // with all that were added at the same time
  uint64_t checks = 0;
  ProbeResult last;
};

// Checks that are due, and whose turn it is: VRFs in turns, each VRF's in the order in which they
// became due. While others have checks too, a VRF has three quarters of the probes at most, of what
// is left by others: so the slow checks of one do not delay those of another.
class Turns {
 public:
  void add(const std::shared_ptr<Entry>& entry) {
    vrfs_[entry->target.vrf].ready.push_back(entry);
    ++queued_;
  }
  void began(const std::string& vrf) { ++vrfs_[vrf].running; }
  void ended(const std::string& vrf) {
    const auto found = vrfs_.find(vrf);
    --found->second.running;
    forget_if_idle(found);
  }
  void clear() {
    vrfs_.clear();
    queued_ = 0;
  }

  // Those that were removed leave when it is their turn, unless they become too many.
  void tidy(size_t entries) {
    if (queued_ <= 2 * entries + 1024) return;
    queued_ = 0;
    for (auto& [name, vrf] : vrfs_) {
      std::erase_if(vrf.ready, [](const auto& entry) { return entry->removed; });
      queued_ += vrf.ready.size();
    }
  }
  size_t waiting() const noexcept {
    size_t count = 0;
    for (const auto& [name, vrf] : vrfs_)
      count += static_cast<size_t>(
          std::ranges::count_if(vrf.ready, [](const auto& entry) { return !entry->removed; }));
    return count;
  }

  // `free`: how many more probes there may be.
  bool any_may_run(size_t free) const noexcept {
    return std::ranges::any_of(vrfs_, [&](const auto& each) { return may_run(each.second, free); });
  }
  // The next one, or null.
  std::shared_ptr<Entry> take(size_t free) {
    for (size_t left = vrfs_.size(); left > 0; --left) {
      auto next = vrfs_.upper_bound(last_);
      if (next == vrfs_.end()) next = vrfs_.begin();
      last_ = next->first;
      std::deque<std::shared_ptr<Entry>>& ready = next->second.ready;
      while (may_run(next->second, free)) {
        const std::shared_ptr<Entry> entry = std::move(ready.front());
        ready.pop_front();
        --queued_;
        if (!entry->removed) return entry;
      }
      forget_if_idle(next);
    }
    return nullptr;
  }

 private:
  static constexpr size_t kShareFactor = 3;
  struct Vrf {
    std::deque<std::shared_ptr<Entry>> ready;
    size_t running = 0;
  };
  bool may_run(const Vrf& vrf, size_t free) const noexcept {
    return !vrf.ready.empty() && free != 0 &&
           (vrfs_.size() == 1 || vrf.running < kShareFactor * free);
  }
  void forget_if_idle(std::map<std::string, Vrf>::iterator vrf) {
    if (vrf->second.ready.empty() && vrf->second.running == 0) vrfs_.erase(vrf);
  }

  std::map<std::string, Vrf> vrfs_;  // with checks that are due or under way
  std::string last_;                 // whose turn it was
  size_t queued_ = 0;
};

std::string in_a_row(unsigned count, const char* one, const char* more) {
  return count == 1 ? std::string("1 ") + one : std::to_string(count) + ' ' + more + " in a row";
}

std::string reason(const Entry& entry) {
  const HealthState& state = entry.state;
  std::string why = state.up() ? in_a_row(state.successes(), "success", "successes")
                               : in_a_row(state.failures(), "failure", "failures");
  why += ": " + entry.last.detail;
  if (state.phase() == HealthPhase::kHeld) {
    const auto hold =
        std::chrono::duration_cast<std::chrono::seconds>(state.held_until() - state.since());
    why += "; it flaps, and is held down for " + std::to_string(hold.count()) + " s";
  }
  return why;
}

HealthView view_of(const Entry& entry, bool has_packet_way) {
  const CheckQuestion& question = entry.target.options.question;
  HealthView view;
  view.key = entry.key;
  view.service = entry.target.service;
  view.address = entry.target.address;
  view.port = question.port.value_or(entry.target.port);
  view.kind = question.kind;
  view.way = has_packet_way ? question.way : CheckWay::kHost;
  view.device = question.device;
  view.lacks_way = !has_packet_way && question.way == CheckWay::kPackets;
  view.up = entry.state.up();
  view.phase = entry.state.phase();
  view.since = entry.state.since();
  if (view.phase == HealthPhase::kHeld) view.held_until = entry.state.held_until();
  view.checks = entry.checks;
  view.last_verdict = entry.last.verdict;
  view.last_detail = entry.last.detail;
  view.last_latency_ms = entry.last.latency_ms;
  view.successes = entry.state.successes();
  view.failures = entry.state.failures();
  return view;
}

}  // namespace

class HealthChecker::Impl : public std::enable_shared_from_this<Impl> {
 public:
  Impl(boost::asio::io_context& io, Changed changed, size_t max_probes, HealthChecker::Now now,
       PacketWay* way)
      : io_(io),
        context_(std::make_shared<ProbeContext>(io, std::move(now), way)),
        changed_(std::move(changed)),
        max_probes_(std::max<size_t>(max_probes, 1)) {}

  // Handlers that are under way find their entry removed and touch nothing.
  void stop() {
    for (const auto& [key, entry] : entries_) retire(*entry);
    entries_.clear();
    turns_.clear();
  }

  void add(HealthKey key, const HealthTarget& target, FirstCheck first) {
    if (entries_.contains(key)) return update(key, target);
    const auto entry = std::make_shared<Entry>(io_, key, target);
    entries_.emplace(key, entry);
    if (first == FirstCheck::kAtOnce) return enqueue(entry);
    entry->in_step = false;
    schedule(entry, part_of_interval(*entry, 0, 1));
  }

  void update(HealthKey key, const HealthTarget& target) {
    const auto found = entries_.find(key);
    if (found == entries_.end()) return add(key, target, FirstCheck::kAtOnce);
    const std::shared_ptr<Entry> entry = found->second;
    const HealthTarget former = std::exchange(entry->target, target);
    const HealthOptions& options = target.options;
    entry->state.set_rules(options.rules);
    if (former.address != target.address || former.port != target.port) {
      entry->state = HealthState(options.rules, Clock::now());
      entry->checks = 0;
      entry->last = {};
      check_anew(entry);
    } else if (former.options.question != options.question) {
      entry->state.restart(Clock::now());
      check_anew(entry);
    } else if (former.options.interval_ms != options.interval_ms && !entry->queued &&
               !entry->probe) {
      const auto left = entry->timer.expiry() - Clock::now();
      schedule(entry, std::min<Clock::duration>(left, part_of_interval(*entry, 0.9, 1.1)));
    }
  }

  void remove(HealthKey key) {
    const auto found = entries_.find(key);
    if (found == entries_.end()) return;
    retire(*found->second);
    entries_.erase(found);
    turns_.tidy(entries_.size());
    schedule_turn();
  }

  const Entry* find(HealthKey key) const {
    const auto found = entries_.find(key);
    return found == entries_.end() ? nullptr : found->second.get();
  }

  HealthView view(const Entry& entry) const {
    return view_of(entry, context_->packet_way() != nullptr);
  }

  std::vector<HealthView> snapshot() const {
    std::vector<HealthView> views;
    views.reserve(entries_.size());
    for (const auto& [key, entry] : entries_) views.push_back(view(*entry));
    return views;
  }

  size_t running() const noexcept { return running_; }
  size_t waiting() const noexcept { return turns_.waiting(); }

 private:
  Clock::duration part_of_interval(const Entry& entry, double least, double most) {
    std::uniform_real_distribution<double> factor(least, most);
    const std::chrono::duration<double, std::milli> part(entry.target.options.interval_ms *
                                                         factor(context_->random()));
    return std::chrono::duration_cast<Clock::duration>(part);
  }

  void cancel_probe(Entry& entry) {
    if (!entry.probe) return;
    entry.probe->cancel();
    end_probe(entry);
  }

  void end_probe(Entry& entry) {
    entry.probe.reset();
    --running_;
    turns_.ended(entry.running_of);
  }

  void retire(Entry& entry) {
    entry.removed = true;
    entry.timer.cancel();
    cancel_probe(entry);
  }

  void check_anew(const std::shared_ptr<Entry>& entry) {
    cancel_probe(*entry);
    entry->timer.cancel();
    enqueue(entry);
    schedule_turn();
  }

  void schedule(const std::shared_ptr<Entry>& entry, Clock::duration delay) {
    entry->timer.expires_after(std::max(delay, Clock::duration::zero()));
    entry->timer.async_wait([self = shared_from_this(), entry](error_code error) {
      if (!error && !entry->removed) self->enqueue(entry);
    });
  }

  void enqueue(const std::shared_ptr<Entry>& entry) {
    if (entry->queued || entry->probe) return;
    entry->queued = true;
    turns_.add(entry);
    schedule_turn();
  }

  // One start, then back to the io_context, which has packets' timers to serve.
  void schedule_turn() {
    if (turn_scheduled_ || !turns_.any_may_run(max_probes_ - running_)) return;
    turn_scheduled_ = true;
    boost::asio::post(io_, [self = shared_from_this()] {
      self->turn_scheduled_ = false;
      self->turn();
      self->schedule_turn();
    });
  }

  void turn() {
    if (const std::shared_ptr<Entry> entry = turns_.take(max_probes_ - running_)) begin(entry);
  }

  void begin(const std::shared_ptr<Entry>& entry) {
    entry->queued = false;
    entry->started = Clock::now();
    entry->probe = make_probe(context_, entry->target);
    ++running_;
    entry->running_of = entry->target.vrf;
    turns_.began(entry->running_of);
    entry->probe->start([self = shared_from_this(), entry](const ProbeResult& result) {
      self->complete(entry, result);
    });
  }

  void complete(const std::shared_ptr<Entry>& entry, const ProbeResult& result) {
    end_probe(*entry);
    entry->last = result;
    ++entry->checks;
    // Those that were added together part after their first check, and jitter keeps them so.
    const double least = entry->in_step ? 0.5 : 0.9;
    entry->in_step = false;
    const auto now = Clock::now();
    schedule(entry, entry->started + part_of_interval(*entry, least, 1.1) - now);
    schedule_turn();
    if (result.verdict == Verdict::kUnknown) return;
    if (entry->state.feed(result.verdict == Verdict::kUp, now))
      changed_(entry->key, entry->state.up(), reason(*entry));
  }

  boost::asio::io_context& io_;
  const std::shared_ptr<ProbeContext> context_;
  const Changed changed_;
  const size_t max_probes_;
  std::map<HealthKey, std::shared_ptr<Entry>> entries_;
  Turns turns_;
  size_t running_ = 0;
  bool turn_scheduled_ = false;
};

HealthChecker::HealthChecker(boost::asio::io_context& io, Changed changed, size_t max_probes,
                             Now now, PacketWay* way)
    : impl_(std::make_shared<Impl>(io, std::move(changed), max_probes, std::move(now), way)) {}

HealthChecker::~HealthChecker() {
  impl_->stop();
}

void HealthChecker::add(HealthKey key, const HealthTarget& target, FirstCheck first) {
  impl_->add(key, target, first);
}

void HealthChecker::update(HealthKey key, const HealthTarget& target) {
  impl_->update(key, target);
}

void HealthChecker::remove(HealthKey key) {
  impl_->remove(key);
}

bool HealthChecker::up(HealthKey key) const {
  const Entry* entry = impl_->find(key);
  return entry != nullptr && entry->state.up();
}

std::optional<HealthView> HealthChecker::find(HealthKey key) const {
  const Entry* entry = impl_->find(key);
  return entry == nullptr ? std::nullopt : std::optional(impl_->view(*entry));
}

std::vector<HealthView> HealthChecker::snapshot() const {
  return impl_->snapshot();
}

size_t HealthChecker::running() const noexcept {
  return impl_->running();
}

size_t HealthChecker::waiting() const noexcept {
  return impl_->waiting();
}

}  // namespace adit

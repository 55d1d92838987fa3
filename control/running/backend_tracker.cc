// SPDX-License-Identifier: Apache-2.0
#include "running/backend_tracker.h"

#include <algorithm>
#include <string_view>
#include <unordered_set>
#include <utility>

#include "base/time_units.h"

namespace adit {
namespace {

// Steps of a slow start: 1% of the shortest one that there is would be 10 ms.
constexpr uint64_t kGrowNs = 100'000'000;

// The full weight, or from a tenth of it on in proportion to the time; never 0 on the way.
uint16_t weight_at(const BackendFacts& facts, const BackendTracker::State& state, uint64_t now_ns) {
  if (!state.starting_ns || facts.weight == 0) return facts.weight;
  const uint64_t whole_ns = facts.slow_start_s * kNsPerSecond;
  const uint64_t gone_ns = now_ns - std::min(now_ns, *state.starting_ns);
  if (gone_ns >= whole_ns) return facts.weight;
  const double share = 0.1 + 0.9 * static_cast<double>(gone_ns) / static_cast<double>(whole_ns);
  return std::max(static_cast<uint16_t>(facts.weight * share), uint16_t{1});
}

}  // namespace

BackendChanges compare_backends(const BackendMap& former, BackendMap next) {
  BackendChanges changes;
  std::unordered_set<std::string_view> running;  // services
  if (std::ranges::any_of(*next, [](const auto& one) { return one.second->slow_start_s != 0; }))
    for (const auto& [id, facts] : *former) running.insert(facts->name.service);
  auto old = former->begin();
  for (const auto& [id, facts] : *next) {
    for (; old != former->end() && old->first < id; ++old) changes.gone.push_back(old->first);
    if (old == former->end() || old->first != id) {
      const bool slowly = facts->slow_start_s != 0 && running.contains(facts->name.service);
      changes.added.push_back({id, slowly});
      continue;
    }
    if (old->second != facts && *old->second != *facts) changes.changed.push_back(id);
    ++old;
  }
  for (; old != former->end(); ++old) changes.gone.push_back(old->first);
  changes.next = std::move(next);
  return changes;
}

void BackendTracker::check_by(HealthChecks& checks, uint64_t now_ns) {
  checks_ = &checks;
  for (const auto& [id, facts] : *backends_) {
    if (!facts->check) continue;
    checks.add(id, *facts->check, FirstCheck::kSpread);
    State& state = states_.at(id);
    state.up = checks.up(id);
    state.since_ns = now_ns;
    state.starting_ns.reset();
    store(id, now_ns);
  }
}

const BackendFacts* BackendTracker::find(BackendId id) const {
  for (const BackendMap* map : {&next_, &backends_})
    if (*map)
      if (const BackendFacts* found = (*map)->find(id)) return found;
  return nullptr;
}

bool BackendTracker::add(BackendChanges& changes, uint64_t now_ns) {
  next_ = changes.next;
  const size_t all = changes.added.size() + changes.changed.size();
  const size_t end = std::min(all, changes.done + kSlice);
  for (; changes.done < end; ++changes.done) {
    if (changes.done < changes.added.size())
      add_one(changes.added[changes.done], now_ns);
    else
      change_one(changes.changed[changes.done - changes.added.size()], now_ns);
  }
  return changes.done == all;
}

void BackendTracker::add(const Config& config, const CompiledIds& ids, uint64_t now_ns) {
  auto next = std::make_shared<const BackendFactsTable>(backend_facts(config, ids));
  BackendChanges changes = compare_backends(backends_, std::move(next));
  while (!add(changes, now_ns)) continue;
  replace(changes);
  while (!remove_gone(changes)) continue;
}

void BackendTracker::add_one(const BackendChanges::Added& added, uint64_t now_ns) {
  const BackendId id = added.id;
  State& state = states_.try_emplace(states_.end(), id)->second;
  state = {.since_ns = now_ns};
  if (added.starts_slowly) state.starting_ns = now_ns;
  const BackendFacts& facts = *find(id);
  if (checks_ != nullptr && facts.check) {
    checks_->update(id, *facts.check);  // also adds it
    state.up = checks_->up(id);
  }
  note_drained(state, facts, now_ns);
  store(id, state, facts, now_ns);
}

void BackendTracker::change_one(BackendId id, uint64_t now_ns) {
  State& state = states_.at(id);
  const BackendFacts& facts = *find(id);
  if (facts.slow_start_s == 0) state.starting_ns.reset();
  bool up = true;
  if (checks_ != nullptr && facts.check) {
    checks_->update(id, *facts.check);
    up = checks_->up(id);
  } else if (checks_ != nullptr) {
    checks_->remove(id);
  }
  if (state.up != up) set_up(id, up, now_ns);
  note_drained(state, facts, now_ns);
  store(id, state, facts, now_ns);
}

void BackendTracker::undo(const BackendChanges& changes, uint64_t now_ns) {
  next_.reset();
  for (size_t i = 0; i < changes.done; ++i) {
    if (i < changes.added.size())
      remove_one(changes.added[i].id);
    else
      change_one(changes.changed[i - changes.added.size()], now_ns);
  }
}

void BackendTracker::replace(const BackendChanges& changes) {
  backends_ = changes.next;
  next_.reset();
}

bool BackendTracker::remove_gone(BackendChanges& changes) {
  const size_t end = std::min(changes.gone.size(), changes.removed + kSlice);
  for (; changes.removed < end; ++changes.removed) remove_one(changes.gone[changes.removed]);
  return changes.removed == changes.gone.size();
}

void BackendTracker::remove_one(BackendId id) {
  status_.store(id, {});
  states_.erase(id);
  if (checks_ != nullptr) checks_->remove(id);
}

void BackendTracker::changed(BackendId id, bool up, uint64_t now_ns) {
  if (find(id) == nullptr || !states_.contains(id)) return;
  set_up(id, up, now_ns);
  store(id, now_ns);
}

bool BackendTracker::set_reachable(BackendId id, bool reachable, uint64_t now_ns) {
  const auto found = states_.find(id);
  if (found == states_.end() || found->second.is_unreachable == !reachable) return false;
  found->second.is_unreachable = !reachable;
  store(id, now_ns);
  return true;
}

void BackendTracker::tick(uint64_t now_ns) {
  if ((!any_starts_ && !any_drains_) || now_ns - grown_ns_ < kGrowNs) return;
  grown_ns_ = now_ns;
  any_starts_ = any_drains_ = false;
  for (auto& [id, state] : states_) {
    const BackendFacts* known = find(id);
    if (known == nullptr) continue;  // it goes
    const BackendFacts& facts = *known;
    if (state.drained_ns && !state.moves_udp && facts.drain_udp_s != 0) {
      state.moves_udp = now_ns - *state.drained_ns >= facts.drain_udp_s * kNsPerSecond;
      any_drains_ = any_drains_ || !state.moves_udp;
      if (state.moves_udp) store(id, now_ns);
    }
    if (!state.starting_ns) continue;
    if (now_ns - *state.starting_ns >= facts.slow_start_s * kNsPerSecond) state.starting_ns.reset();
    store(id, now_ns);
  }
}

unsigned BackendTracker::move_udp(const std::optional<std::string>& service,
                                  const std::optional<IpAddr>& address, uint64_t now_ns) {
  unsigned count = 0;
  for (auto& [id, state] : states_) {
    const BackendFacts* facts = find(id);
    if (facts == nullptr) continue;  // it goes
    const BackendName& name = facts->name;
    if (!state.drained_ns || (service && name.service != *service) ||
        (address && name.address != *address))
      continue;
    state.moves_udp = true;
    store(id, now_ns);
    ++count;
  }
  return count;
}

std::optional<HealthView> BackendTracker::health(BackendId id) const {
  return checks_ == nullptr ? std::nullopt : checks_->find(id);
}

void BackendTracker::note_drained(State& state, const BackendFacts& facts, uint64_t now_ns) {
  if (facts.weight != 0) {
    state.drained_ns.reset();
    state.moves_udp = false;
    return;
  }
  if (!state.drained_ns) state.drained_ns = now_ns;
  any_drains_ = any_drains_ || (facts.drain_udp_s != 0 && !state.moves_udp);
}

void BackendTracker::set_up(BackendId id, bool up, uint64_t now_ns) {
  State& state = states_.at(id);
  state.up = up;
  state.since_ns = now_ns;
  state.starting_ns.reset();
  if (up && find(id)->slow_start_s != 0) state.starting_ns = now_ns;
}

void BackendTracker::store(BackendId id, uint64_t now_ns) {
  const BackendFacts* known = find(id);
  if (known != nullptr) store(id, states_.at(id), *known, now_ns);  // else it goes
}

void BackendTracker::store(BackendId id, const State& state, const BackendFacts& facts,
                           uint64_t now_ns) {
  any_starts_ = any_starts_ || state.starting_ns;
  // A link may be back in a second: connections are not ended for it.
  status_.store(id, {.weight = weight_at(facts, state, now_ns),
                     .up = state.up && !state.is_unreachable,
                     .keeps = facts.keeps || (state.up && state.is_unreachable),
                     .moves = state.moves_udp});
}

}  // namespace adit

// SPDX-License-Identifier: Apache-2.0
#include "running/backend_keeper.h"

#include <algorithm>
#include <set>
#include <string_view>
#include <utility>

#include "base/time_units.h"

namespace adit {
namespace {

// Steps of a slow start: 1% of the shortest one that there is would be 10 ms.
constexpr uint64_t kGrowNs = 100'000'000;

// The full weight, or from a tenth of it on in proportion to the time; never 0 on the way.
uint16_t weight_at(const BackendFacts& facts, const BackendKeeper::Standing& standing,
                   uint64_t now_ns) {
  if (!standing.starting_ns || facts.weight == 0) return facts.weight;
  const uint64_t whole_ns = facts.slow_start_s * kNsPerSecond;
  const uint64_t gone_ns = now_ns - std::min(now_ns, *standing.starting_ns);
  if (gone_ns >= whole_ns) return facts.weight;
  const double share = 0.1 + 0.9 * static_cast<double>(gone_ns) / static_cast<double>(whole_ns);
  return std::max(static_cast<uint16_t>(facts.weight * share), uint16_t{1});
}

}  // namespace

BackendChanges compare_backends(const BackendMap& former, BackendMap next) {
  BackendChanges changes;
  std::set<std::string_view> running;  // services
  for (const auto& [id, facts] : *former) running.insert(facts.name.service);
  auto old = former->begin();
  for (const auto& [id, facts] : *next) {
    for (; old != former->end() && old->first < id; ++old) changes.gone.push_back(old->first);
    if (old == former->end() || old->first != id) {
      const bool slowly = facts.slow_start_s != 0 && running.contains(facts.name.service);
      changes.added.push_back({id, slowly});
      continue;
    }
    if (old->second != facts) changes.changed.push_back(id);
    ++old;
  }
  for (; old != former->end(); ++old) changes.gone.push_back(old->first);
  changes.next = std::move(next);
  return changes;
}

void BackendKeeper::check_by(HealthChecks& checks, uint64_t now_ns) {
  checks_ = &checks;
  for (const auto& [id, facts] : *backends_) {
    if (!facts.check) continue;
    checks.add(id, *facts.check, FirstCheck::kSpread);
    Standing& standing = standings_.at(id);
    standing.up = checks.up(id);
    standing.since_ns = now_ns;
    standing.starting_ns.reset();
    store(id, now_ns);
  }
}

const BackendFacts* BackendKeeper::find(BackendId id) const {
  for (const BackendMap* map : {&next_, &backends_})
    if (*map)
      if (const auto found = (*map)->find(id); found != (*map)->end()) return &found->second;
  return nullptr;
}

bool BackendKeeper::add(BackendChanges& changes, uint64_t now_ns) {
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

void BackendKeeper::add(const Config& config, const CompiledIds& ids, uint64_t now_ns) {
  auto next = std::make_shared<const BackendMap::element_type>(backend_facts(config, ids));
  BackendChanges changes = compare_backends(backends_, std::move(next));
  while (!add(changes, now_ns)) continue;
  replace(changes);
  while (!remove_gone(changes)) continue;
}

void BackendKeeper::add_one(const BackendChanges::Added& added, uint64_t now_ns) {
  const BackendId id = added.id;
  Standing& standing = standings_[id];
  standing = {.since_ns = now_ns};
  if (added.starts_slowly) standing.starting_ns = now_ns;
  const BackendFacts& facts = *find(id);
  if (checks_ != nullptr && facts.check) {
    checks_->update(id, *facts.check);  // also adds it
    standing.up = checks_->up(id);
  }
  note_drained(id, now_ns);
  store(id, now_ns);
}

void BackendKeeper::change_one(BackendId id, uint64_t now_ns) {
  Standing& standing = standings_.at(id);
  const BackendFacts& facts = *find(id);
  if (facts.slow_start_s == 0) standing.starting_ns.reset();
  bool up = true;
  if (checks_ != nullptr && facts.check) {
    checks_->update(id, *facts.check);
    up = checks_->up(id);
  } else if (checks_ != nullptr) {
    checks_->remove(id);
  }
  if (standing.up != up) set_up(id, up, now_ns);
  note_drained(id, now_ns);
  store(id, now_ns);
}

void BackendKeeper::take_back(const BackendChanges& changes, uint64_t now_ns) {
  next_.reset();
  for (size_t i = 0; i < changes.done; ++i) {
    if (i < changes.added.size())
      remove_one(changes.added[i].id);
    else
      change_one(changes.changed[i - changes.added.size()], now_ns);
  }
}

void BackendKeeper::replace(const BackendChanges& changes) {
  backends_ = changes.next;
  next_.reset();
}

bool BackendKeeper::remove_gone(BackendChanges& changes) {
  const size_t end = std::min(changes.gone.size(), changes.removed + kSlice);
  for (; changes.removed < end; ++changes.removed) remove_one(changes.gone[changes.removed]);
  return changes.removed == changes.gone.size();
}

void BackendKeeper::remove_one(BackendId id) {
  lives_.store(id, {});
  standings_.erase(id);
  if (checks_ != nullptr) checks_->remove(id);
}

void BackendKeeper::changed(BackendId id, bool up, uint64_t now_ns) {
  if (find(id) == nullptr || !standings_.contains(id)) return;
  set_up(id, up, now_ns);
  store(id, now_ns);
}

bool BackendKeeper::set_reachable(BackendId id, bool reachable, uint64_t now_ns) {
  const auto found = standings_.find(id);
  if (found == standings_.end() || found->second.is_unreachable == !reachable) return false;
  found->second.is_unreachable = !reachable;
  store(id, now_ns);
  return true;
}

void BackendKeeper::tick(uint64_t now_ns) {
  if ((!any_starts_ && !any_drains_) || now_ns - grown_ns_ < kGrowNs) return;
  grown_ns_ = now_ns;
  any_starts_ = any_drains_ = false;
  for (auto& [id, standing] : standings_) {
    const BackendFacts* known = find(id);
    if (known == nullptr) continue;  // it goes
    const BackendFacts& facts = *known;
    if (standing.drained_ns && !standing.moves_udp && facts.drain_udp_s != 0) {
      standing.moves_udp = now_ns - *standing.drained_ns >= facts.drain_udp_s * kNsPerSecond;
      any_drains_ = any_drains_ || !standing.moves_udp;
      if (standing.moves_udp) store(id, now_ns);
    }
    if (!standing.starting_ns) continue;
    if (now_ns - *standing.starting_ns >= facts.slow_start_s * kNsPerSecond)
      standing.starting_ns.reset();
    store(id, now_ns);
  }
}

unsigned BackendKeeper::move_udp(const std::optional<std::string>& service,
                                 const std::optional<IpAddr>& address, uint64_t now_ns) {
  unsigned count = 0;
  for (auto& [id, standing] : standings_) {
    const BackendFacts* facts = find(id);
    if (facts == nullptr) continue;  // it goes
    const BackendName& name = facts->name;
    if (!standing.drained_ns || (service && name.service != *service) ||
        (address && name.address != *address))
      continue;
    standing.moves_udp = true;
    store(id, now_ns);
    ++count;
  }
  return count;
}

std::optional<HealthView> BackendKeeper::health(BackendId id) const {
  return checks_ == nullptr ? std::nullopt : checks_->find(id);
}

void BackendKeeper::note_drained(BackendId id, uint64_t now_ns) {
  Standing& standing = standings_.at(id);
  const BackendFacts& facts = *find(id);
  if (facts.weight != 0) {
    standing.drained_ns.reset();
    standing.moves_udp = false;
    return;
  }
  if (!standing.drained_ns) standing.drained_ns = now_ns;
  any_drains_ = any_drains_ || (facts.drain_udp_s != 0 && !standing.moves_udp);
}

void BackendKeeper::set_up(BackendId id, bool up, uint64_t now_ns) {
  Standing& standing = standings_.at(id);
  standing.up = up;
  standing.since_ns = now_ns;
  standing.starting_ns.reset();
  if (up && find(id)->slow_start_s != 0) standing.starting_ns = now_ns;
}

void BackendKeeper::store(BackendId id, uint64_t now_ns) {
  const BackendFacts* known = find(id);
  if (known == nullptr) return;  // it goes
  const BackendFacts& facts = *known;
  const Standing& standing = standings_.at(id);
  any_starts_ = any_starts_ || standing.starting_ns;
  // A link may be back in a second: connections are not ended for it.
  lives_.store(id, {.weight = weight_at(facts, standing, now_ns),
                    .up = standing.up && !standing.is_unreachable,
                    .keeps = facts.keeps || (standing.up && standing.is_unreachable),
                    .moves = standing.moves_udp});
}

}  // namespace adit

// SPDX-License-Identifier: Apache-2.0
#include "running/live_next_hops.h"

#include <unordered_set>
#include <utility>

namespace adit {

void LiveNextHops::bind(RunningState& state, std::span<const AdjacencyId> gone, uint64_t now_ns) {
  state_ = &state;
  is_shared_ = false;
  left_.clear();
  ids_ = IdAllocator(kMaxNextHops);
  if (!state.has_live_parts) {
    resting_.clear();
    return;
  }
  std::unordered_set<AdjacencyId> used;
  for (const auto& [hop, id] : state.ids.adjacencies) used.insert(id);
  for (const auto& [id, since_ns] : resting_) used.insert(id);
  for (const AdjacencyId id : gone)
    if (used.insert(id).second) resting_.push_back({id, now_ns});
  for (const AdjacencyId id : used) ids_.reserve(id);
}

AdjacencyId LiveNextHops::new_id(uint64_t now_ns) {
  if (!resting_.empty() && now_ns >= resting_.front().since_ns + kIdsRestNs) {
    const AdjacencyId id = resting_.front().id;
    resting_.pop_front();
    return id;
  }
  return ids_.allocate();
}

AdjacencyId LiveNextHops::take(const NextHop& hop, uint64_t now_ns) {
  CompiledIds& ids = state_->ids;
  const auto known = ids.adjacencies.find(hop);
  AdjacencyId id = known == ids.adjacencies.end() ? 0 : known->second;
  if (id == 0) {
    if (is_shared_) return 0;
    id = new_id(now_ns);
    if (id == 0) return 0;
    ids.adjacencies[hop] = id;
    neighbours_.add_next_hop(hop, id, now_ns);
  }
  if (id >= ids.next_hop_users.size()) ids.next_hop_users.resize(id + 1);
  ++ids.next_hop_users[id];
  return id;
}

void LiveNextHops::leave(const NextHop& hop, AdjacencyId id, uint64_t now_ns) {
  if (--state_->ids.next_hop_users[id] != 0) return;
  if (is_shared_)
    left_[hop] = id;
  else
    remove(hop, id, now_ns);
}

void LiveNextHops::remove(const NextHop& hop, AdjacencyId id, uint64_t now_ns) {
  state_->ids.adjacencies.erase(hop);
  neighbours_.remove_next_hop(hop);
  resting_.push_back({id, now_ns});
}

void LiveNextHops::prepare() {
  if (state_ == nullptr) return;
  auto& ids = state_->ids.resting_adjacencies;
  ids.clear();
  for (const Resting& each : resting_) ids.push_back(each.id);
  is_shared_ = true;
}

void LiveNextHops::resume(uint64_t now_ns) {
  is_shared_ = false;
  for (const auto& [hop, id] : std::exchange(left_, {}))
    if (state_->ids.next_hop_users[id] == 0) remove(hop, id, now_ns);
}

}  // namespace adit

// SPDX-License-Identifier: Apache-2.0
#include "balance/expiry.h"

#include "balance/schedule.h"

namespace adit {
namespace {

// After backends were removed, each connection is looked at once. What is removed meanwhile has
// the next round.
uint32_t sweep_removed(Worker& worker, uint32_t budget) noexcept {
  Balancer& balancer = *worker.balancer;
  const Snapshot& snapshot = *worker.snapshot;
  if (balancer.swept_for == snapshot.removals || !snapshot.expire_nodest) [[likely]]
    return 0;
  if (balancer.swept == 0) balancer.sweeps_for = snapshot.removals;
  uint32_t erased = 0;
  const auto is_removed = [&](ConnectionId id, const Connection& connection) {
    if (find_backend(snapshot, connection.backend) != nullptr) return false;
    uncount(worker, id, connection);
    ++erased;
    return true;
  };
  if (balancer.connections.sweep(balancer.swept, budget, is_removed))
    balancer.swept_for = balancer.sweeps_for;
  return erased;
}

}  // namespace

void expire_connections(Worker& worker) noexcept {
  constexpr uint64_t kLeastNs = 1'000'000;
  Balancer& balancer = *worker.balancer;
  if (worker.now_ns < balancer.expired_ns + kLeastNs) return;
  const uint64_t elapsed_ns = worker.now_ns - balancer.expired_ns;
  balancer.expired_ns = worker.now_ns;
  worker.templates[worker.id]->expire(worker.now_s, elapsed_ns);
  const uint32_t budget = balancer.connections.expiry_budget(elapsed_ns);
  uint32_t erased = balancer.connections.expire(
      worker.now_s, budget, [&worker](ConnectionId id, const Connection& connection) {
        uncount(worker, id, connection);
        return true;
      });
  // One more than there may be, to see that there is none behind the last.
  erased += sweep_removed(worker, budget + 1);
  if (erased != 0) balancer.size.store(balancer.connections.size(), std::memory_order_relaxed);
}

}  // namespace adit

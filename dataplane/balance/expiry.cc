// SPDX-License-Identifier: Apache-2.0
#include "balance/expiry.h"

#include "balance/to_backend.h"

namespace adit {
namespace {

// After backends were removed, checks each connection once. Backends that are removed meanwhile are
// handled in another round.
void sweep_removed(Worker& worker, uint32_t budget) noexcept {
  Balancer& balancer = *worker.balancer;
  const Snapshot& snapshot = *worker.snapshot;
  if (balancer.swept_for == snapshot.removals || !snapshot.expire_nodest) [[likely]]
    return;
  if (balancer.swept == 0) balancer.sweeps_for = snapshot.removals;
  Connections& connections = *worker.connections;
  const auto end_removed = [&](ConnectionId id, const Connection& connection) {
    if (connection.owner.kind == OwnerKind::kService &&
        find_backend(snapshot, connection.backend) == nullptr)
      connections.erase(worker, id);
  };
  if (connections.sweep(balancer.swept, budget, end_removed))
    balancer.swept_for = balancer.sweeps_for;
}

}  // namespace

void expire_connections(Worker& worker) noexcept {
  constexpr uint64_t kLeastNs = 1'000'000;
  Balancer& balancer = *worker.balancer;
  if (worker.now_ns < balancer.expired_ns + kLeastNs) return;
  const uint64_t elapsed_ns = worker.now_ns - balancer.expired_ns;
  balancer.expired_ns = worker.now_ns;
  worker.persistence[worker.id]->expire(worker.now_s, elapsed_ns);
  const uint32_t budget = worker.connections->expire(worker, elapsed_ns);
  // One more than the number of connections, to reach the end of the table.
  sweep_removed(worker, budget + 1);
}

}  // namespace adit

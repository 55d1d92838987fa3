// SPDX-License-Identifier: Apache-2.0
#include "running/worker_watch.h"

#include <algorithm>

namespace adit {
namespace {

// Control looks every millisecond. What a look comes later than that was a standstill of control
// as well, most likely of the whole machine, and says nothing of a worker.
constexpr uint64_t kLongestGapNs = 100'000'000;

}  // namespace

std::vector<WorkerWatch::Change> WorkerWatch::look(std::span<const uint64_t> passes,
                                                   uint64_t now_ns) {
  const bool first = workers_.size() != passes.size();
  if (first) workers_.assign(passes.size(), {});
  const uint64_t gap_ns = first ? 0 : std::min(now_ns - looked_ns_, kLongestGapNs);
  looked_ns_ = now_ns;
  std::vector<Change> changes;
  for (unsigned id = 0; id < passes.size(); ++id) {
    Worker& worker = workers_[id];
    worker.idle_ns += gap_ns;
    if (first || worker.passes != passes[id]) {
      worker.passes = passes[id];
      if (worker.stalled) changes.push_back({id, false, worker.idle_ns});
      worker.stalled = false;
      worker.idle_ns = 0;
    } else if (!worker.stalled && worker.idle_ns >= kStalledAfterNs) {
      worker.stalled = true;
      changes.push_back({id, true, worker.idle_ns});
    }
  }
  return changes;
}

bool WorkerWatch::any_stalled() const noexcept {
  return std::ranges::any_of(workers_, &Worker::stalled);
}

}  // namespace adit

// SPDX-License-Identifier: Apache-2.0
// The ways to backends, as they were last looked up: thousands of connections share one. The
// worker's alone. Each holds while the snapshot and the known hosts are those that it was found
// with.
#pragma once

#include "adit/host_table.h"
#include "adit/service.h"
#include "adit/snapshot.h"
#include "adit/zero_pages.h"

namespace adit {

class BackendWays {
 public:
  struct Way {
    const RouteTarget* target = nullptr;
    AdjacencyId adjacency = 0;
    VrfId vrf = 0;       // of the backend
    uint32_t epoch = 0;  // 0: none was found yet
  };

  // At the beginning of a burst.
  void renew(const Snapshot& snapshot, const HostTable& hosts) noexcept {
    // Each of the two only grows.
    const uint64_t changes = hosts.changes() + snapshot.routes.changes();
    if (&snapshot == snapshot_ && snapshot.generation == generation_ && changes == changes_)
        [[likely]]
      return;
    snapshot_ = &snapshot;
    generation_ = snapshot.generation;
    changes_ = changes;
    if (++epoch_ == 0) forget_all();
  }
  // Null: it has to be looked up, and noted.
  const Way* find(BackendId backend, VrfId vrf) const noexcept {
    const Way& way = ways_[backend];
    return way.epoch == epoch_ && way.vrf == vrf ? &way : nullptr;
  }
  // Remembers the way that packets of the backend took last.
  void note(BackendId backend, Way way) noexcept {
    way.epoch = epoch_;
    ways_[backend] = way;
  }

 private:
  // Once in four thousand million changes.
  [[gnu::cold, gnu::noinline]] void forget_all() noexcept {
    for (BackendId id = 0; id <= kMaxBackends; ++id) ways_[id].epoch = 0;
    epoch_ = 1;
  }

  const Snapshot* snapshot_ = nullptr;
  uint64_t generation_ = 0, changes_ = 0;
  uint32_t epoch_ = 1;
  ZeroPages<Way> ways_{kMaxBackends + 1};  // by BackendId
};

}  // namespace adit

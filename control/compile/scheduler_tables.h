// SPDX-License-Identifier: Apache-2.0
// Tables of schedulers. Each is computed once for all services that have the same backends, weights
// and options, and again only when one of these changes: a snapshot takes over those of the former
// one, and the last snapshot that has a table frees it.
#pragma once

#include <cstdint>
#include <memory>
#include <span>
#include <unordered_set>
#include <vector>

#include "adit/scheduler_ops.h"

namespace adit {

class SchedulerTables {
 public:
  // All that a table follows from.
  struct Inputs {
    const SchedulerOps* scheduler = nullptr;  // which has build()
    SchedulerOptions options;
    std::vector<SchedulerBackend> backends;  // in the order of the service
    friend bool operator==(const Inputs&, const Inputs&) = default;
  };

  // The table is there as long as this, or all().
  std::span<const uint16_t> get(Inputs inputs, const SchedulerTables& former);
  std::vector<std::shared_ptr<const SchedulerTable>> all() const;

 private:
  struct Entry {
    uint64_t hash;
    Inputs inputs;
    SchedulerTable table;
  };
  using EntryPtr = std::shared_ptr<const Entry>;
  struct Hash {
    std::size_t operator()(const EntryPtr& entry) const noexcept { return entry->hash; }
  };
  struct Same {
    bool operator()(const EntryPtr& a, const EntryPtr& b) const noexcept {
      return a->hash == b->hash && a->inputs == b->inputs;
    }
  };

  std::unordered_set<EntryPtr, Hash, Same> entries_;
};

}  // namespace adit

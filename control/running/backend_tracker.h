// SPDX-License-Identifier: Apache-2.0
// Computes the status of backends that workers read: weight from the configuration, health from
// checks, and the reduced weight of backends in slow start.
#pragma once

#include <map>
#include <memory>
#include <optional>
#include <vector>

#include "adit/service.h"
#include "compile/backend_facts.h"
#include "health/health_checks.h"

namespace adit {

// Shared with the thread that prepares the next configuration.
using BackendMap = std::shared_ptr<const BackendFactsTable>;

// The steps from the former configuration to the next one.
struct BackendChanges {
  struct Added {
    BackendId id = 0;
    bool starts_slowly = false;  // it is added to a service that is running
  };
  BackendMap next;
  std::vector<Added> added;
  std::vector<BackendId> changed;
  std::vector<BackendId> gone;
  size_t done = 0, removed = 0;  // by add() and remove_gone()
};
BackendChanges compare_backends(const BackendMap& former, BackendMap next);

class BackendTracker {
 public:
  // The most backends that one call of add() or remove_gone() handles.
  static constexpr size_t kSlice = 1000;

  struct State {
    bool up = true;
    uint64_t since_ns = 0;                     // when `up` became what it is
    std::optional<uint64_t> starting_ns = {};  // when its slow start began
    bool is_unreachable = false;
    std::optional<uint64_t> drained_ns = {};  // when its weight became 0
    bool moves_udp = false;                   // its UDP flows move to other backends
  };

  explicit BackendTracker(BackendStatusTable& status) : status_(status) {}

  // Starts the configured health checks; without a check a backend counts as up. `checks` must
  // outlive this object, and report results to changed().
  void check_by(HealthChecks& checks, uint64_t now_ns);

  // Before the snapshot is published: stores the status of new backends and new weights. Call it
  // until it returns true: each call does a part.
  bool add(BackendChanges& changes, uint64_t now_ns);
  // The same in one call, with replace() and remove_gone().
  void add(const Config& config, const CompiledIds& ids, uint64_t now_ns);
  // The configuration was refused after add(): restores the former status.
  void undo(const BackendChanges& changes, uint64_t now_ns);
  // The new configuration is running.
  void replace(const BackendChanges& changes);
  // After the last worker has left the former snapshot: removes backends that are gone, whose
  // connections end then. To be called like add().
  bool remove_gone(BackendChanges& changes);

  // Takes a health check's result.
  void changed(BackendId id, bool up, uint64_t now_ns);
  // Whether there is a link towards the backend. Without one it gets no new connections, whatever
  // its check says, and keeps those that it has. Returns whether this is a change.
  bool set_reachable(BackendId id, bool reachable, uint64_t now_ns);
  // Raises weights in slow start; moves UDP flows away from backends drained for drain_udp_s.
  void tick(uint64_t now_ns);
  // Moves UDP flows away from drained backends now: of the service and address given, or of all.
  // Returns the number of these backends.
  unsigned move_udp(const std::optional<std::string>& service, const std::optional<IpAddr>& address,
                    uint64_t now_ns);

  const BackendFactsTable& all() const noexcept { return *backends_; }
  // Also finds backends being added; null: unknown.
  const BackendFacts* find(BackendId id) const;
  const State& state(BackendId id) const { return states_.at(id); }
  // The state of its health check; none: it has no check.
  std::optional<HealthView> health(BackendId id) const;

 private:
  void note_drained(State& state, const BackendFacts& facts, uint64_t now_ns);
  void set_up(BackendId id, bool up, uint64_t now_ns);
  void store(BackendId id, uint64_t now_ns);
  void store(BackendId id, const State& state, const BackendFacts& facts, uint64_t now_ns);

  BackendStatusTable& status_;
  HealthChecks* checks_ = nullptr;
  void add_one(const BackendChanges::Added& added, uint64_t now_ns);
  void change_one(BackendId id, uint64_t now_ns);
  void remove_one(BackendId id);

  BackendMap backends_ = std::make_shared<const BackendFactsTable>();
  BackendMap next_;                    // while backends are added
  std::map<BackendId, State> states_;  // of backends_ and next_
  bool any_starts_ = false;            // slowly
  bool any_drains_ = false;            // and its UDP flows do not leave yet
  uint64_t grown_ns_ = 0;              // when weights grew last
};

}  // namespace adit

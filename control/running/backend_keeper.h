// SPDX-License-Identifier: Apache-2.0
// The lives of backends, as workers see them: what the configuration says of their weights, what
// checks say of their health, and how far those have come that start slowly.
#pragma once

#include <map>
#include <memory>
#include <optional>
#include <vector>

#include "adit/service.h"
#include "compile/services.h"
#include "health/health_checks.h"

namespace adit {

// By id; shared with whoever prepares the next one.
using BackendMap = std::shared_ptr<const std::map<BackendId, BackendFacts>>;

// What there is to do for a new configuration.
struct BackendChanges {
  struct Added {
    BackendId id = 0;
    bool starts_slowly = false;  // it comes to a service that runs
  };
  BackendMap next;
  std::vector<Added> added;
  std::vector<BackendId> changed;
  std::vector<BackendId> gone;
  size_t done = 0, removed = 0;  // by add() and remove_gone()
};
BackendChanges compare_backends(const BackendMap& former, BackendMap next);

class BackendKeeper {
 public:
  // Of backends, so many are looked after by one call of add() or remove_gone().
  static constexpr size_t kSlice = 1000;

  struct Standing {
    bool up = true;
    uint64_t since_ns = 0;                     // when `up` became what it is
    std::optional<uint64_t> starting_ns = {};  // when its slow start began
    bool is_unreachable = false;
    std::optional<uint64_t> drained_ns = {};  // when its weight became 0
    bool moves_udp = false;                   // it was drained, and its UDP flows are to leave
  };

  explicit BackendKeeper(BackendLives& lives) : lives_(lives) {}

  // Has the backends asked from now on that are to be; without, they count as up. `checks` must
  // outlive this, and tell changed() of what it finds.
  void check_by(HealthChecks& checks, uint64_t now_ns);

  // Before the snapshot that has them is published: new backends live, weights change. To be
  // called until it is true: each call does a part.
  bool add(BackendChanges& changes, uint64_t now_ns);
  // All of it at once, with what follows below.
  void add(const Config& config, const CompiledIds& ids, uint64_t now_ns);
  // Nothing came of it.
  void take_back(const BackendChanges& changes, uint64_t now_ns);
  // The new ones run.
  void replace(const BackendChanges& changes);
  // When no worker reads the former snapshot any more: who has gone gives its connections up. As
  // add().
  bool remove_gone(BackendChanges& changes);

  // What a check has found.
  void changed(BackendId id, bool up, uint64_t now_ns);
  // Whether the way to a backend is there, whatever checks say: where it is not, it gets no new
  // connections, and keeps those that it has. Returns whether that is news.
  bool set_reachable(BackendId id, bool reachable, uint64_t now_ns);
  // Weights grow in slow starts; UDP flows leave backends that were drained for long enough.
  void tick(uint64_t now_ns);
  // They do so now, where the service and the address are these, if any are given. Returns of how
  // many drained backends.
  unsigned move_udp(const std::optional<std::string>& service, const std::optional<IpAddr>& address,
                    uint64_t now_ns);

  const std::map<BackendId, BackendFacts>& all() const noexcept { return *backends_; }
  // Also of what runs in a moment; null: unknown.
  const BackendFacts* find(BackendId id) const;
  const Standing& standing(BackendId id) const { return standings_.at(id); }
  // What is known from checks; none: nobody asks.
  std::optional<HealthView> health(BackendId id) const;

 private:
  void note_drained(BackendId id, uint64_t now_ns);
  void set_up(BackendId id, bool up, uint64_t now_ns);
  void store(BackendId id, uint64_t now_ns);

  BackendLives& lives_;
  HealthChecks* checks_ = nullptr;
  void add_one(const BackendChanges::Added& added, uint64_t now_ns);
  void change_one(BackendId id, uint64_t now_ns);
  void remove_one(BackendId id);

  BackendMap backends_ = std::make_shared<BackendMap::element_type>();
  BackendMap next_;                          // while backends are added
  std::map<BackendId, Standing> standings_;  // of both
  bool any_starts_ = false;                  // slowly
  bool any_drains_ = false;                  // and its UDP flows do not leave yet
  uint64_t grown_ns_ = 0;                    // when weights grew last
};

}  // namespace adit

// SPDX-License-Identifier: Apache-2.0
// The lives of backends, as workers see them: what the configuration says of their weights, what
// checks say of their health, and how far those have come that start slowly.
#pragma once

#include <map>
#include <optional>

#include "adit/service.h"
#include "compile_services.h"
#include "health/health_checks.h"

namespace adit {

class BackendKeeper {
 public:
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

  // Before the snapshot that has them is published: new backends live, weights change.
  void add(const Config& config, const CompiledIds& ids, uint64_t now_ns);
  // When no worker reads the former snapshot any more: who has gone gives its connections up.
  void remove_gone();

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

  const std::map<BackendId, BackendFacts>& all() const noexcept { return backends_; }
  const Standing& standing(BackendId id) const { return standings_.at(id); }
  // What is known from checks; none: nobody asks.
  std::optional<HealthView> health(BackendId id) const;

 private:
  void note_drained(BackendId id, uint64_t now_ns);
  void set_up(BackendId id, bool up, uint64_t now_ns);
  void store(BackendId id, uint64_t now_ns);

  BackendLives& lives_;
  HealthChecks* checks_ = nullptr;
  std::map<BackendId, BackendFacts> backends_, former_;
  std::map<BackendId, Standing> standings_;  // of `backends_`
  bool any_starts_ = false;                  // slowly
  bool any_drains_ = false;                  // and its UDP flows do not leave yet
  uint64_t grown_ns_ = 0;                    // when weights grew last
};

}  // namespace adit

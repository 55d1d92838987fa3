// SPDX-License-Identifier: Apache-2.0
// Health checks as their user sees them, who need not know how they are done.
#pragma once

#include <cstdint>
#include <optional>
#include <string>

#include "health/health_state.h"
#include "health/health_target.h"

namespace adit {

// The caller's name for a target, such as a BackendId.
using HealthKey = uint64_t;

// When a new target is checked for the first time. Spread: at a random time within its interval,
// for the many of a start.
enum class FirstCheck : uint8_t { kAtOnce, kSpread };

// What there is to show of a target.
struct HealthView {
  HealthKey key = 0;
  std::string service;
  IpAddr address;
  uint16_t port = 0;  // the one that is asked
  CheckKind kind = CheckKind::kTcp;
  CheckWay way = CheckWay::kPackets;  // that it goes
  bool lacks_way = false;             // it goes by the host, because there is no packets' way
  std::string device;                 // of the host; empty: by its routes
  bool up = false;
  HealthPhase phase = HealthPhase::kChecking;
  HealthState::Time since = {};  // when `up` became what it is
  std::optional<HealthState::Time> held_until;
  uint64_t checks = 0;  // results so far; 0: what follows means nothing yet
  Verdict last_verdict = Verdict::kUnknown;
  std::string last_detail;
  double last_latency_ms = 0;
  unsigned successes = 0, failures = 0;  // in a row
};

class HealthChecks {
 public:
  virtual ~HealthChecks() = default;
  // As checker.h says.
  virtual void add(HealthKey key, const HealthTarget& target, FirstCheck first) = 0;
  virtual void update(HealthKey key, const HealthTarget& target) = 0;
  virtual void remove(HealthKey key) = 0;
  virtual bool up(HealthKey key) const = 0;
  virtual std::optional<HealthView> find(HealthKey key) const = 0;
};

}  // namespace adit

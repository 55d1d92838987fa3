// SPDX-License-Identifier: Apache-2.0
// What one backend's check results amount to. Pure: results and their times in, up or down out.
#pragma once

#include <chrono>
#include <deque>

#include "health/check_options.h"

namespace adit {

enum class HealthPhase : uint8_t {
  kChecking,  // no verdict yet; up or down as `initial` says, or as it was before
  kUp,
  kDown,
  kHeld,  // down for a time, whatever it answers, because it flaps
};

const char* to_string(HealthPhase phase) noexcept;

class HealthState {
 public:
  using Time = std::chrono::steady_clock::time_point;

  HealthState(const HealthRules& rules, Time now);

  // Takes a result; times must not go back. True: up() has changed.
  bool feed(bool success, Time now);
  // Other rules for the results to come; verdict and counts stay.
  void set_rules(const HealthRules& rules) { rules_ = rules; }
  // Forgets all results, because something else is asked from now on. Stays up or down until
  // the first verdict.
  void restart(Time now);

  bool up() const noexcept { return up_; }
  HealthPhase phase() const noexcept { return phase_; }
  // When up() became what it is.
  Time since() const noexcept { return since_; }
  // Results in a row; one of the two is 0. They do not grow beyond what an unsigned holds.
  unsigned successes() const noexcept { return successes_; }
  unsigned failures() const noexcept { return failures_; }
  // In phase kHeld: until when.
  Time held_until() const noexcept { return held_until_; }

 private:
  bool change_to(bool up, Time now);
  bool flaps(Time now) const;
  void hold(Time now);

  HealthRules rules_;
  HealthPhase phase_ = HealthPhase::kChecking;
  bool up_;
  Time since_;
  unsigned successes_ = 0, failures_ = 0;
  std::deque<Time> changes_;  // the latest, as many as damping counts
  Time held_until_ = {};
  std::chrono::seconds last_hold_{0};  // 0: never held
};

}  // namespace adit

// SPDX-License-Identifier: Apache-2.0
#include "health/health_state.h"

#include <algorithm>
#include <limits>

namespace adit {
namespace {

void count(unsigned& counter) {
  if (counter < std::numeric_limits<unsigned>::max()) ++counter;
}

}  // namespace

const char* to_string(HealthPhase phase) noexcept {
  switch (phase) {
    case HealthPhase::kChecking:
      return "checking";
    case HealthPhase::kUp:
      return "up";
    case HealthPhase::kDown:
      return "down";
    case HealthPhase::kHeld:
      return "held";
  }
  return "?";
}

HealthState::HealthState(const HealthRules& rules, Time now)
    : rules_(rules), up_(rules.initial == InitialState::kUp), since_(now) {}

void HealthState::restart(Time now) {
  const bool was_up = up_;
  const Time since = since_;
  *this = HealthState(rules_, now);
  up_ = was_up;
  since_ = since;
}

bool HealthState::feed(bool success, Time now) {
  count(success ? successes_ : failures_);
  (success ? failures_ : successes_) = 0;
  if (phase_ == HealthPhase::kHeld) {
    if (now < held_until_) return false;
    phase_ = HealthPhase::kDown;
  }
  if (!success) {
    if (phase_ == HealthPhase::kDown || failures_ < rules_.fall) return false;
    phase_ = HealthPhase::kDown;
    return change_to(false, now);
  }
  // In phase kChecking the first success is a verdict.
  if (phase_ == HealthPhase::kDown && successes_ < rules_.rise) return false;
  phase_ = HealthPhase::kUp;
  return change_to(true, now);
}

bool HealthState::change_to(bool up, Time now) {
  if (up_ == up) return false;
  up_ = up;
  since_ = now;
  changes_.push_back(now);
  while (changes_.size() > rules_.damping.changes) changes_.pop_front();
  // A backend that has just come up may stay: it is its next fall that is one too many.
  if (!up && flaps(now)) hold(now);
  return true;
}

bool HealthState::flaps(Time now) const {
  const Damping& damping = rules_.damping;
  return damping.changes != 0 && changes_.size() == damping.changes &&
         now - changes_.front() <= std::chrono::seconds(damping.window_s);
}

void HealthState::hold(Time now) {
  const Damping& damping = rules_.damping;
  const std::chrono::seconds first(damping.hold_s), longest(damping.max_hold_s),
      window(damping.window_s);
  // Flapping again soon after the last hold: that one was too short.
  const bool again = last_hold_.count() != 0 && now - held_until_ <= window + last_hold_;
  last_hold_ = std::min(again ? 2 * last_hold_ : first, longest);
  held_until_ = now + last_hold_;
  phase_ = HealthPhase::kHeld;
  changes_.clear();
}

}  // namespace adit

// SPDX-License-Identifier: Apache-2.0
// Connections, packets and bytes a second of each backend, smoothed over some seconds.
#pragma once

#include <array>
#include <map>

#include "adit/dataplane.h"
#include "base/time_units.h"

namespace adit {

struct TrafficRates {
  double connections = 0, rx_packets = 0, rx_bytes = 0, tx_packets = 0, tx_bytes = 0;
  TrafficRates& operator+=(const TrafficRates& other) noexcept;
};

class BackendRates {
 public:
  // Looks at the counters of all that `backends` has as keys, once a second: at so many of them in
  // one call that control's other work can wait for it.
  template <class Map>
  void tick(const Dataplane& dataplane, const Map& backends, uint64_t now_ns) {
    if (next_ == 0) {
      if (now_ns < began_ns_ + kIntervalNs) return;
      began_ns_ = now_ns;
    }
    auto sample = samples_.lower_bound(next_);
    auto backend = backends.lower_bound(next_);
    for (size_t left = kSlice; backend != backends.end(); ++backend) {
      const BackendId id = backend->first;
      if (left-- == 0) {
        next_ = id;
        return;
      }
      while (sample != samples_.end() && sample->first < id) sample = samples_.erase(sample);
      const auto state = dataplane.backend_state(id);
      if (sample != samples_.end() && sample->first == id) {
        sample->second = next(sample->second, state, now_ns);
        ++sample;
      } else {
        samples_.emplace_hint(sample, id, Sample{state, {}, now_ns});
      }
    }
    samples_.erase(sample, samples_.end());
    next_ = 0;
  }
  // Zeros for a backend that was not there at the last second.
  TrafficRates of(BackendId id) const;

 private:
  static constexpr uint64_t kIntervalNs = kNsPerSecond;
  static constexpr size_t kSlice = 1000;
  struct Sample {
    Dataplane::BackendState counted;
    TrafficRates rates;
    uint64_t at_ns = 0;
  };

  static Sample next(const Sample& last, const Dataplane::BackendState& counted, uint64_t now_ns);

  std::map<BackendId, Sample> samples_;
  uint64_t began_ns_ = 0;  // the last round
  BackendId next_ = 0;     // where it goes on; 0: it is over
};

}  // namespace adit

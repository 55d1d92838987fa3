// SPDX-License-Identifier: Apache-2.0
// Connections, packets and bytes a second of each backend, smoothed over some seconds.
#pragma once

#include <array>
#include <map>

#include "adit/dataplane.h"
#include "time_units.h"

namespace adit {

struct TrafficRates {
  double connections = 0, rx_packets = 0, rx_bytes = 0, tx_packets = 0, tx_bytes = 0;
  TrafficRates& operator+=(const TrafficRates& other) noexcept;
};

class BackendRates {
 public:
  // Looks at the counters of all that `backends` has as keys, once a second.
  template <class Map>
  void tick(const Dataplane& dataplane, const Map& backends, uint64_t now_ns) {
    if (now_ns < sampled_ns_ + kIntervalNs) return;
    std::map<BackendId, Sample> fresh;
    for (const auto& [id, facts] : backends)
      fresh[id] = next(samples_.find(id), dataplane.backend_state(id), now_ns);
    samples_ = std::move(fresh);
    sampled_ns_ = now_ns;
  }
  // Zeros for a backend that was not there at the last second.
  TrafficRates of(BackendId id) const;

 private:
  static constexpr uint64_t kIntervalNs = kNsPerSecond;
  struct Sample {
    Dataplane::BackendState counted;
    TrafficRates rates;
  };
  using Samples = std::map<BackendId, Sample>;

  Sample next(Samples::const_iterator last, const Dataplane::BackendState& counted,
              uint64_t now_ns) const;

  Samples samples_;
  uint64_t sampled_ns_ = 0;
};

}  // namespace adit

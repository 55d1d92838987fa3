// SPDX-License-Identifier: Apache-2.0
#include "running/backend_rates.h"

#include <algorithm>

namespace adit {
namespace {

// Of a second's rate in the average: what is four seconds old counts for a third.
constexpr double kWeight = 0.25;

}  // namespace

TrafficRates& TrafficRates::operator+=(const TrafficRates& other) noexcept {
  connections += other.connections;
  rx_packets += other.rx_packets;
  rx_bytes += other.rx_bytes;
  tx_packets += other.tx_packets;
  tx_bytes += other.tx_bytes;
  return *this;
}

BackendRates::Sample BackendRates::next(const Sample& last, const Dataplane::BackendState& counted,
                                        uint64_t now_ns) {
  Sample sample{counted, {}, now_ns};
  const double seconds = static_cast<double>(now_ns - last.at_ns) / 1e9;
  const Dataplane::BackendState& before = last.counted;
  const TrafficRates& rates = last.rates;
  const auto average = [&](double old, uint64_t from, uint64_t to) {
    const double rate = static_cast<double>(to - std::min(from, to)) / seconds;
    const double next = old + (rate - old) * kWeight;
    return next < 0.01 ? 0 : next;  // it would never end
  };
  sample.rates = {
      average(rates.connections, before.connections, counted.connections),
      average(rates.rx_packets, before.traffic.rx_packets, counted.traffic.rx_packets),
      average(rates.rx_bytes, before.traffic.rx_bytes, counted.traffic.rx_bytes),
      average(rates.tx_packets, before.traffic.tx_packets, counted.traffic.tx_packets),
      average(rates.tx_bytes, before.traffic.tx_bytes, counted.traffic.tx_bytes),
  };
  return sample;
}

TrafficRates BackendRates::of(BackendId id) const {
  const auto found = samples_.find(id);
  return found == samples_.end() ? TrafficRates{} : found->second.rates;
}

}  // namespace adit

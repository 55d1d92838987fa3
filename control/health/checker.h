// SPDX-License-Identifier: Apache-2.0
// Checks many backends, each at its interval, and reports when one goes up or down.
//
// Everything runs in the thread that runs the io_context, and takes turns: one probe is started,
// then whatever else is due there. However many backends there are, only so many probes are under
// way at a time; those that are due beyond that wait in the order in which they became due.
#pragma once

#include <boost/asio/io_context.hpp>
#include <chrono>
#include <cstddef>
#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "health/health_checks.h"

namespace adit {

class PacketWay;  // packet_way.h

class HealthChecker : public HealthChecks {
 public:
  // `why` is for the log. Called from checks only, never from within the functions below; it may
  // call them.
  using Changed = std::function<void(HealthKey key, bool up, const std::string& why)>;

  using Now = std::function<std::chrono::steady_clock::time_point()>;

  // Probes at the same time; each has a descriptor or two.
  static constexpr size_t kDefaultMaxProbes = 256;

  // `io` must outlive the checker. `max_probes`: at least 1. `now` returns the time by which probes
  // time out; it may pause for a while. `way`, which outlives the checker: that of packets; null
  // where there is none, and all checks go by the host's routes.
  HealthChecker(boost::asio::io_context& io, Changed changed, size_t max_probes = kDefaultMaxProbes,
                Now now = std::chrono::steady_clock::now, PacketWay* way = nullptr);
  // Cancels what is under way.
  ~HealthChecker() override;
  HealthChecker(const HealthChecker&) = delete;
  HealthChecker& operator=(const HealthChecker&) = delete;

  // A key that is there already is updated.
  void add(HealthKey key, const HealthTarget& target,
           FirstCheck first = FirstCheck::kAtOnce) override;
  // What the new target has in common with the former decides what stays of its state. Equal, or
  // another interval, timeout, rules or name: everything. Another question to the same backend:
  // up or down, until the first verdict. Another address or port: nothing. A key that is not
  // there is added.
  void update(HealthKey key, const HealthTarget& target) override;
  void remove(HealthKey key) override;

  // False: down, or not there.
  bool up(HealthKey key) const override;
  std::optional<HealthView> find(HealthKey key) const override;
  // All, by key.
  std::vector<HealthView> snapshot() const;
  size_t running() const noexcept;  // probes under way
  size_t waiting() const noexcept;  // that are due, but wait for their turn

 private:
  class Impl;
  std::shared_ptr<Impl> impl_;
};

}  // namespace adit

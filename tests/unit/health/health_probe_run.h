// SPDX-License-Identifier: Apache-2.0
// Runs probes to their end, and an io_context until something is so.
#pragma once

#include <gtest/gtest.h>

#include <boost/asio/io_context.hpp>
#include <chrono>
#include <functional>
#include <memory>
#include <optional>

#include "health/probe.h"
#include "health/probe_context.h"

namespace adit {

// Far beyond what anything here takes: only a test that hangs sees its end.
inline constexpr std::chrono::seconds kPatience{30};

// False: it did not become so.
inline bool run_until(boost::asio::io_context& io, const std::function<bool()>& so) {
  const auto end = std::chrono::steady_clock::now() + kPatience;
  while (!so()) {
    if (std::chrono::steady_clock::now() >= end) return false;
    if (io.stopped()) io.restart();
    io.run_one_for(std::chrono::milliseconds(10));
  }
  return true;
}

class ProbeRun {
 public:
  boost::asio::io_context& io() { return io_; }
  ProbeContext& context() { return *context_; }

  std::shared_ptr<Probe> make(const HealthTarget& target) { return make_probe(context_, target); }

  // The one result, at most once; none when there was none in time.
  std::optional<ProbeResult> result(const HealthTarget& target) {
    unsigned calls = 0;
    std::optional<ProbeResult> result;
    const auto probe = make(target);
    probe->start([&](const ProbeResult& its_result) {
      ++calls;
      result = its_result;
    });
    EXPECT_EQ(calls, 0u) << "within start()";
    run_until(io_, [&] { return result.has_value(); });
    for (int i = 0; i < 20; ++i) {
      if (io_.stopped()) io_.restart();
      io_.poll();
    }
    EXPECT_EQ(calls, 1u);
    EXPECT_EQ(probe.use_count(), 1) << "a handler is left";
    return result;
  }

  // "up: DETAIL", "down: DETAIL", "unknown: DETAIL".
  std::string verdict(const HealthTarget& target) {
    const auto got = result(target);
    if (!got) return "none";
    const char* names[] = {"up", "down", "unknown"};
    return std::string(names[static_cast<int>(got->verdict)]) + ": " + got->detail;
  }

  // Starts and cancels after as many turns of the io_context as are told.
  void cancel_after(const HealthTarget& target, unsigned turns) {
    const auto probe = make(target);
    probe->start([](const ProbeResult&) {});
    for (unsigned i = 0; i < turns; ++i) {
      if (io_.stopped()) io_.restart();
      io_.run_one_for(std::chrono::milliseconds(5));
    }
    bool called = false;
    const auto another = make(target);
    another->start([&](const ProbeResult&) { called = true; });
    another->cancel();
    probe->cancel();
    EXPECT_TRUE(run_until(io_, [&] { return probe.use_count() == 1 && another.use_count() == 1; }));
    EXPECT_FALSE(called);
  }

 private:
  boost::asio::io_context io_{1};
  std::shared_ptr<ProbeContext> context_ =
      std::make_shared<ProbeContext>(io_, std::chrono::steady_clock::now);
};

inline HealthTarget target_of(CheckKind kind, uint16_t port, const char* address = "127.0.0.1") {
  HealthTarget target;
  target.service = "web";
  target.address = *parse_ip(address);
  target.port = port;
  target.options.question.kind = kind;
  target.options.timeout_ms = 20'000;
  target.options.interval_ms = 20'000;
  return target;
}

// The same with a timeout that is to be seen.
inline HealthTarget impatient(HealthTarget target) {
  target.options.timeout_ms = 200;
  return target;
}

}  // namespace adit

// SPDX-License-Identifier: Apache-2.0
// One check of one backend, from its start to its one result.
#pragma once

#include <boost/asio/io_context.hpp>
#include <boost/asio/steady_timer.hpp>
#include <chrono>
#include <functional>
#include <memory>
#include <string>

#include "health/health_target.h"

namespace adit {

struct ProbeResult {
  Verdict verdict = Verdict::kUnknown;
  std::string detail;     // for the operator; up to 200 bytes
  double latency_ms = 0;  // from the start to the verdict
};

class ProbeContext;

// Serves from the io_context's one thread, as all of control.
class Probe : public std::enable_shared_from_this<Probe> {
 public:
  using Done = std::function<void(const ProbeResult&)>;

  Probe(std::shared_ptr<ProbeContext> context, HealthTarget target);
  virtual ~Probe() = default;
  Probe(const Probe&) = delete;
  Probe& operator=(const Probe&) = delete;

  // `done` is called exactly once, later, from the io_context; not at all after cancel(). To be
  // called once.
  void start(Done done);
  // Gives up and closes what is open.
  void cancel() noexcept;

 protected:
  // Starts the probe. If it fails at once, it may call finish() at once.
  virtual void begin() = 0;
  // Closes what is open, so that nothing keeps the probe; once.
  virtual void close() noexcept = 0;
  virtual void time_out();

  // Only the first counts.
  void finish(Verdict verdict, std::string detail);
  // Down, or unknown where the error is our own shortage. `doing`: "connect", "send"...
  void fail(const char* doing, const boost::system::error_code& error);
  // To be asked first by every handler: it may be called after the end.
  bool finished() const noexcept { return finished_; }

  ProbeContext& context() noexcept { return *context_; }
  const std::shared_ptr<ProbeContext>& context_ptr() const noexcept { return context_; }
  const HealthTarget& target() const noexcept { return target_; }
  const CheckQuestion& question() const noexcept { return target_.options.question; }
  // A port of its own for checks is none of clients' connections.
  bool sends_proxy() const noexcept { return target_.sends_proxy && !question().port; }
  uint16_t port() const noexcept { return question().port.value_or(target_.port); }

 private:
  void wait_until_deadline(std::chrono::steady_clock::duration left);

  const std::shared_ptr<ProbeContext> context_;
  const HealthTarget target_;
  Done done_;
  boost::asio::steady_timer timer_;
  std::chrono::steady_clock::time_point started_;
  std::chrono::steady_clock::time_point deadline_;  // by the context's now()
  bool finished_ = false;
};

// A probe of the target's kind, not yet started.
std::shared_ptr<Probe> make_probe(const std::shared_ptr<ProbeContext>& context,
                                  const HealthTarget& target);

}  // namespace adit

// SPDX-License-Identifier: Apache-2.0
#include "health/probe.h"

#include <array>
#include <boost/asio/post.hpp>
#include <cerrno>

#include "health/probe_context.h"
#include "health/probe_kinds.h"

namespace adit {
namespace {

using boost::system::error_code;

constexpr size_t kMaxDetailBytes = 200;

bool is_own_shortage(const error_code& error) {
  if (error.category() != boost::system::system_category() &&
      error.category() != boost::system::generic_category())
    return false;
  constexpr std::array kShortages = {EMFILE, ENFILE, ENOBUFS, ENOMEM, EAGAIN};
  return std::find(kShortages.begin(), kShortages.end(), error.value()) != kShortages.end();
}

class NoPortProbe final : public Probe {
 public:
  using Probe::Probe;

 private:
  void begin() override { finish(Verdict::kDown, "neither the backend nor its check has a port"); }
  void close() noexcept override {}
};

using Factory = std::shared_ptr<Probe> (*)(const std::shared_ptr<ProbeContext>&,
                                           const HealthTarget&);

// By CheckKind.
constexpr std::array<Factory, kCheckKinds.size()> kFactories = {
    make_tcp_probe, make_http_probe, make_http_probe,    make_icmp_probe,
    make_udp_probe, make_dns_probe,  make_command_probe,
};

}  // namespace

Probe::Probe(std::shared_ptr<ProbeContext> context, HealthTarget target)
    : context_(std::move(context)), target_(std::move(target)), timer_(context_->io()) {}

void Probe::start(Done done) {
  done_ = std::move(done);
  started_ = std::chrono::steady_clock::now();
  const std::chrono::milliseconds timeout(target_.options.timeout_ms);
  deadline_ = context_->now() + timeout;
  wait_until_deadline(timeout);
  begin();
}

void Probe::wait_until_deadline(std::chrono::steady_clock::duration left) {
  timer_.expires_after(left);
  timer_.async_wait([self = shared_from_this()](error_code) {
    if (self->finished_) return;
    const auto still_left = self->deadline_ - self->context_->now();
    if (still_left > still_left.zero()) return self->wait_until_deadline(still_left);
    self->time_out();
  });
}

void Probe::cancel() noexcept {
  done_ = nullptr;
  if (finished_) return;
  finished_ = true;
  timer_.cancel();
  close();
}

void Probe::time_out() {
  finish(Verdict::kDown, "no answer within " + std::to_string(target_.options.timeout_ms) + " ms");
}

void Probe::finish(Verdict verdict, std::string detail) {
  if (finished_) return;
  finished_ = true;
  const std::chrono::duration<double, std::milli> took =
      std::chrono::steady_clock::now() - started_;
  timer_.cancel();
  close();
  if (detail.size() > kMaxDetailBytes) detail.resize(kMaxDetailBytes);
  boost::asio::post(
      context_->io(),
      [self = shared_from_this(), result = ProbeResult{verdict, std::move(detail), took.count()}] {
        if (!self->done_) return;  // cancelled meanwhile
        const Done done = std::move(self->done_);
        self->done_ = nullptr;
        done(result);
      });
}

void Probe::fail(const char* doing, const error_code& error) {
  finish(is_own_shortage(error) ? Verdict::kUnknown : Verdict::kDown,
         std::string(doing) + ": " + error.message());
}

std::shared_ptr<Probe> make_probe(const std::shared_ptr<ProbeContext>& context,
                                  const HealthTarget& target) {
  const CheckQuestion& question = target.options.question;
  if (info_of(question.kind).needs_port && question.port.value_or(target.port) == 0)
    return std::make_shared<NoPortProbe>(context, target);
  return kFactories[static_cast<size_t>(question.kind)](context, target);
}

}  // namespace adit

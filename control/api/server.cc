// SPDX-License-Identifier: Apache-2.0
#include "api/server.h"

#include <spdlog/spdlog.h>

#include <algorithm>
#include <boost/asio/local/stream_protocol.hpp>
#include <boost/asio/post.hpp>
#include <boost/asio/steady_timer.hpp>
#include <deque>
#include <memory>
#include <set>
#include <utility>

#include "api/rpc.h"
#include "api/session.h"
#include "base/log.h"
#include "base/unix_socket.h"

namespace adit {
namespace {

using boost::system::error_code;
using local = boost::asio::local::stream_protocol;
using Clock = ApiSession::Clock;

constexpr std::chrono::milliseconds kAcceptRetry{100};
constexpr std::chrono::milliseconds kLaterPause{1};

// Keeps what clients can provoke from flooding the log.
class LogBudget {
 public:
  bool allows() {
    const auto now = Clock::now();
    if (now - start_ >= std::chrono::seconds(1)) {
      if (spent_ > kLinesPerSecond)
        spdlog::warn("event=api_refused not_shown={}", spent_ - kLinesPerSecond);
      start_ = now;
      spent_ = 0;
    }
    return ++spent_ <= kLinesPerSecond;
  }

 private:
  static constexpr unsigned kLinesPerSecond = 10;
  Clock::time_point start_ = Clock::now();
  unsigned spent_ = 0;
};

}  // namespace

class ApiServer::Impl : public SessionOwner, public std::enable_shared_from_this<Impl> {
 public:
  Impl(boost::asio::io_context& io, const std::string& path, MethodTable methods,
       ApiContext& context, const ServerLimits& limits)
      : io_(io),
        path_(path),
        listening_(std::make_unique<ListeningSocket>(path)),
        acceptor_(io, local(), listening_->fd()),
        later_timer_(io),
        retry_timer_(io),
        sweep_timer_(io),
        methods_(methods),
        context_(context),
        limits_(limits) {
    listening_->release_fd();  // the acceptor has it
  }

  void start() {
    accept();
    sweep();
  }

  // Handlers that are under way find stopped_ set and touch nothing.
  void stop() {
    stopped_ = true;
    error_code ignored;  // we are leaving
    acceptor_.close(ignored);
    later_timer_.cancel();
    retry_timer_.cancel();
    sweep_timer_.cancel();
    ready_.clear();
    later_.clear();
    for (const auto& session : sessions_) {
      session->detach();
      session->close();
    }
    sessions_.clear();
  }

  size_t client_count() const noexcept { return sessions_.size(); }

  void line_ready(std::shared_ptr<ApiSession> session) override {
    ready_.push_back(std::move(session));
    schedule_turn();
  }

  std::optional<std::string> serve(ApiSession& session, std::string_view line) override {
    RpcAnswer answer =
        answer_request(methods_, context_, session.caller(), line, limits_.max_answer_bytes);
    if (answer.later) {
      later_.push_back({session.shared_from_this(), std::move(answer)});
      if (later_.size() == 1) look_for_answers();
      return std::nullopt;
    }
    audit(session.caller(), answer);
    return std::move(answer.text);
  }

  void closed(const std::shared_ptr<ApiSession>& session) override { sessions_.erase(session); }

 private:
  // A request whose answer takes its time.
  struct Later {
    std::shared_ptr<ApiSession> session;
    RpcAnswer answer;
  };

  void accept() {
    acceptor_.async_accept([self = shared_from_this()](error_code error, local::socket socket) {
      if (self->stopped_) return;
      if (error == boost::asio::error::operation_aborted) return;  // of a former socket
      if (error) return self->accept_later(error);
      self->admit(std::move(socket));
      self->accept();
    });
  }

  // Trying again at once would only burn the core. Where file descriptors are short, the idlest
  // client gives way, as where places are.
  void accept_later(error_code error) {
    if (error == boost::system::errc::too_many_files_open) evict_one();
    if (refusals_.allows())
      spdlog::warn("event=api_accept_failed error={}", log_value(error.message()));
    retry_timer_.expires_after(kAcceptRetry);
    retry_timer_.async_wait([self = shared_from_this()](error_code cancelled) {
      if (!self->stopped_ && !cancelled) self->accept();
    });
  }

  void admit(local::socket socket) {
    if (sessions_.size() >= limits_.max_clients && !evict_one()) {
      const std::string line =
          error_line(kTooManyClients,
                     "all " + std::to_string(limits_.max_clients) + " places are taken; try again");
      error_code error;
      socket.non_blocking(true, error);
      socket.write_some(boost::asio::buffer(line), error);  // a new socket has room for it
      if (refusals_.allows()) spdlog::warn("event=api_refused reason=too_many_clients");
      return;
    }
    const auto session =
        std::make_shared<ApiSession>(std::move(socket), *this, limits_.max_line_bytes);
    sessions_.insert(session);
    session->start();
  }

  // For the answer to a request, however long it takes.
  bool waits(const std::shared_ptr<ApiSession>& session) const {
    return std::ranges::find(later_, session, &Later::session) != later_.end();
  }

  bool evict_one() {
    std::shared_ptr<ApiSession> session;
    for (const auto& each : sessions_)
      if (!waits(each) && (!session || each->last_active() < session->last_active()))
        session = each;
    if (!session) return false;
    if (Clock::now() - session->last_active() < limits_.evict_after) return false;
    hang_up(session, "evicted");
    return true;
  }

  void hang_up(const std::shared_ptr<ApiSession>& session, const char* reason) {
    if (refusals_.allows())
      spdlog::info("event=api_client_closed reason={} who={}", reason,
                   to_string(session->caller()));
    session->close();
  }

  // The socket's file is what clients find us by; whatever cleans up directories may remove it.
  void restore_socket() {
    if (!listening_->is_gone()) return;
    try {
      auto fresh = std::make_unique<ListeningSocket>(path_);
      error_code ignored;  // clients can no longer reach the old one
      acceptor_.close(ignored);
      acceptor_.assign(local(), fresh->fd());
      fresh->release_fd();
      listening_ = std::move(fresh);
      retry_timer_.cancel();
      accept();
      restore_failed_ = false;
      spdlog::warn("event=api_socket_made_again socket={}", log_value(path_));
    } catch (const std::exception& error) {
      if (!std::exchange(restore_failed_, true))
        spdlog::error("event=api_socket_lost socket={} error={}", log_value(path_),
                      log_value(error.what()));
    }
  }

  // Closes who was idle too long.
  void sweep() {
    sweep_timer_.expires_after(std::min<std::chrono::milliseconds>(
        std::chrono::seconds(1), limits_.idle_timeout / 4 + std::chrono::milliseconds(1)));
    sweep_timer_.async_wait([self = shared_from_this()](error_code) {
      if (self->stopped_) return;
      const auto oldest = Clock::now() - self->limits_.idle_timeout;
      const auto sessions = self->sessions_;  // closing erases
      for (const auto& session : sessions)
        if (session->last_active() < oldest && !self->waits(session))
          self->hang_up(session, "idle");
      self->restore_socket();
      self->sweep();
    });
  }

  // One request, then back to the io_context, which has packets' timers to serve.
  void schedule_turn() {
    if (turn_scheduled_ || ready_.empty()) return;
    turn_scheduled_ = true;
    boost::asio::post(io_, [self = shared_from_this()] {
      self->turn_scheduled_ = false;
      if (self->stopped_ || self->ready_.empty()) return;
      const auto session = std::move(self->ready_.front());
      self->ready_.pop_front();
      session->turn();
      self->schedule_turn();
    });
  }

  // Those that were to come later, the oldest request first.
  void look_for_answers() {
    later_timer_.expires_after(kLaterPause);
    later_timer_.async_wait([self = shared_from_this()](error_code) {
      if (self->stopped_) return;
      auto waiting = std::exchange(self->later_, {});
      for (Later& each : waiting) {
        if (!each.session->is_open()) continue;
        if (!finish_answer(each.answer, self->limits_.max_answer_bytes)) {
          self->later_.push_back(std::move(each));
          continue;
        }
        self->audit(each.session->caller(), each.answer);
        each.session->answer(std::move(each.answer.text));
      }
      if (!self->later_.empty()) self->look_for_answers();
    });
  }

  // Every change, done or refused, with who wanted it; of other refusals as many as the
  // budget allows.
  void audit(const Caller& caller, const RpcAnswer& answer) {
    const bool refused = answer.error_code != 0;
    const bool changes = answer.method != nullptr && answer.method->effect == Effect::kChanges;
    const std::string_view name = answer.method != nullptr ? answer.method->name : "none";
    if (changes && !refused)
      spdlog::info("event=api_call result=done method={} who={}", name, to_string(caller));
    else if (refused && (changes || refusals_.allows()))
      spdlog::warn("event=api_call result=refused method={} who={} code={} error={}", name,
                   to_string(caller), answer.error_code, log_value(answer.error_message));
  }

  boost::asio::io_context& io_;
  const std::string path_;
  std::unique_ptr<ListeningSocket> listening_;
  bool restore_failed_ = false;
  local::acceptor acceptor_;
  boost::asio::steady_timer later_timer_, retry_timer_, sweep_timer_;
  const MethodTable methods_;
  ApiContext& context_;
  const ServerLimits limits_;
  std::set<std::shared_ptr<ApiSession>> sessions_;
  std::deque<std::shared_ptr<ApiSession>> ready_;  // have a line, in the order of its end
  std::deque<Later> later_;                        // wait for their answer
  bool turn_scheduled_ = false;
  bool stopped_ = false;
  LogBudget refusals_;
};

ApiServer::ApiServer(boost::asio::io_context& io, const std::string& path, MethodTable methods,
                     ApiContext& context, const ServerLimits& limits)
    : impl_(std::make_shared<Impl>(io, path, methods, context, limits)) {
  impl_->start();
}

ApiServer::~ApiServer() {
  impl_->stop();
}

size_t ApiServer::client_count() const noexcept {
  return impl_->client_count();
}

}  // namespace adit

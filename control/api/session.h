// SPDX-License-Identifier: Apache-2.0
// One client of the API's socket: its input up to a whole line, its one answer.
#pragma once

#include <array>
#include <boost/asio/local/stream_protocol.hpp>
#include <chrono>
#include <memory>
#include <optional>
#include <string>
#include <string_view>

#include "api/method.h"

namespace adit {

class ApiSession;

// What a session asks of its server.
class SessionOwner {
 public:
  virtual ~SessionOwner() = default;
  // The session has a whole line; its turn() is wanted.
  virtual void line_ready(std::shared_ptr<ApiSession> session) = 0;
  // The answer to the line, empty for none. Nothing: it calls answer() later.
  virtual std::optional<std::string> serve(ApiSession& session, std::string_view line) = 0;
  virtual void closed(const std::shared_ptr<ApiSession>& session) = 0;
};

class ApiSession : public std::enable_shared_from_this<ApiSession> {
 public:
  using Socket = boost::asio::local::stream_protocol::socket;
  using Clock = std::chrono::steady_clock;

  ApiSession(Socket socket, SessionOwner& owner, size_t max_line_bytes);

  void start() { read_or_wait_for_turn(); }
  // Serves one line.
  void turn();
  // What serve() did not have yet.
  void answer(std::string text);
  // Closes the connection. Notifies the owner, unless the session is detached.
  void close();
  // The owner goes; it must not be called any more.
  void detach() { owner_ = nullptr; }

  const Caller& caller() const noexcept { return caller_; }
  bool is_open() const noexcept { return socket_.is_open(); }
  // When it last sent a whole request or took a part of an answer.
  Clock::time_point last_active() const noexcept { return last_active_; }

 private:
  void read_or_wait_for_turn();
  void read();
  void took(const char* data, size_t size);
  void send(std::string text);
  void write();

  Socket socket_;
  SessionOwner* owner_;
  const size_t max_line_bytes_;
  Caller caller_;
  Clock::time_point last_active_ = Clock::now();
  std::array<char, 16384> chunk_;
  std::string input_;    // at most one line and what came with its end
  size_t line_end_ = 0;  // where input_'s first newline is, if it has one
  bool has_line_ = false;
  bool hang_up_ = false;  // after the answer
  std::string output_;
  size_t written_ = 0;
};

}  // namespace adit

// SPDX-License-Identifier: Apache-2.0
// Talks to the daemon: one JSON-RPC call at a time over its Unix socket.
#pragma once

#include <chrono>
#include <nlohmann/json.hpp>
#include <optional>
#include <stdexcept>
#include <string>

namespace adit::cli {

// Nobody answers, or not to us; what() is a sentence with the remedy. Exit code 5.
class Unreachable : public std::runtime_error {
 public:
  using std::runtime_error::runtime_error;
};

// There is no daemon.
class NobodyThere : public Unreachable {
 public:
  using Unreachable::Unreachable;
};
// There is one, which does not answer.
class TooLate : public Unreachable {
 public:
  using Unreachable::Unreachable;
};

// The daemon refused a call.
class CallFailed : public std::runtime_error {
 public:
  explicit CallFailed(nlohmann::json error);
  int code() const { return code_; }
  const nlohmann::json& error() const noexcept { return error_; }  // as in the answer

 private:
  nlohmann::json error_;
  int code_ = 0;
};

class Client {
 public:
  // `timeout`: for the answer to each call; none: as the method's entry in the catalogue says.
  explicit Client(std::string socket_path,
                  std::optional<std::chrono::milliseconds> timeout = std::nullopt);
  ~Client();
  Client(const Client&) = delete;
  Client& operator=(const Client&) = delete;

  // The method's result. Connects where that has not been done. Throws Unreachable,
  // CallFailed.
  nlohmann::json call(const std::string& method, const nlohmann::json& params);

 private:
  nlohmann::json call_once(const std::string& method, const nlohmann::json& params);
  void connect();
  void disconnect() noexcept;
  void send(const std::string& text);
  std::string receive_line();
  void wait_for(short events);
  [[noreturn]] void fail_connect(int error) const;

  const std::string path_;
  const std::optional<std::chrono::milliseconds> timeout_;
  std::chrono::steady_clock::time_point deadline_;
  int fd_ = -1;
  std::string input_;
  unsigned next_id_ = 1;
};

}  // namespace adit::cli

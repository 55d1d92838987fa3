// SPDX-License-Identifier: Apache-2.0
// An ApiServer in a thread of its own, over methods made for tests, and a plain client.
#pragma once

#include <gtest/gtest.h>
#include <poll.h>
#include <pthread.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <time.h>
#include <unistd.h>

#include <atomic>
#include <boost/asio/executor_work_guard.hpp>
#include <boost/asio/io_context.hpp>
#include <boost/asio/post.hpp>
#include <boost/asio/steady_timer.hpp>
#include <cerrno>
#include <chrono>
#include <cstring>
#include <future>
#include <memory>
#include <optional>
#include <string>
#include <thread>

#include "api/server.h"
#include "temp_dir.h"

namespace adit {

// Far beyond what anything here takes: only a test that fails sees its end.
inline constexpr int kPatienceMs = 30'000;

class TestServer {
 public:
  explicit TestServer(MethodTable methods, const ServerLimits& limits = {})
      : path_(directory_.file("adit.sock")),
        server_(std::make_unique<ApiServer>(io_, path_, methods, context_, limits)),
        thread_([this] { io_.run(); }) {
    boost::asio::post(io_, [this] { tick(); });
  }
  ~TestServer() {
    boost::asio::post(io_, [this] {
      server_.reset();
      stopping_ = true;
      work_.reset();
    });
    thread_.join();
  }
  const std::string& path() const { return path_; }
  // How often a timer of a millisecond, such as aditd has for its packets, has gone off.
  unsigned ticks() const { return ticks_; }
  // Of processor time that the server's thread has had: other programs' time does not count.
  int64_t busy_ms() {
    clockid_t clock;
    timespec time = {};
    EXPECT_EQ(pthread_getcpuclockid(thread_.native_handle(), &clock), 0);
    EXPECT_EQ(clock_gettime(clock, &time), 0);
    return time.tv_sec * 1000 + time.tv_nsec / 1'000'000;
  }
  // Until it has so many clients; false: it never has.
  bool comes_to(size_t clients) {
    for (int i = 0; i < kPatienceMs; ++i) {
      if (client_count() == clients) return true;
      std::this_thread::sleep_for(std::chrono::milliseconds(1));
    }
    return false;
  }
  size_t client_count() {
    std::promise<size_t> count;
    boost::asio::post(io_, [&] { count.set_value(server_->client_count()); });
    return count.get_future().get();
  }

 private:
  void tick() {
    timer_.expires_after(std::chrono::milliseconds(1));
    timer_.async_wait([this](const boost::system::error_code& error) {
      if (error || stopping_) return;
      ++ticks_;
      tick();
    });
  }

  TempDir directory_;
  std::string path_;
  ApiContext context_;
  boost::asio::io_context io_{1};
  boost::asio::executor_work_guard<boost::asio::io_context::executor_type> work_{
      io_.get_executor()};
  boost::asio::steady_timer timer_{io_};
  std::atomic<unsigned> ticks_ = 0;
  bool stopping_ = false;
  std::unique_ptr<ApiServer> server_;
  std::thread thread_;
};

class TestClient {
 public:
  explicit TestClient(const std::string& path) : fd_(socket(AF_UNIX, SOCK_STREAM, 0)) {
    sockaddr_un address = {};
    address.sun_family = AF_UNIX;
    std::memcpy(address.sun_path, path.data(), path.size());
    connected_ = connect(fd_, reinterpret_cast<const sockaddr*>(&address), sizeof address) == 0;
  }
  ~TestClient() { close(fd_); }
  TestClient(const TestClient&) = delete;
  TestClient& operator=(const TestClient&) = delete;

  bool connected() const { return connected_; }

  // As much as the server takes until it has taken nothing for 500 ms; returns how much.
  size_t send(std::string_view text) {
    size_t sent = 0;
    while (sent < text.size()) {
      const ssize_t n =
          ::send(fd_, text.data() + sent, text.size() - sent, MSG_NOSIGNAL | MSG_DONTWAIT);
      if (n > 0) {
        sent += static_cast<size_t>(n);
        continue;
      }
      pollfd room = {fd_, POLLOUT, 0};
      if (errno != EAGAIN || poll(&room, 1, 500) <= 0) break;
    }
    return sent;
  }
  void end_input() { shutdown(fd_, SHUT_WR); }

  // The next line, or nothing at the end or after timeout_ms.
  std::optional<std::string> line(int timeout_ms = kPatienceMs) {
    for (;;) {
      const size_t newline = input_.find('\n');
      if (newline != std::string::npos) {
        std::string text = input_.substr(0, newline);
        input_.erase(0, newline + 1);
        return text;
      }
      if (!fill(timeout_ms)) return std::nullopt;
    }
  }
  // Whether the server hangs up.
  bool hung_up() {
    while (fill(kPatienceMs)) {
    }
    return ended_;
  }

 private:
  bool fill(int timeout_ms) {
    pollfd input = {fd_, POLLIN, 0};
    if (poll(&input, 1, timeout_ms) <= 0) return false;
    char chunk[65536];
    const ssize_t n = recv(fd_, chunk, sizeof chunk, 0);
    ended_ = n <= 0;
    if (n > 0) input_.append(chunk, static_cast<size_t>(n));
    return n > 0;
  }

  int fd_;
  bool connected_ = false;
  bool ended_ = false;
  std::string input_;
};

}  // namespace adit

// SPDX-License-Identifier: Apache-2.0
// A checker's world: its io_context, what it reported, and targets that are checked often.
#pragma once

#include <gtest/gtest.h>

#include <functional>
#include <string>
#include <vector>

#include "health/checker.h"
#include "health_probe_run.h"
#include "health_servers.h"

namespace adit {

// A TCP port that listens, or refuses, as one likes.
class Switchable {
 public:
  explicit Switchable(boost::asio::io_context& io) : acceptor_(io, boost::asio::ip::tcp::v4()) {
    acceptor_.set_option(boost::asio::ip::tcp::acceptor::reuse_address(true));
    acceptor_.bind({boost::asio::ip::address_v4::loopback(), 0});
    address_ = acceptor_.local_endpoint();
  }
  uint16_t port() const { return address_.port(); }
  void listen() { acceptor_.listen(4096); }
  void refuse() {
    acceptor_.close();
    acceptor_.open(boost::asio::ip::tcp::v4());
    acceptor_.set_option(boost::asio::ip::tcp::acceptor::reuse_address(true));
    acceptor_.bind(address_);
  }

 private:
  boost::asio::ip::tcp::acceptor acceptor_;
  boost::asio::ip::tcp::endpoint address_;
};

class HealthCheckerTest : public testing::Test {
 protected:
  static constexpr HealthKey kKey = 7, kOther = 1000;

  // Often checked.
  static HealthTarget quick(uint16_t port, CheckKind kind = CheckKind::kTcp) {
    HealthTarget target = target_of(kind, port);
    target.options.interval_ms = 100;
    target.options.timeout_ms = 100;
    target.options.rules.fall = 2;
    target.options.rules.damping.changes = 0;
    return target;
  }

  HealthChecker::Changed record() {
    return [this](HealthKey key, bool up, const std::string& why) {
      changes.push_back(std::to_string(key) + (up ? " up: " : " down: ") + why);
    };
  }

  bool until(const std::function<bool()>& so) { return run_until(io, so); }
  // What ended, or was cancelled, leaves nothing that the io_context waits for.
  bool is_idle() {
    return until([this] {
      if (io.stopped()) io.restart();
      io.poll();
      return io.stopped();
    });
  }

  boost::asio::io_context io{1};
  std::vector<std::string> changes;
};

}  // namespace adit

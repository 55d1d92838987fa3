// SPDX-License-Identifier: Apache-2.0
#include "base/log_queue.h"

#include <gtest/gtest.h>
#include <spdlog/details/null_mutex.h>
#include <spdlog/sinks/base_sink.h>
#include <spdlog/spdlog.h>

#include <atomic>
#include <condition_variable>
#include <mutex>
#include <stdexcept>
#include <string>
#include <vector>

namespace adit {
namespace {

using namespace std::chrono_literals;

// A destination that takes lines, refuses them, or keeps its caller until it is opened.
class Destination final : public spdlog::sinks::base_sink<std::mutex> {
 public:
  void shut() {
    const std::lock_guard lock(gate_);
    open_ = false;
  }
  void open() {
    {
      const std::lock_guard lock(gate_);
      open_ = true;
    }
    opened_.notify_all();
  }
  void wait_until_kept() {
    std::unique_lock lock(gate_);
    opened_.wait(lock, [this] { return kept_; });
  }
  std::atomic<bool> refuses = false;
  std::vector<std::string> lines;  // to be read after drain()

 private:
  void sink_it_(const spdlog::details::log_msg& message) override {
    {
      std::unique_lock lock(gate_);
      kept_ = !open_;
      opened_.notify_all();
      opened_.wait(lock, [this] { return open_; });
    }
    if (refuses) throw std::runtime_error("no room");
    lines.emplace_back(message.payload.data(), message.payload.size());
  }
  void flush_() override {}

  std::mutex gate_;
  std::condition_variable opened_;
  bool open_ = true, kept_ = false;
};

struct Log {
  explicit Log(size_t max_lines = LogQueue::kMaxLines, size_t max_bytes = LogQueue::kMaxBytes)
      : queue(std::make_shared<LogQueue>(destination, max_lines, max_bytes)),
        logger("test", queue) {}
  std::shared_ptr<Destination> destination = std::make_shared<Destination>();
  std::shared_ptr<LogQueue> queue;
  spdlog::logger logger;
};

using Lines = std::vector<std::string>;

TEST(LogQueue, WritesAllInTheirOrder) {
  Log log;
  Lines sent;
  for (int i = 0; i < 1000; ++i) {
    sent.push_back("line " + std::to_string(i));
    log.logger.info(sent.back());
  }
  ASSERT_TRUE(log.queue->drain(60s));
  EXPECT_EQ(log.destination->lines, sent);
  EXPECT_EQ(log.queue->stats().written, 1000u);
  EXPECT_EQ(log.queue->stats().lost, 0u);
  EXPECT_EQ(log.queue->stats().waiting, 0u);
}

TEST(LogQueue, LosesTheOldestWhereTheDestinationTakesNothingAndSaysHowMany) {
  Log log(3);
  log.destination->shut();
  log.logger.info("in hand");
  log.destination->wait_until_kept();
  for (int i = 0; i < 10; ++i) log.logger.info("line " + std::to_string(i));
  EXPECT_FALSE(log.queue->drain(1ms));
  EXPECT_EQ(log.queue->stats().lost, 7u);
  EXPECT_EQ(log.queue->stats().waiting, 4u);
  log.destination->open();
  ASSERT_TRUE(log.queue->drain(60s));
  EXPECT_EQ(log.destination->lines,
            (Lines{"in hand", "event=log_lost lines=7", "line 7", "line 8", "line 9"}));
}

TEST(LogQueue, IsBoundedInBytes) {
  Log log(1000, 100);
  log.destination->shut();
  log.logger.info("in hand");
  log.destination->wait_until_kept();
  for (int i = 0; i < 10; ++i) log.logger.info(std::string(40, 'x'));
  EXPECT_EQ(log.queue->stats().lost, 8u);
  log.destination->open();
  EXPECT_TRUE(log.queue->drain(60s));
}

TEST(LogQueue, CountsWhatTheDestinationRefusesAndSaysSoLater) {
  Log log;
  log.destination->refuses = true;
  log.logger.info("a");
  log.logger.info("b");
  ASSERT_TRUE(log.queue->drain(60s));
  EXPECT_EQ(log.queue->stats().lost, 2u);
  log.destination->refuses = false;
  log.logger.info("c");
  ASSERT_TRUE(log.queue->drain(60s));
  EXPECT_EQ(log.destination->lines, (Lines{"event=log_lost lines=2", "c"}));
  EXPECT_EQ(log.queue->stats().lost, 2u);
}

TEST(LogQueue, EndsWhileItsDestinationKeepsTheThread) {
  auto destination = std::make_shared<Destination>();
  {
    const auto queue = std::make_shared<LogQueue>(destination);
    spdlog::logger logger("test", queue);
    destination->shut();
    logger.info("in hand");
    destination->wait_until_kept();
  }
  destination->open();
}

}  // namespace
}  // namespace adit

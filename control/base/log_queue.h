// SPDX-License-Identifier: Apache-2.0
// A bounded queue before the log's destination, and a thread that empties it: a slow or blocked
// destination never blocks the thread that logs a line.
#pragma once

#include <spdlog/details/log_msg_buffer.h>
#include <spdlog/sinks/sink.h>

#include <chrono>
#include <condition_variable>
#include <cstdint>
#include <deque>
#include <memory>
#include <mutex>
#include <thread>

namespace adit {

struct LogStats {
  uint64_t written = 0;  // lines that the destination took
  uint64_t lost = 0;     // lines that it did not take, or that found the queue full
  uint64_t waiting = 0;  // lines in the queue
  bool stuck = false;    // the line in hand waits for the destination for more than a second
};

class LogQueue final : public spdlog::sinks::sink {
 public:
  static constexpr size_t kMaxLines = 8192;
  static constexpr size_t kMaxBytes = 4 << 20;

  // Lines go to `destination`, from one thread, in their order. What it throws is a lost line.
  explicit LogQueue(std::shared_ptr<spdlog::sinks::sink> destination, size_t max_lines = kMaxLines,
                    size_t max_bytes = kMaxBytes);
  // Does not wait: a thread that its destination keeps is left behind with what it needs.
  ~LogQueue() override;

  // If the queue is full, drops the oldest lines; a line in their place says how many.
  void log(const spdlog::details::log_msg& message) override;
  void flush() override {}  // the thread does, after each line
  void set_pattern(const std::string& pattern) override;
  void set_formatter(std::unique_ptr<spdlog::formatter> formatter) override;

  // Waits until all lines are written, for no longer than `patience` without one that is; whether
  // all are.
  bool drain(std::chrono::milliseconds patience);
  LogStats stats() const;
  // Runs the thread on these cores only, e.g. those of the calling thread.
  void run_on_cores_of_caller();

 private:
  struct Shared;  // outlives the queue where the thread is stuck
  static void write_all(const std::shared_ptr<Shared>& shared);

  std::shared_ptr<Shared> shared_;
  std::thread thread_;
};

}  // namespace adit

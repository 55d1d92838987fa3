// SPDX-License-Identifier: Apache-2.0
// One thread beside control's, for what takes long: reading, checking and compiling files. Control
// gives it a job, and looks now and then whether it is done; it never waits for it.
#pragma once

#include <atomic>
#include <condition_variable>
#include <functional>
#include <mutex>
#include <thread>

namespace adit {

class Background {
 public:
  Background();
  // Tells the job that runs to give up, and waits for it.
  ~Background();
  Background(const Background&) = delete;
  Background& operator=(const Background&) = delete;

  // Only while it is idle. `job` throws nothing.
  void start(std::function<void()> job);
  // Whether the last job is done: all that it wrote can be read now.
  bool idle() const noexcept { return !busy_.load(std::memory_order_acquire); }
  // Set once the job's result is no longer needed.
  const std::atomic<bool>& cancelled() const noexcept { return cancelled_; }

 private:
  void run();

  std::mutex mutex_;
  std::condition_variable wake_;
  std::function<void()> job_;
  bool leaves_ = false;
  std::atomic<bool> busy_ = false;
  std::atomic<bool> cancelled_ = false;
  std::thread thread_;
};

}  // namespace adit

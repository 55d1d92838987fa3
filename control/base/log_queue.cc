// SPDX-License-Identifier: Apache-2.0
#include "base/log_queue.h"

#include <pthread.h>
#include <sched.h>

#include <string>
#include <utility>

#include "base/signal_mask.h"

namespace adit {
namespace {

using Clock = std::chrono::steady_clock;
constexpr std::chrono::seconds kStuckAfter{1};

}  // namespace

struct LogQueue::Shared {
  using Line = spdlog::details::log_msg_buffer;

  mutable std::mutex mutex;
  std::condition_variable changed;
  std::deque<Line> lines;
  size_t bytes = 0;  // of their texts
  uint64_t written = 0, lost = 0;
  uint64_t unreported = 0;  // lost, and no line has said so yet
  bool writing = false;
  Clock::time_point since;  // that it writes this line
  bool ending = false;
  std::shared_ptr<spdlog::sinks::sink> destination;
  size_t max_lines, max_bytes;

  // `mutex` is held.
  void lose_oldest() {
    bytes -= lines.front().payload.size();
    lines.pop_front();
    ++lost;
    ++unreported;
  }

  bool write(const spdlog::details::log_msg& line) const noexcept {
    try {
      destination->log(line);
      destination->flush();
      return true;
    } catch (...) {  // a full disk, a reader that has gone: the caller counts it
      return false;
    }
  }
};

LogQueue::LogQueue(std::shared_ptr<spdlog::sinks::sink> destination, size_t max_lines,
                   size_t max_bytes)
    : shared_(std::make_shared<Shared>()) {
  shared_->destination = std::move(destination);
  shared_->max_lines = max_lines;
  shared_->max_bytes = max_bytes;
  const SignalsBlocked blocked;
  thread_ = std::thread([shared = shared_] { write_all(shared); });
}

LogQueue::~LogQueue() {
  {
    const std::lock_guard lock(shared_->mutex);
    shared_->ending = true;
  }
  shared_->changed.notify_all();
  thread_.detach();
}

void LogQueue::log(const spdlog::details::log_msg& message) {
  {
    const std::lock_guard lock(shared_->mutex);
    shared_->lines.emplace_back(message);
    shared_->bytes += message.payload.size();
    while (shared_->lines.size() > shared_->max_lines || shared_->bytes > shared_->max_bytes)
      shared_->lose_oldest();
  }
  shared_->changed.notify_all();
}

void LogQueue::set_pattern(const std::string& pattern) {
  shared_->destination->set_pattern(pattern);
}

void LogQueue::set_formatter(std::unique_ptr<spdlog::formatter> formatter) {
  shared_->destination->set_formatter(std::move(formatter));
}

void LogQueue::write_all(const std::shared_ptr<Shared>& shared) {
  std::unique_lock lock(shared->mutex);
  for (;;) {
    shared->changed.wait(lock, [&] { return !shared->lines.empty() || shared->ending; });
    if (shared->lines.empty()) return;
    const Shared::Line line = std::move(shared->lines.front());
    shared->lines.pop_front();
    shared->bytes -= line.payload.size();
    const uint64_t unreported = shared->unreported;
    shared->writing = true;
    shared->since = Clock::now();
    lock.unlock();
    bool told = false;
    if (unreported != 0) {
      const std::string text = "event=log_lost lines=" + std::to_string(unreported);
      told = shared->write({line.logger_name, spdlog::level::warn, text});
    }
    const bool written = (unreported == 0 || told) && shared->write(line);
    lock.lock();
    shared->writing = false;
    if (told) shared->unreported -= unreported;
    if (written) {
      ++shared->written;
    } else {
      ++shared->lost;
      ++shared->unreported;
    }
    shared->changed.notify_all();
  }
}

bool LogQueue::drain(std::chrono::milliseconds patience) {
  std::unique_lock lock(shared_->mutex);
  const auto idle = [&] { return shared_->lines.empty() && !shared_->writing; };
  while (!idle()) {
    const uint64_t done = shared_->written + shared_->lost;
    if (!shared_->changed.wait_for(
            lock, patience, [&] { return idle() || shared_->written + shared_->lost != done; }))
      return false;
  }
  return true;
}

LogStats LogQueue::stats() const {
  const std::lock_guard lock(shared_->mutex);
  return {shared_->written, shared_->lost, shared_->lines.size() + (shared_->writing ? 1 : 0),
          shared_->writing && Clock::now() - shared_->since > kStuckAfter};
}

void LogQueue::run_on_cores_of_caller() {
  cpu_set_t cores;
  CPU_ZERO(&cores);
  // Without, it runs where the scheduler puts it, which is no worse than before.
  if (sched_getaffinity(0, sizeof cores, &cores) == 0)
    (void)pthread_setaffinity_np(thread_.native_handle(), sizeof cores, &cores);
}

}  // namespace adit

// SPDX-License-Identifier: Apache-2.0
#include "base/background.h"

#include <pthread.h>
#include <sys/resource.h>
#include <unistd.h>

#include <utility>

#include "base/signal_mask.h"

namespace adit {
namespace {

// It may share control's core: a tenth of it is left to the thread while control is busy, and
// control gets it at once when it wakes.
constexpr int kNice = 10;

}  // namespace

Background::Background() {
  const SignalsBlocked blocked;
  thread_ = std::thread([this] { run(); });
}

Background::~Background() {
  cancelled_ = true;
  {
    const std::lock_guard lock(mutex_);
    leaves_ = true;
  }
  wake_.notify_one();
  thread_.join();
}

void Background::start(std::function<void()> job) {
  busy_ = true;
  {
    const std::lock_guard lock(mutex_);
    job_ = std::move(job);
  }
  wake_.notify_one();
}

void Background::run() {
  pthread_setname_np(pthread_self(), "adit-reload");
  // Linux keeps a nice value for each thread. Without it control is a little later, no more.
  (void)setpriority(PRIO_PROCESS, static_cast<id_t>(gettid()), kNice);
  std::unique_lock lock(mutex_);
  for (;;) {
    wake_.wait(lock, [this] { return leaves_ || job_; });
    if (leaves_) return;
    auto job = std::exchange(job_, nullptr);
    lock.unlock();
    job();
    job = nullptr;
    busy_.store(false, std::memory_order_release);
    lock.lock();
  }
}

}  // namespace adit

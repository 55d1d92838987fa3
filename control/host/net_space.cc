// SPDX-License-Identifier: Apache-2.0
#include "host/net_space.h"

#include <pthread.h>
#include <sched.h>

#include <cerrno>
#include <cstring>

namespace adit {

std::unique_ptr<NetSpace> NetSpace::make(std::string& why) {
  std::unique_ptr<NetSpace> space(new NetSpace);
  space->thread_ = std::thread([&own = *space] { own.live(); });
  int error = 0;
  space->run([&error] {
    pthread_setname_np(pthread_self(), "adit-checks");
    if (unshare(CLONE_NEWNET) != 0) error = errno;
  });
  if (error == 0) return space;
  why = std::string("make a network namespace: ") + std::strerror(error);
  return nullptr;
}

NetSpace::~NetSpace() {
  {
    const std::lock_guard lock(mutex_);
    ends_ = true;
  }
  changed_.notify_all();
  thread_.join();
}

void NetSpace::run(const std::function<void()>& function) {
  std::unique_lock lock(mutex_);
  order_ = &function;
  changed_.notify_all();
  changed_.wait(lock, [this] { return order_ == nullptr; });
}

void NetSpace::live() {
  std::unique_lock lock(mutex_);
  for (;;) {
    changed_.wait(lock, [this] { return order_ != nullptr || ends_; });
    if (order_ == nullptr) return;
    (*order_)();
    order_ = nullptr;
    changed_.notify_all();
  }
}

}  // namespace adit

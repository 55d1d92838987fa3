// SPDX-License-Identifier: Apache-2.0
// By which control wakes a worker that sleeps until packets come (idle_sleep.h): an eventfd, which
// stays readable until the worker has heard it.
#pragma once

#include <sys/eventfd.h>
#include <unistd.h>

namespace adit {

class Doorbell {
 public:
  Doorbell() noexcept : fd_(eventfd(0, EFD_NONBLOCK | EFD_CLOEXEC)) {}
  ~Doorbell() {
    if (fd_ >= 0) close(fd_);
  }
  Doorbell(const Doorbell&) = delete;
  Doorbell& operator=(const Doorbell&) = delete;

  // Rung after the worker's work was put where it looks for it.
  void ring() noexcept {
    if (fd_ >= 0) eventfd_write(fd_, 1);
  }
  void hear() noexcept {
    eventfd_t rings = 0;
    eventfd_read(fd_, &rings);
  }
  // Negative: no descriptor was left for it.
  int fd() const noexcept { return fd_; }

 private:
  int fd_;
};

}  // namespace adit

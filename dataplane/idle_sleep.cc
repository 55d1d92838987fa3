// SPDX-License-Identifier: Apache-2.0
#include "idle_sleep.h"

#include <rte_pause.h>
#include <rte_rcu_qsbr.h>
#include <sys/prctl.h>
#include <time.h>

namespace adit {
namespace {

// Descriptors of one worker; more would take poll(2) longer than to poll the ports.
constexpr std::size_t kMostReadable = 1 + kMaxPorts;

timespec timespec_of(uint64_t ns) noexcept {
  constexpr uint64_t kSecond = 1'000'000'000;
  return {static_cast<time_t>(ns / kSecond), static_cast<long>(ns % kSecond)};
}

}  // namespace

IdleSleep::IdleSleep(Worker& worker, rte_rcu_qsbr* qsbr) : worker_(worker), qsbr_(qsbr) {
  // The kernel would otherwise round a short sleep up by 50 microseconds.
  prctl(PR_SET_TIMERSLACK, 1UL);
  readable_.reserve(kMostReadable);
  look_at_ports();
}

void IdleSleep::look_at_ports() {
  readable_.assign(1, {worker_.doorbell.fd(), POLLIN, 0});
  is_woken_ = worker_.doorbell.fd() >= 0 && worker_.peers.size() <= 1;
  for (const RxQueue& queue : worker_.rx) {
    if (queue.io.readable_fd == kMustBePolled || readable_.size() == kMostReadable)
      is_woken_ = false;
    else if (queue.io.readable_fd >= 0)
      readable_.push_back({queue.io.readable_fd, POLLIN, 0});
  }
}

void IdleSleep::sleep(uint64_t ns) noexcept {
  if (ns == 0) return rte_pause();
  const timespec pause = timespec_of(ns);
  clock_nanosleep(CLOCK_MONOTONIC, 0, &pause, nullptr);
}

void IdleSleep::rest(uint64_t ns) noexcept {
  if (ns == 0) return rte_pause();
  const timespec most = timespec_of(ns);
  rte_rcu_qsbr_thread_offline(qsbr_, worker_.id);
  const int count = ppoll(readable_.data(), readable_.size(), &most, nullptr);
  rte_rcu_qsbr_thread_online(qsbr_, worker_.id);
  if (count <= 0) return;
  if (readable_.front().revents != 0) worker_.doorbell.hear();
  // A device that is lost would end every sleep at once, until control has taken it away.
  for (pollfd& port : readable_)
    if ((port.revents & ~POLLIN) != 0) port.fd = -1;
}

}  // namespace adit

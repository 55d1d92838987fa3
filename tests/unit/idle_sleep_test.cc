// SPDX-License-Identifier: Apache-2.0
// What ends the sleep of a worker. Each sleeps for an hour unless it is woken.
#include "idle_sleep.h"

#include <fcntl.h>
#include <gtest/gtest.h>
#include <rte_malloc.h>
#include <rte_rcu_qsbr.h>
#include <unistd.h>

#include <array>
#include <thread>
#include <vector>

namespace adit {
namespace {

constexpr uint64_t kHourNs = 3600 * uint64_t{1'000'000'000};
constexpr uint64_t kShortNs = 20'000'000;

class IdleSleepTest : public testing::Test {
 protected:
  IdleSleepTest()
      : qsbr_(static_cast<rte_rcu_qsbr*>(
            rte_zmalloc("test", rte_rcu_qsbr_get_memsize(1), RTE_CACHE_LINE_SIZE))) {
    EXPECT_EQ(rte_rcu_qsbr_init(qsbr_, 1), 0);
    rte_rcu_qsbr_thread_register(qsbr_, 0);
    rte_rcu_qsbr_thread_online(qsbr_, 0);
    EXPECT_EQ(pipe2(pipe_.data(), O_NONBLOCK | O_CLOEXEC), 0);
    worker_.rx.resize(2);
    worker_.rx[0].io.readable_fd = pipe_[0];
    worker_.rx[1].io.readable_fd = kNeverReadable;
  }
  ~IdleSleepTest() override {
    close(pipe_[0]);
    close_writer();
    rte_rcu_qsbr_thread_unregister(qsbr_, 0);
    rte_free(qsbr_);
  }

  void put_byte() {
    const char byte = 0;
    EXPECT_EQ(write(pipe_[1], &byte, 1), 1);
  }
  // poll(2) reports POLLHUP from now on.
  void close_writer() {
    if (pipe_[1] >= 0) close(pipe_[1]);
    pipe_[1] = -1;
  }
  uint64_t slept_ns(IdleSleep& sleep) {
    const uint64_t before = monotonic_ns();
    sleep.rest(kShortNs);
    return monotonic_ns() - before;
  }

  Worker worker_;
  rte_rcu_qsbr* qsbr_;
  std::array<int, 2> pipe_ = {-1, -1};
};

TEST_F(IdleSleepTest, EndsWithAPacket) {
  IdleSleep sleep(worker_, qsbr_);
  ASSERT_TRUE(sleep.is_woken());
  put_byte();
  sleep.rest(kHourNs);
}

TEST_F(IdleSleepTest, EndsWhenAPacketComes) {
  IdleSleep sleep(worker_, qsbr_);
  std::thread sender([this] { put_byte(); });
  sleep.rest(kHourNs);
  sender.join();
}

TEST_F(IdleSleepTest, EndsWhenControlRingsWhichIsHeardOnce) {
  IdleSleep sleep(worker_, qsbr_);
  worker_.doorbell.ring();
  worker_.doorbell.ring();
  sleep.rest(kHourNs);
  EXPECT_GE(slept_ns(sleep), kShortNs);
  std::thread control([this] { worker_.doorbell.ring(); });
  sleep.rest(kHourNs);
  control.join();
}

TEST_F(IdleSleepTest, LooksAtNewBindings) {
  IdleSleep sleep(worker_, qsbr_);
  put_byte();
  worker_.rx[0].io.readable_fd = kNeverReadable;
  sleep.look_at_ports();
  EXPECT_TRUE(sleep.is_woken());
  EXPECT_GE(slept_ns(sleep), kShortNs);
}

TEST_F(IdleSleepTest, IsNotEndedAgainAndAgainByALostDevice) {
  IdleSleep sleep(worker_, qsbr_);
  close_writer();
  sleep.rest(kHourNs);
  EXPECT_GE(slept_ns(sleep), kShortNs);
  worker_.doorbell.ring();
  sleep.rest(kHourNs);
}

TEST_F(IdleSleepTest, ControlDoesNotWaitForIt) {
  IdleSleep sleep(worker_, qsbr_);
  const uint64_t token = rte_rcu_qsbr_start(qsbr_);
  EXPECT_EQ(rte_rcu_qsbr_check(qsbr_, token, false), 0);
  std::thread control([this, token] {
    rte_rcu_qsbr_check(qsbr_, token, true);
    worker_.doorbell.ring();
  });
  sleep.rest(kHourNs);
  control.join();
}

TEST_F(IdleSleepTest, WhatHasToBePolledKeepsItAwake) {
  worker_.rx[1].io.readable_fd = kMustBePolled;
  EXPECT_FALSE(IdleSleep(worker_, qsbr_).is_woken());
}

TEST_F(IdleSleepTest, OtherWorkersKeepItAwake) {
  std::vector<PeerQueue> peers;
  peers.emplace_back(nullptr);
  peers.emplace_back(nullptr);
  worker_.peers = peers;
  EXPECT_FALSE(IdleSleep(worker_, qsbr_).is_woken());
}

}  // namespace
}  // namespace adit

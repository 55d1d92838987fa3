// SPDX-License-Identifier: Apache-2.0
// Targets that are added, changed and removed while a HealthChecker runs.
#include "health_checker_test.h"

namespace adit {
namespace {

using HealthTargetsTest = HealthCheckerTest;

TEST_F(HealthTargetsTest, UpdateOfTheTimesKeepsTheState) {
  const ClosedPort closed(io);
  HealthChecker checker(io, record());
  HealthTarget target = quick(closed.port());
  checker.add(kKey, target);
  ASSERT_TRUE(until([&] { return !checker.up(kKey); }));
  const HealthView before = *checker.find(kKey);
  target.service = "other";
  target.options.interval_ms = 200;
  target.options.rules.rise = 5;
  target.options.rules.initial = InitialState::kUp;
  checker.update(kKey, target);
  checker.update(kKey, target);  // equal
  const HealthView after = *checker.find(kKey);
  EXPECT_FALSE(after.up);
  EXPECT_EQ(after.phase, HealthPhase::kDown);
  EXPECT_EQ(after.since, before.since);
  EXPECT_EQ(after.failures, before.failures);
  EXPECT_EQ(after.checks, before.checks);
  EXPECT_EQ(after.service, "other");
  EXPECT_EQ(changes.size(), 1u);
}

TEST_F(HealthTargetsTest, ShorterIntervalIsNotWaitedForAsTheLongOne) {
  TcpListener backend(io);
  HealthChecker checker(io, record());
  HealthTarget target = quick(backend.port());
  target.options.interval_ms = 3'600'000;
  checker.add(kKey, target);
  ASSERT_TRUE(until([&] { return checker.find(kKey)->checks == 1; }));
  target.options.interval_ms = 100;
  checker.update(kKey, target);
  EXPECT_TRUE(until([&] { return checker.find(kKey)->checks >= 3; }));
}

TEST_F(HealthTargetsTest, AnotherQuestionIsAskedAtOnceAndKeepsUpOrDown) {
  const ClosedPort closed(io);
  TcpListener backend(io);
  HealthChecker checker(io, record());
  HealthTarget target = quick(closed.port());
  checker.add(kKey, target);
  ASSERT_TRUE(until([&] { return !checker.up(kKey); }));
  target.options.interval_ms = 3'600'000;
  target.options.question.port = backend.port();
  checker.update(kKey, target);
  EXPECT_FALSE(checker.up(kKey));
  EXPECT_EQ(checker.find(kKey)->phase, HealthPhase::kChecking);
  EXPECT_EQ(checker.find(kKey)->failures, 0u);
  EXPECT_TRUE(until([&] { return checker.up(kKey); }));
}

TEST_F(HealthTargetsTest, AnotherBackendStartsAnew) {
  const ClosedPort closed(io);
  HealthChecker checker(io, record());
  HealthTarget target = quick(closed.port());
  checker.add(kKey, target);
  ASSERT_TRUE(until([&] { return !checker.up(kKey); }));
  target.address = *parse_ip("127.0.0.2");
  checker.update(kKey, target);
  EXPECT_TRUE(checker.up(kKey));
  EXPECT_EQ(checker.find(kKey)->checks, 0u);
  EXPECT_EQ(checker.find(kKey)->phase, HealthPhase::kChecking);
  EXPECT_EQ(changes.size(), 1u);  // the caller knows what it has done
}

TEST_F(HealthTargetsTest, UpdateInMidFlightDropsTheOldAnswer) {
  TcpListener silent(io);
  TcpListener backend(io);
  HealthChecker checker(io, record(), 1);
  HealthTarget target = target_of(CheckKind::kHttp, silent.port());
  checker.add(kKey, target);
  ASSERT_TRUE(until([&] { return silent.accepted() == 1; }));
  EXPECT_EQ(checker.running(), 1u);
  target.options.question.kind = CheckKind::kTcp;
  target.options.question.port = backend.port();
  checker.update(kKey, target);
  EXPECT_EQ(checker.running(), 0u);
  ASSERT_TRUE(until([&] { return checker.find(kKey)->checks == 1; }));
  EXPECT_EQ(checker.find(kKey)->last_detail, "connected");
}

TEST_F(HealthTargetsTest, UpdateAddsAndAddUpdates) {
  TcpListener backend(io);
  HealthChecker checker(io, record());
  checker.update(kKey, quick(backend.port()));
  ASSERT_TRUE(until([&] { return checker.find(kKey)->checks >= 1; }));
  checker.add(kKey, quick(backend.port()));
  EXPECT_GE(checker.find(kKey)->checks, 1u);
  EXPECT_EQ(checker.snapshot().size(), 1u);
}

TEST_F(HealthTargetsTest, RemovedTargetsLeaveNothing) {
  TcpListener silent(io);
  HealthChecker checker(io, record(), 2);
  for (HealthKey key = 0; key < 5; ++key)
    checker.add(key, target_of(CheckKind::kHttp, silent.port()));
  ASSERT_TRUE(until([&] { return checker.running() == 2; }));
  for (HealthKey key = 0; key < 5; ++key) checker.remove(key);
  checker.remove(99);
  EXPECT_EQ(checker.running(), 0u);
  EXPECT_EQ(checker.waiting(), 0u);
  EXPECT_FALSE(checker.up(0));
  EXPECT_FALSE(checker.find(0));
  io.poll();
  EXPECT_TRUE(changes.empty());
}

TEST_F(HealthTargetsTest, RemovalMakesRoomForThoseThatWait) {
  TcpListener silent(io);
  TcpListener backend(io);
  HealthChecker checker(io, record(), 1);
  checker.add(1, target_of(CheckKind::kHttp, silent.port()));
  ASSERT_TRUE(until([&] { return checker.running() == 1; }));
  checker.add(2, quick(backend.port()));
  io.poll();
  EXPECT_EQ(checker.waiting(), 1u);
  checker.remove(1);
  EXPECT_TRUE(until([&] { return checker.find(2)->checks != 0; }));
}

TEST_F(HealthTargetsTest, ManyAddedAndRemovedWhileAllWaitDoNotPileUp) {
  TcpListener silent(io);
  HealthChecker checker(io, record(), 1);
  checker.add(0, target_of(CheckKind::kHttp, silent.port()));
  ASSERT_TRUE(until([&] { return checker.running() == 1; }));
  for (HealthKey key = 1; key < 5000; ++key) {
    checker.add(key, quick(silent.port()));
    checker.remove(key);
  }
  EXPECT_EQ(checker.waiting(), 0u);
  EXPECT_EQ(checker.snapshot().size(), 1u);
}

}  // namespace
}  // namespace adit

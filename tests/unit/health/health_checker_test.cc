// SPDX-License-Identifier: Apache-2.0
#include "health_checker_test.h"

#include <sys/resource.h>

#include <algorithm>

namespace adit {
namespace {

TEST_F(HealthCheckerTest, TellsWhenABackendGoesDownAndUp) {
  Switchable backend(io);
  HealthChecker checker(io, record());
  backend.listen();
  checker.add(kKey, quick(backend.port()));
  EXPECT_TRUE(checker.up(kKey));
  ASSERT_TRUE(until([&] { return checker.find(kKey)->phase == HealthPhase::kUp; }));
  EXPECT_TRUE(changes.empty());
  backend.refuse();
  ASSERT_TRUE(until([&] { return !checker.up(kKey); }));
  backend.listen();
  ASSERT_TRUE(until([&] { return checker.up(kKey); }));
  EXPECT_EQ(changes,
            (std::vector<std::string>{"7 down: 2 failures in a row: connect: Connection refused",
                                      "7 up: 2 successes in a row: connected"}));
}

TEST_F(HealthCheckerTest, FirstSuccessBringsUpWhatIsInitiallyDown) {
  TcpListener backend(io);
  HealthChecker checker(io, record());
  HealthTarget target = quick(backend.port());
  target.options.rules.initial = InitialState::kDown;
  target.options.interval_ms = target.options.timeout_ms = 3'600'000;
  checker.add(kKey, target);
  EXPECT_FALSE(checker.up(kKey));
  ASSERT_TRUE(until([&] { return checker.up(kKey); }));
  EXPECT_EQ(changes, std::vector<std::string>{"7 up: 1 success: connected"});
}

TEST_F(HealthCheckerTest, TellsThatABackendIsHeldDown) {
  Switchable backend(io);
  HealthChecker checker(io, record());
  HealthTarget target = quick(backend.port());
  target.options.rules.rise = target.options.rules.fall = 1;
  target.options.rules.damping = {
      .changes = 2, .window_s = 3600, .hold_s = 3600, .max_hold_s = 3600};
  backend.listen();
  target.options.rules.initial = InitialState::kDown;
  checker.add(kKey, target);
  ASSERT_TRUE(until([&] { return checker.up(kKey); }));
  backend.refuse();
  ASSERT_TRUE(until([&] { return !checker.up(kKey); }));
  backend.listen();
  ASSERT_TRUE(until([&] { return checker.find(kKey)->successes >= 3; }));
  EXPECT_FALSE(checker.up(kKey));
  const HealthView view = *checker.find(kKey);
  EXPECT_EQ(view.phase, HealthPhase::kHeld);
  EXPECT_EQ(view.held_until, view.since + std::chrono::hours(1));
  ASSERT_EQ(changes.size(), 2u);
  EXPECT_EQ(
      changes[1],
      "7 down: 1 failure: connect: Connection refused; it flaps, and is held down for 3600 s");
}

TEST_F(HealthCheckerTest, ShowsWhatItKnows) {
  TcpListener backend(io);
  const ClosedPort closed(io);
  HealthChecker checker(io, record());
  HealthTarget other = quick(1);
  other.options.question.port = closed.port();
  checker.add(9, other);
  checker.add(3, quick(backend.port()));
  const auto before = checker.snapshot();
  ASSERT_EQ(before.size(), 2u);
  EXPECT_EQ(before[0].checks, 0u);
  EXPECT_EQ(before[0].phase, HealthPhase::kChecking);
  ASSERT_TRUE(until([&] { return checker.find(3)->checks >= 2 && !checker.up(9); }));
  const auto views = checker.snapshot();
  ASSERT_EQ(views.size(), 2u);
  EXPECT_EQ(views[0].key, 3u);
  EXPECT_EQ(views[0].service, "web");
  EXPECT_EQ(to_string(views[0].address), "127.0.0.1");
  EXPECT_EQ(views[0].port, backend.port());
  EXPECT_TRUE(views[0].up);
  EXPECT_EQ(views[0].last_verdict, Verdict::kUp);
  EXPECT_EQ(views[0].last_detail, "connected");
  EXPECT_GT(views[0].last_latency_ms, 0);
  EXPECT_GE(views[0].successes, 2u);
  EXPECT_EQ(views[1].key, 9u);
  EXPECT_EQ(views[1].port, closed.port());
  EXPECT_FALSE(views[1].up);
  EXPECT_GE(views[1].failures, 2u);
  EXPECT_FALSE(views[1].held_until);
  EXPECT_GE(views[1].since, before[1].since);
}

TEST_F(HealthCheckerTest, RunsNoMoreProbesThanItMay) {
  TcpListener silent(io);
  constexpr size_t kMost = 3, kTargets = 20;
  HealthChecker checker(io, record(), kMost);
  for (HealthKey key = 0; key < kTargets; ++key)
    checker.add(key, quick(silent.port(), CheckKind::kHttp));
  size_t most = 0;
  ASSERT_TRUE(until([&] {
    most = std::max(most, checker.running());
    EXPECT_LE(checker.running(), kMost);
    EXPECT_LE(checker.running() + checker.waiting(), kTargets);
    const auto views = checker.snapshot();
    return std::all_of(views.begin(), views.end(),
                       [](const HealthView& view) { return view.checks >= 3; });
  }));
  EXPECT_EQ(most, kMost);
  // They have been served in turn: nobody was checked much more often than anybody else.
  for (const HealthView& view : checker.snapshot()) EXPECT_LE(view.checks, 5u) << view.key;
}

TEST_F(HealthCheckerTest, ChecksOfOneVrfDoNotWaitForThoseOfAnother) {
  TcpListener silent(io), backend(io);
  HealthChecker checker(io, record(), 4);
  HealthTarget target = quick(silent.port(), CheckKind::kHttp);
  target.vrf = "slow";
  for (HealthKey key = 0; key < 100; ++key) checker.add(key, target);
  HealthTarget other = quick(backend.port());
  other.vrf = "quick";
  checker.add(kOther, other);
  ASSERT_TRUE(until([&] { return checker.find(kOther)->checks >= 10; }));
  for (HealthKey key = 0; key < 100; ++key) EXPECT_LE(checker.find(key)->checks, 5u) << key;
  EXPECT_TRUE(checker.up(kOther));
  checker.remove(kOther);
  // Alone again, it has all.
  ASSERT_TRUE(until([&] { return checker.running() == 4; }));
}

TEST_F(HealthCheckerTest, SpreadsFirstChecksOverTheInterval) {
  TcpListener backend(io);
  HealthChecker checker(io, record());
  HealthTarget target = quick(backend.port());
  target.options.interval_ms = 3'600'000;
  for (HealthKey key = 0; key < 100; ++key) checker.add(key, target, FirstCheck::kSpread);
  checker.add(1000, target, FirstCheck::kAtOnce);
  ASSERT_TRUE(until([&] { return checker.find(1000)->checks == 1; }));
  size_t checked = 0;
  for (const HealthView& view : checker.snapshot()) checked += view.checks != 0;
  EXPECT_LT(checked, 50u);
}

TEST_F(HealthCheckerTest, LeavesTheThreadItsOtherDuties) {
  TcpListener backend(io);
  HealthChecker checker(io, record());
  constexpr HealthKey kTargets = 1000;
  for (HealthKey key = 0; key < kTargets; ++key) checker.add(key, quick(backend.port()));
  // One handler starts one probe: after it there is time for others.
  size_t before = checker.running();
  ASSERT_TRUE(until([&] {
    EXPECT_LE(checker.running(), before + 1);
    before = checker.running();
    return checker.find(kTargets - 1)->checks != 0;
  }));
}

TEST_F(HealthCheckerTest, CanGoInTheMiddle) {
  auto silent = std::make_unique<TcpListener>(io);
  auto checker = std::make_unique<HealthChecker>(io, record(), 10);
  HealthKey key = 0;
  for (int i = 0; i < 4; ++i)
    for (const CheckKind kind :
         {CheckKind::kTcp, CheckKind::kHttp, CheckKind::kHttps, CheckKind::kIcmp, CheckKind::kUdp,
          CheckKind::kDns, CheckKind::kCommand}) {
      HealthTarget target = target_of(kind, silent->port());
      target.options.question.command.argv = {"/bin/sleep", "1000"};
      checker->add(key++, target);
    }
  ASSERT_TRUE(until([&] { return checker->running() == 10; }));
  checker.reset();
  silent.reset();
  EXPECT_TRUE(is_idle());
  EXPECT_TRUE(changes.empty());
}

TEST_F(HealthCheckerTest, CallbackMayRemoveOrEndTheChecker) {
  const ClosedPort closed(io);
  unsigned calls = 0;
  std::unique_ptr<HealthChecker> checker;
  checker = std::make_unique<HealthChecker>(io, [&](HealthKey key, bool up, const std::string&) {
    EXPECT_FALSE(up);
    ++calls;
    if (key == 1) checker->remove(1);
    if (key == 2) checker.reset();
  });
  checker->add(1, quick(closed.port()));
  ASSERT_TRUE(until([&] { return calls == 1; }));
  EXPECT_FALSE(checker->find(1));
  checker->add(2, quick(closed.port()));
  ASSERT_TRUE(until([&] { return calls == 2; }));
  EXPECT_EQ(checker, nullptr);
  EXPECT_TRUE(is_idle());
}

TEST_F(HealthCheckerTest, UnknownResultsChangeNothing) {
  TcpListener unrelated(io);  // the io_context has its own descriptors by now
  HealthChecker checker(io, record());
  HealthTarget target = quick(1);
  target.options.rules.fall = 1;
  rlimit former;
  ASSERT_EQ(getrlimit(RLIMIT_NOFILE, &former), 0);
  rlimit none = former;
  none.rlim_cur = 0;
  ASSERT_EQ(setrlimit(RLIMIT_NOFILE, &none), 0);
  checker.add(kKey, target);
  const bool checked = until([&] { return checker.find(kKey)->checks >= 3; });
  ASSERT_EQ(setrlimit(RLIMIT_NOFILE, &former), 0);
  EXPECT_TRUE(checked);
  EXPECT_TRUE(checker.up(kKey));
  EXPECT_EQ(checker.find(kKey)->last_verdict, Verdict::kUnknown);
  EXPECT_EQ(checker.find(kKey)->phase, HealthPhase::kChecking);
  EXPECT_TRUE(changes.empty());
}

TEST_F(HealthCheckerTest, TimeThatDoesNotCountIsNoReasonToTimeOut) {
  TcpListener silent(io);
  HealthTarget target = quick(silent.port(), CheckKind::kHttp);
  target.options.rules.fall = 1;
  auto now = std::chrono::steady_clock::now();
  HealthChecker checker(io, record(), HealthChecker::kDefaultMaxProbes, [&now] { return now; });
  checker.add(kKey, target);
  io.run_for(3 * std::chrono::milliseconds(target.options.timeout_ms));
  EXPECT_EQ(checker.running(), 1u);
  EXPECT_EQ(checker.find(kKey)->checks, 0u);
  now += std::chrono::milliseconds(target.options.timeout_ms);
  ASSERT_TRUE(until([&] { return !checker.up(kKey); }));
  EXPECT_EQ(changes, std::vector<std::string>{"7 down: 1 failure: no answer within 100 ms"});
}

}  // namespace
}  // namespace adit

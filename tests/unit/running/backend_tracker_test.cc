// SPDX-License-Identifier: Apache-2.0
#include "running/backend_tracker.h"

#include <gtest/gtest.h>

#include <vector>

namespace adit {
namespace {

constexpr uint64_t kS = 1'000'000'000;

IpAddr ip(const char* text) {
  return *parse_ip(text);
}

// Says what the test has put into it.
class FakeChecks : public HealthChecks {
 public:
  void add(HealthKey key, const HealthTarget& target, FirstCheck first) override {
    targets[key] = target;
    states.emplace(key, target.options.rules.initial == InitialState::kUp);
    firsts[key] = first;
  }
  void update(HealthKey key, const HealthTarget& target) override {
    add(key, target, FirstCheck::kAtOnce);
  }
  void remove(HealthKey key) override {
    targets.erase(key);
    states.erase(key);
  }
  bool up(HealthKey key) const override { return states.at(key); }
  std::optional<HealthView> find(HealthKey) const override { return std::nullopt; }

  std::map<HealthKey, HealthTarget> targets;
  std::map<HealthKey, bool> states;
  std::map<HealthKey, FirstCheck> firsts;
};

class BackendTrackerTest : public testing::Test {
 protected:
  // The backend 10.0.0.N has id N.
  void apply(std::vector<uint16_t> weights, uint64_t now_ns) {
    BackendIds::List list;
    service.backends.clear();
    for (size_t i = 0; i < weights.size(); ++i) {
      BackendConfig backend;
      backend.address = ip(("10.0.0." + std::to_string(i + 1)).c_str());
      backend.weight = weights[i];
      service.backends.push_back(backend);
      list.push_back({service.vrf, backend.address, 0, static_cast<BackendId>(i + 1)});
    }
    if (service.sorry) list.push_back({service.vrf, service.sorry->address, 0, 9});
    CompiledIds ids;
    ids.backends.set(service.name, std::make_shared<const BackendIds::List>(std::move(list)));
    Config config;
    config.services = {service};
    tracker.add(config, ids, now_ns);
  }
  BackendStatus status_of(BackendId id) { return status.load(id); }

  void SetUp() override {
    service.name = "web";
    service.address = ip("192.0.2.80");
    service.port = 80;
    service.health.emplace();
  }

  BackendStatusTable status;
  BackendTracker tracker{status};
  FakeChecks checks;
  ServiceConfig service;
};

TEST_F(BackendTrackerTest, WithoutChecksAllAreUp) {
  apply({5, 0}, kS);
  EXPECT_EQ(status_of(1), (BackendStatus{5, true}));
  EXPECT_EQ(status_of(2), (BackendStatus{0, true}));
}

TEST_F(BackendTrackerTest, GoesByItsChecks) {
  apply({5, 7}, kS);
  tracker.check_by(checks, kS);
  EXPECT_EQ(checks.firsts.at(1), FirstCheck::kSpread);
  EXPECT_EQ(checks.targets.at(1).port, 80) << "the service's";
  tracker.changed(1, false, 3 * kS);
  EXPECT_FALSE(status_of(1).up);
  EXPECT_TRUE(status_of(1).ends_connections());
  EXPECT_EQ(tracker.state(1).since_ns, 3 * kS);
  EXPECT_TRUE(status_of(2).up);
  tracker.changed(1, true, 4 * kS);
  EXPECT_EQ(status_of(1), (BackendStatus{5, true})) << "at once, without slow start";
}

TEST_F(BackendTrackerTest, BackendsThatAreToBeginDownDo) {
  service.health->rules.initial = InitialState::kDown;
  apply({5}, kS);
  tracker.check_by(checks, kS);
  EXPECT_FALSE(status_of(1).up);
}

TEST_F(BackendTrackerTest, ReloadKeepsWhatChecksHaveFound) {
  apply({5, 5}, kS);
  tracker.check_by(checks, kS);
  checks.states[1] = false;
  tracker.changed(1, false, 2 * kS);
  apply({8, 5, 5}, 3 * kS);
  EXPECT_EQ(status_of(1), (BackendStatus{8, false}));
  EXPECT_EQ(tracker.state(1).since_ns, 2 * kS);
  EXPECT_EQ(checks.firsts.at(3), FirstCheck::kAtOnce);
  apply({8}, 4 * kS);
  EXPECT_EQ(checks.targets.size(), 1u);
  EXPECT_EQ(status_of(3), BackendStatus{});
  service.health.reset();
  apply({8}, 5 * kS);
  EXPECT_TRUE(checks.targets.empty());
  EXPECT_TRUE(status_of(1).up) << "nobody asks any more";
}

TEST_F(BackendTrackerTest, KeepsConnectionsOfTheDeadIfTold) {
  service.on_down = OnDown::kKeep;
  apply({5}, kS);
  tracker.check_by(checks, kS);
  tracker.changed(1, false, 2 * kS);
  EXPECT_FALSE(status_of(1).takes_new());
  EXPECT_FALSE(status_of(1).ends_connections());
}

TEST_F(BackendTrackerTest, ABackendBehindADeadLinkGetsNoNewConnectionsAndKeepsItsOwn) {
  apply({5, 5}, kS);
  tracker.check_by(checks, kS);
  EXPECT_TRUE(tracker.set_reachable(1, false, 2 * kS));
  EXPECT_FALSE(tracker.set_reachable(1, false, 2 * kS)) << "no news";
  EXPECT_FALSE(status_of(1).takes_new());
  EXPECT_FALSE(status_of(1).ends_connections());
  EXPECT_TRUE(status_of(2).takes_new());
  apply({5, 5}, 3 * kS);
  EXPECT_FALSE(status_of(1).takes_new()) << "a reload does not change it";
  tracker.changed(1, false, 4 * kS);
  EXPECT_TRUE(status_of(1).ends_connections()) << "dead as well, says its check";
  EXPECT_TRUE(tracker.set_reachable(1, true, 5 * kS));
  EXPECT_FALSE(status_of(1).takes_new());
  tracker.changed(1, true, 6 * kS);
  EXPECT_TRUE(status_of(1).takes_new());
  EXPECT_FALSE(tracker.set_reachable(77, false, 7 * kS)) << "nobody";
}

TEST_F(BackendTrackerTest, WeightGrowsFromATenthInASlowStart) {
  service.slow_start_s = 10;
  apply({100, 3}, kS);
  tracker.check_by(checks, kS);
  EXPECT_EQ(status_of(1).weight, 100) << "at the daemon's start all begin alike";
  for (const BackendId id : {1u, 2u}) {
    tracker.changed(id, false, 2 * kS);
    tracker.changed(id, true, 20 * kS);
  }
  EXPECT_EQ(status_of(1).weight, 10);
  EXPECT_EQ(status_of(2).weight, 1) << "never 0";
  tracker.tick(25 * kS);
  EXPECT_EQ(status_of(1).weight, 55);
  tracker.tick(25 * kS + 1'000'000);
  EXPECT_EQ(status_of(1).weight, 55) << "in steps";
  EXPECT_TRUE(tracker.state(1).starting_ns);
  tracker.tick(30 * kS);
  EXPECT_EQ(status_of(1).weight, 100);
  EXPECT_EQ(status_of(2).weight, 3);
  EXPECT_FALSE(tracker.state(1).starting_ns);
}

TEST_F(BackendTrackerTest, BackendsAddedToARunningServiceStartSlowly) {
  service.slow_start_s = 10;
  apply({100}, kS);
  apply({100, 100}, 2 * kS);
  EXPECT_EQ(status_of(1).weight, 100);
  EXPECT_EQ(status_of(2).weight, 10);
  service.slow_start_s = 0;
  apply({100, 100}, 3 * kS);
  EXPECT_EQ(status_of(2).weight, 100);
}

TEST_F(BackendTrackerTest, DrainedBackendsStayDrainedInASlowStart) {
  service.slow_start_s = 10;
  apply({100}, kS);
  apply({100, 0}, 2 * kS);
  tracker.tick(3 * kS);
  EXPECT_EQ(status_of(2).weight, 0);
}

TEST_F(BackendTrackerTest, UdpFlowsLeaveADrainedBackendAfterAWhile) {
  service.timeouts.udp_s = 5;
  apply({5, 0}, kS);
  tracker.check_by(checks, kS);
  apply({0, 0}, 10 * kS);
  tracker.tick(11 * kS);
  EXPECT_FALSE(status_of(1).moves);
  EXPECT_TRUE(status_of(2).moves) << "drained from the start";
  tracker.changed(1, false, 12 * kS);
  tracker.changed(1, true, 13 * kS);
  tracker.tick(14 * kS);
  EXPECT_FALSE(status_of(1).moves);
  tracker.tick(15 * kS);
  EXPECT_EQ(status_of(1), (BackendStatus{.weight = 0, .up = true, .moves = true}));
  EXPECT_FALSE(status_of(1).ends_connections()) << "of TCP";
  apply({5, 0}, 16 * kS);
  EXPECT_FALSE(status_of(1).moves);
  service.drain_udp_s = 2;
  apply({0, 0}, 20 * kS);
  tracker.tick(22 * kS);
  EXPECT_TRUE(status_of(1).moves);
}

TEST_F(BackendTrackerTest, UdpFlowsLeaveADrainedBackendWhenTold) {
  service.drain_udp_s = 0;
  apply({5, 0}, kS);
  tracker.tick(100'000 * kS);
  EXPECT_FALSE(status_of(2).moves);
  EXPECT_EQ(tracker.move_udp("other", std::nullopt, 100'001 * kS), 0u);
  EXPECT_EQ(tracker.move_udp("web", ip("10.0.0.1"), 100'001 * kS), 0u) << "not drained";
  EXPECT_FALSE(status_of(2).moves);
  EXPECT_EQ(tracker.move_udp("web", ip("10.0.0.2"), 100'001 * kS), 1u);
  EXPECT_TRUE(status_of(2).moves);
  apply({5, 0}, 100'002 * kS);
  EXPECT_TRUE(status_of(2).moves) << "after a reload as before";
  apply({5, 3}, 100'003 * kS);
  EXPECT_FALSE(status_of(2).moves);
  apply({5, 0}, 100'004 * kS);
  EXPECT_FALSE(status_of(2).moves);
  EXPECT_EQ(tracker.move_udp(std::nullopt, std::nullopt, 100'005 * kS), 1u);
}

TEST_F(BackendTrackerTest, SorryServerLivesUnasked) {
  service.sorry.emplace().address = ip("10.0.0.99");
  apply({5}, kS);
  tracker.check_by(checks, kS);
  EXPECT_FALSE(checks.targets.contains(9));
  EXPECT_EQ(status_of(9), (BackendStatus{1, true}));
}

}  // namespace
}  // namespace adit

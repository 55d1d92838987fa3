// SPDX-License-Identifier: Apache-2.0
#include "worker/backend_load.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <random>
#include <vector>

namespace adit {
namespace {

constexpr ConnectionState kNew = ConnectionState::kSynRecv;
constexpr ConnectionState kOpen = ConnectionState::kEstablished;
constexpr ConnectionState kEnding = ConnectionState::kTimeWait;

struct BackendLoadTest : testing::Test {
  void limit(uint32_t upper, uint32_t lower) {
    backend.upper_connections = upper;
    backend.lower_connections = lower;
  }
  void insert(unsigned n) {
    for (unsigned i = 0; i < n; ++i) count_inserted(load, backend, kNew);
  }
  void erase(unsigned n) {
    for (unsigned i = 0; i < n; ++i) count_erased(load, backend, kNew);
  }

  BackendLoad load;
  ServiceBackend backend;
};

TEST_F(BackendLoadTest, EstablishedConnectionsAreActiveOthersInactive) {
  insert(3);
  EXPECT_EQ(load.inactive, 3u);
  count_changed(load, kNew, kOpen);
  EXPECT_EQ(load.active, 1u);
  EXPECT_EQ(load.inactive, 2u);
  count_changed(load, kOpen, kOpen);
  count_changed(load, kNew, kEnding);
  EXPECT_EQ(load.active, 1u);
  EXPECT_EQ(load.inactive, 2u);
  count_changed(load, kOpen, kEnding);
  EXPECT_EQ(load.active, 0u);
  EXPECT_EQ(load.inactive, 3u);
  count_inserted(load, backend, ConnectionState::kUdp);
  count_inserted(load, backend, ConnectionState::kSctpEstablished);
  EXPECT_EQ(load.active, 1u);
  EXPECT_EQ(load.inactive, 4u);
}

TEST_F(BackendLoadTest, CountsStayRightOverRandomLives) {
  std::mt19937 random(3);
  std::vector<ConnectionState> connections;
  const auto some_state = [&] {
    return static_cast<ConnectionState>(random() % kConnectionStates);
  };
  for (int step = 0; step < 20'000; ++step) {
    const size_t which = connections.empty() ? 0 : random() % connections.size();
    if (connections.size() < 50 && random() % 2 == 0) {
      connections.push_back(some_state());
      count_inserted(load, backend, connections.back());
    } else if (!connections.empty() && random() % 2 == 0) {
      const ConnectionState to = some_state();
      count_changed(load, connections[which], to);
      connections[which] = to;
    } else if (!connections.empty()) {
      count_erased(load, backend, connections[which]);
      connections.erase(connections.begin() + static_cast<std::ptrdiff_t>(which));
    }
    const auto active = std::count_if(connections.begin(), connections.end(), is_active);
    ASSERT_EQ(load.active, static_cast<size_t>(active));
    ASSERT_EQ(load.active + load.inactive, connections.size());
  }
}

TEST_F(BackendLoadTest, OverloadedFromTheUpperThresholdUntilBelowTheLower) {
  limit(10, 4);
  insert(9);
  EXPECT_FALSE(load.overloaded);
  insert(1);
  EXPECT_TRUE(load.overloaded);
  erase(6);  // 4 left
  EXPECT_TRUE(load.overloaded);
  erase(1);
  EXPECT_FALSE(load.overloaded);
  insert(6);  // 9
  EXPECT_FALSE(load.overloaded);
}

TEST_F(BackendLoadTest, WithoutALowerThresholdUntilBelowThreeQuartersOfTheUpper) {
  limit(10, 0);
  insert(10);
  EXPECT_TRUE(load.overloaded);
  erase(2);  // 8
  EXPECT_TRUE(load.overloaded);
  erase(1);
  EXPECT_FALSE(load.overloaded);
}

TEST_F(BackendLoadTest, ActiveAndInactiveCountAlike) {
  limit(2, 0);
  insert(2);
  count_changed(load, kNew, kOpen);
  update_overloaded(load, backend);
  EXPECT_TRUE(load.overloaded);
}

TEST_F(BackendLoadTest, NoThresholdNoOverload) {
  insert(100'000);
  EXPECT_FALSE(load.overloaded);
}

TEST_F(BackendLoadTest, ChangedThresholdsCountAtOnce) {
  insert(10);
  limit(10, 0);
  update_overloaded(load, backend);
  EXPECT_TRUE(load.overloaded);
  limit(100, 0);
  update_overloaded(load, backend);
  EXPECT_FALSE(load.overloaded);
  limit(5, 0);
  update_overloaded(load, backend);
  EXPECT_TRUE(load.overloaded);
  limit(0, 0);
  update_overloaded(load, backend);
  EXPECT_FALSE(load.overloaded);
}

TEST_F(BackendLoadTest, LargeThresholdsDoNotOverflow) {
  limit(UINT32_MAX, 0);
  load.overloaded = true;
  load.inactive = 3u << 30;  // three quarters, and a little more
  update_overloaded(load, backend);
  EXPECT_TRUE(load.overloaded);
  load.inactive = 1u << 30;
  update_overloaded(load, backend);
  EXPECT_FALSE(load.overloaded);
}

}  // namespace
}  // namespace adit

// SPDX-License-Identifier: Apache-2.0
#include <gtest/gtest.h>

#include <algorithm>
#include <random>
#include <set>
#include <vector>

#include "connection/table.h"
#include "connection_test.h"

namespace adit {
namespace {

constexpr uint64_t kSecond = 1'000'000'000;
constexpr auto kErase = [](ConnectionId, Connection&) { return true; };

struct ExpiryTest : testing::Test {
  ConnectionId insert(uint32_t number, uint32_t expires_s) {
    Connection connection = test_connection(number);
    connection.expires_s = expires_s;
    return table.insert(connection).id;
  }
  bool has(uint32_t number) { return table.find(test_connection(number).forward).id != 0; }
  // Erases what the visitor says.
  template <class Visitor>
  auto erasing(Visitor& visitor) {
    return [this, &visitor](ConnectionId id, Connection& connection) {
      if (visitor(id, connection)) table.erase(id);
    };
  }
  // How many were erased.
  template <class Visitor>
  uint32_t expire(uint32_t now_s, uint32_t budget, Visitor&& visitor) {
    const uint32_t before = table.size();
    table.expire(now_s, budget, erasing(visitor));
    return before - table.size();
  }
  // Looks at every connection.
  template <class Visitor>
  uint32_t expire(uint32_t now_s, Visitor&& visitor) {
    return expire(now_s, table.capacity(), visitor);
  }
  uint32_t expire(uint32_t now_s) { return expire(now_s, kErase); }

  ConnectionTable table{1000, 1};
};

TEST_F(ExpiryTest, EndsInTheSecondThatIsSetAndNotBefore) {
  insert(1, 100);
  insert(2, 101);
  EXPECT_EQ(expire(99), 0u);
  EXPECT_EQ(expire(100), 1u);
  EXPECT_FALSE(has(1));
  EXPECT_TRUE(has(2));
  EXPECT_EQ(expire(200), 1u);
  EXPECT_EQ(expire(300), 0u);
  EXPECT_EQ(table.size(), 0u);
}

TEST_F(ExpiryTest, TheVisitorSeesTheConnectionBeforeItIsErased) {
  const ConnectionId id = insert(5, 100);
  unsigned seen = 0;
  expire(100, [&](ConnectionId gone, Connection& connection) {
    ++seen;
    EXPECT_EQ(gone, id);
    EXPECT_EQ(connection.forward, test_connection(5).forward);
    EXPECT_EQ(table.find(connection.forward).id, id);
    return true;
  });
  EXPECT_EQ(seen, 1u);
  EXPECT_FALSE(has(5));
}

TEST_F(ExpiryTest, PacketsExtendALife) {
  const ConnectionId id = insert(1, 100);
  for (uint32_t now_s = 90; now_s < 2000; now_s += 50) {
    table.at(id).expires_s = now_s + 60;
    EXPECT_EQ(expire(now_s), 0u);
    EXPECT_EQ(expire(now_s + 49), 0u);
  }
  EXPECT_EQ(expire(table.at(id).expires_s - 1), 0u);
  EXPECT_EQ(expire(table.at(id).expires_s), 1u);
}

// Established for 900 s, then closing: it must not stay for those 900 s.
TEST_F(ExpiryTest, AShorterLifeCounts) {
  const ConnectionId id = insert(1, 60);
  table.at(id).expires_s = 1000;
  expire(70);  // now not to be looked at before 1000
  table.expire_at(id, 120);
  EXPECT_EQ(expire(119), 0u);
  EXPECT_EQ(expire(120), 1u);
}

TEST_F(ExpiryTest, ALongerLifeOnAChangeOfStateCounts) {
  const ConnectionId id = insert(1, 60);
  table.expire_at(id, 900);
  EXPECT_EQ(expire(899), 0u);
  EXPECT_EQ(expire(900), 1u);
}

TEST_F(ExpiryTest, TheVisitorMayKeepAConnection) {
  insert(1, 100);
  insert(2, 100);
  unsigned asked = 0;
  const auto keep_first = [&](ConnectionId, Connection& connection) {
    ++asked;
    if (connection.forward == test_connection(2).forward) return true;
    connection.expires_s = 150;
    return false;
  };
  EXPECT_EQ(expire(100, keep_first), 1u);
  EXPECT_EQ(asked, 2u);
  EXPECT_TRUE(has(1));
  EXPECT_EQ(expire(149, keep_first), 0u);
  EXPECT_EQ(asked, 2u);
  EXPECT_EQ(expire(150), 1u);
}

TEST_F(ExpiryTest, KeptWithoutMoreTimeItComesAgainASecondLater) {
  insert(1, 100);
  unsigned asked = 0;
  const auto keep = [&](ConnectionId, Connection&) { return ++asked == 0; };
  for (uint32_t now_s = 100; now_s < 110; ++now_s)
    for (int pass = 0; pass < 10; ++pass) expire(now_s, keep);
  EXPECT_EQ(asked, 10u);
  EXPECT_TRUE(has(1));
}

TEST_F(ExpiryTest, TimeZeroIsNoSpecialCase) {
  const ConnectionId id = insert(1, 0);
  EXPECT_EQ(expire(0), 0u);
  EXPECT_EQ(expire(1), 1u);
  insert(2, 50);
  table.expire_at(id, 0);
  EXPECT_EQ(expire(1), 1u);
  EXPECT_EQ(table.size(), 0u);
}

TEST_F(ExpiryTest, OneCallLooksAtNoMoreThanItsBudget) {
  for (uint32_t i = 0; i < 1000; ++i) insert(i, 10);
  uint32_t left = 1000;
  for (uint32_t budget = 0; left != 0; ++budget) {
    const uint32_t erased = expire(20, budget, kErase);
    EXPECT_EQ(erased, std::min(budget, left));  // all have expired: one for each that it looks at
    left -= erased;
    ASSERT_EQ(table.size(), left);
  }
}

// The budget by the time that has passed, whatever the length of a pass.
TEST_F(ExpiryTest, EveryConnectionIsVisitedAboutOnceASecond) {
  for (uint32_t i = 0; i < 1000; ++i) insert(i, 0);
  uint32_t now_s = 0;  // goes on with each look, so that each finds its connection expired
  for (const uint64_t pass_ns : {uint64_t{9'000}, kSecond / 50, 3 * kSecond}) {
    std::vector<unsigned> visits(1001);
    const uint64_t until_ns = 10 * kSecond;
    uint64_t looked_at = 0;
    uint64_t calls = 0;
    for (uint64_t ns = 0; ns < until_ns; ns += pass_ns) {
      ++calls;
      const uint32_t budget = table.expiry_budget(pass_ns);
      looked_at += budget;
      EXPECT_LE(budget, table.capacity());
      for (uint32_t i = 0; i < budget; ++i)
        table.expire(++now_s, 1, [&](ConnectionId id, Connection&) { ++visits[id]; });
    }
    const auto [least, most] = std::minmax_element(visits.begin() + 1, visits.end());
    const unsigned rounds = pass_ns > kSecond ? static_cast<unsigned>(calls) : 10;
    EXPECT_GE(*least, rounds - 1) << pass_ns;
    EXPECT_LE(*most, rounds + 1) << pass_ns;
    EXPECT_LE(looked_at, uint64_t{rounds} * 1000);
  }
}

TEST_F(ExpiryTest, AnEmptyTableCostsNothing) {
  EXPECT_EQ(table.expiry_budget(kSecond), 0u);
  EXPECT_EQ(expire(100, 1000, kErase), 0u);
}

// Lives at random, on a clock, against what should be left.
TEST_F(ExpiryTest, RandomLivesEndWhenTheyShould) {
  std::mt19937 random(11);
  const auto some_seconds = [&] { return static_cast<uint32_t>(random() % 200); };
  std::vector<std::pair<ConnectionId, uint32_t>> alive;  // and when it ends
  uint32_t number = 0;
  for (uint32_t now_s = 1; now_s < 3000; ++now_s) {
    for (int i = 0; i < 8 && alive.size() < table.capacity(); ++i) {
      const uint32_t expires_s = now_s + some_seconds();
      alive.emplace_back(insert(number++, expires_s), expires_s);
    }
    for (int i = 0; i < 10; ++i) {
      auto& [id, expires_s] = alive[random() % alive.size()];
      const uint32_t changed_s = now_s + some_seconds();
      if (changed_s >= expires_s && random() % 2 == 0)
        table.at(id).expires_s = changed_s;
      else
        table.expire_at(id, changed_s);
      expires_s = changed_s;
    }
    std::set<ConnectionId> expected;
    for (const auto& [id, expires_s] : alive)
      if (expires_s <= now_s) expected.insert(id);
    std::set<ConnectionId> gone;
    expire(now_s, [&](ConnectionId id, Connection&) { return gone.insert(id).second; });
    ASSERT_EQ(gone, expected) << now_s;
    std::erase_if(alive, [&](const auto& entry) { return gone.contains(entry.first); });
    ASSERT_EQ(table.size(), alive.size());
  }
}

TEST_F(ExpiryTest, AVisitorOfASweepMayErase) {
  for (uint32_t i = 0; i < 700; ++i) insert(i, 10);
  for (uint32_t i = 0; i < 700; i += 5) table.erase(table.find(test_connection(i).forward).id);
  std::set<ConnectionId> seen;
  const auto of_backend_3 = [&](ConnectionId id, Connection& connection) {
    EXPECT_TRUE(seen.insert(id).second);
    return connection.backend == 3;
  };
  ConnectionTable::Progress progress = 0;
  unsigned calls = 1;
  while (!table.sweep(progress, 10, erasing(of_backend_3))) {
    EXPECT_LE(seen.size(), 10 * calls);
    ++calls;
  }
  EXPECT_EQ(progress, 0u);
  EXPECT_EQ(seen.size(), 700u - 140);
  EXPECT_GE(calls, 56u);
  unsigned left = 0;
  for (uint32_t i = 0; i < 700; ++i) {
    const bool expected = i % 5 != 0 && test_connection(i).backend != 3;
    EXPECT_EQ(has(i), expected) << i;
    left += expected;
  }
  EXPECT_EQ(table.size(), left);
}

// An owner that ends one of its connections may end others with it.
TEST_F(ExpiryTest, AVisitorMayEraseOthersAsWell) {
  for (uint32_t i = 0; i < 10; ++i) insert(i, 10);
  unsigned visits = 0;
  table.expire(10, 10, [&](ConnectionId id, Connection&) {
    ++visits;
    table.erase(id);
    if (const ConnectionId next = table.find(test_connection(id).forward).id; next != 0)
      table.erase(next);
  });
  EXPECT_EQ(visits, 5u);
  EXPECT_EQ(table.size(), 0u);
}

TEST_F(ExpiryTest, TurnsOfSamplesMeetEachConnectionOnce) {
  for (uint32_t i = 0; i < 1000; ++i) insert(i, 10);
  std::vector<unsigned> visits(1001);
  for (uint32_t turn = 100; turn < 100 + ConnectionTable::kSamples; ++turn) {
    ConnectionTable::Progress progress = 0;
    unsigned in_turn = 0;
    bool is_done = false;
    for (int call = 0; !is_done; ++call) {
      ASSERT_LT(call, 100);
      unsigned in_call = 0;
      is_done = table.sample(turn, progress, 7, [&](ConnectionId id, Connection&) {
        ++in_call;
        ++visits[id];
      });
      EXPECT_LE(in_call, 7u);
      in_turn += in_call;
    }
    EXPECT_LE(in_turn, 32u);  // of 31 in the mean, by whole cache lines
  }
  EXPECT_EQ(std::count(visits.begin() + 1, visits.end(), 1u), 1000);
}

TEST_F(ExpiryTest, AVisitorOfASampleMayErase) {
  for (uint32_t i = 0; i < 1000; ++i) insert(i, 10);
  ConnectionTable::Progress progress = 0;
  std::vector<FlowKey> erased;
  EXPECT_TRUE(table.sample(3, progress, 1000, [&](ConnectionId id, Connection& connection) {
    erased.push_back(connection.forward);
    table.erase(id);
  }));
  EXPECT_FALSE(erased.empty());
  EXPECT_EQ(table.size(), 1000 - erased.size());
  for (const FlowKey& key : erased) EXPECT_EQ(table.find(key).id, 0u);
}

}  // namespace
}  // namespace adit

// SPDX-License-Identifier: Apache-2.0
#include <gtest/gtest.h>

#include <algorithm>
#include <array>
#include <atomic>
#include <functional>
#include <initializer_list>
#include <map>
#include <random>
#include <thread>
#include <unordered_map>
#include <utility>

#include "adit/flat_table.h"
#include "adit/host_table.h"
#include "adit/rate_limit.h"
#include "adit/route_table.h"
#include "compile/id_allocator.h"
#include "worker/reported_sources.h"

namespace adit {
namespace {

TEST(FlatTable, FindsWhatWasStoredAndNothingElse) {
  std::mt19937_64 random(1);
  for (const size_t size : {0u, 1u, 2u, 3u, 1000u, 2000u}) {
    std::unordered_map<uint64_t, uint32_t> model;
    while (model.size() < size) model[random() % 5000] = 1 + static_cast<uint32_t>(random() % 99);
    std::vector<std::pair<uint64_t, uint32_t>> entries(model.begin(), model.end());
    const FlatTable<uint64_t> table(entries);
    for (uint64_t key = 0; key < 5000; ++key) {
      const auto found = model.find(key);
      EXPECT_EQ(table.find(key), found == model.end() ? 0 : found->second) << key;
    }
  }
}

TEST(FlatTable, DefaultIsEmpty) {
  EXPECT_EQ(FlatTable<uint64_t>().find(0), 0u);
  EXPECT_TRUE(FlatTable<uint64_t>().empty());
  EXPECT_FALSE(FlatTable<uint64_t>({{7, 1}}).empty());
}

TEST(RateMeter, PassesTheRateOverTimeAndTheBurstAtOnce) {
  const RateLimit limit = RateLimit::per_second(1000);  // bursts of 100 ms: 100 packets
  RateMeter meter;
  uint64_t now_ns = 5'000'000'000;
  unsigned at_once = 0;
  while (meter.allow(limit, now_ns)) ++at_once;
  EXPECT_EQ(at_once, 100u);
  unsigned passed = 0;
  for (int i = 0; i < 100'000; ++i) passed += meter.allow(limit, now_ns += 100'000);  // 10 s
  EXPECT_NEAR(passed, 10'000, 1);
}

TEST(RateMeter, SharersGetTheirPart) {
  EXPECT_EQ(RateLimit::per_second(1000, 4).interval_ns,
            4 * RateLimit::per_second(1000).interval_ns);
}

TEST(RateMeter, NoLimitPassesEverything) {
  RateMeter meter;
  EXPECT_TRUE(meter.allow(RateLimit::per_second(1), 0));
  for (int i = 0; i < 1000; ++i) EXPECT_TRUE(meter.allow(RateLimit{}, 0));
}

TEST(RateMeter, SlowestRateStillPassesTenAtOnce) {
  RateMeter meter;
  const RateLimit limit = RateLimit::per_second(1);
  unsigned at_once = 0;
  while (meter.allow(limit, 0)) ++at_once;
  EXPECT_EQ(at_once, 10u);
  EXPECT_TRUE(meter.allow(limit, 1'000'000'000));
  EXPECT_FALSE(meter.allow(limit, 1'000'000'000));
}

TEST(IdAllocator, GivesTheLowestFreeIdsAndThenNone) {
  IdAllocator ids(6);
  ids.reserve(1);
  ids.reserve(3);
  EXPECT_EQ(ids.allocate(), 2u);
  EXPECT_EQ(ids.allocate(), 4u);
  EXPECT_EQ(ids.allocate(), 5u);
  EXPECT_EQ(ids.allocate(), 0u);
}

TEST(ReportedSources, ReportsEachSourceAndPlaceOncePerSecond) {
  ReportedSources reported;
  const uint64_t key = 0x0001'0200'0000'0001;
  EXPECT_TRUE(reported.first_in(100, key, 7));
  EXPECT_FALSE(reported.first_in(100, key, 7));
  EXPECT_TRUE(reported.first_in(100, key, 8));  // moved
  EXPECT_TRUE(reported.first_in(101, key, 8));
  EXPECT_TRUE(reported.first_in(101, key + (uint64_t{1} << 48), 8));
}

TEST(RouteTable, TheLongestPrefixOfTheVrfAndVersionWins) {
  const auto prefix = [](const char* text, unsigned length) {
    return IpPrefix{*parse_ip(text), static_cast<uint8_t>(length)};
  };
  // A route's target is told by its port, which is its place here.
  const std::vector<std::pair<VrfId, IpPrefix>> routes = {
      {1, prefix("0.0.0.0", 0)},   {1, prefix("10.0.0.0", 8)},    {1, prefix("10.1.0.0", 16)},
      {1, prefix("10.1.2.3", 32)}, {1, prefix("::", 0)},          {1, prefix("fd00::", 8)},
      {1, prefix("fd00:1::", 64)}, {1, prefix("fd00:1::5", 128)}, {1, prefix("fd00:1::", 65)},
      {2, prefix("10.1.0.0", 16)},
  };
  std::vector<RouteTable::Route> entries;
  for (size_t i = 0; i < routes.size(); ++i) {
    RouteTarget target;
    target.kind = RouteTarget::Kind::kConnected;
    target.link = static_cast<LinkId>(i);
    entries.push_back({routes[i].first, routes[i].second, target});
  }
  std::reverse(entries.begin(), entries.end());  // their order does not matter
  const RouteTable table(entries, 2);
  const auto find = [&](VrfId vrf, const char* text) -> int {
    const IpAddr ip = *parse_ip(text);
    const RouteTarget& target = table.find(vrf, ip.bytes.data(), !ip.is_v4());
    return target.kind == RouteTarget::Kind::kNone ? -1 : static_cast<int>(target.link);
  };
  EXPECT_EQ(find(1, "192.0.2.1"), 0);
  EXPECT_EQ(find(1, "10.9.0.1"), 1);
  EXPECT_EQ(find(1, "10.1.255.255"), 2);
  EXPECT_EQ(find(1, "10.1.2.3"), 3);
  EXPECT_EQ(find(1, "10.1.2.4"), 2);
  EXPECT_EQ(find(1, "2001:db8::1"), 4);
  EXPECT_EQ(find(1, "fdff::1"), 5);
  EXPECT_EQ(find(1, "fd00:1::8000:0:0:1"), 6);
  EXPECT_EQ(find(1, "fd00:1::4"), 8);
  EXPECT_EQ(find(1, "fd00:1::5"), 7);
  EXPECT_EQ(find(2, "10.1.0.1"), 9);
  EXPECT_EQ(find(2, "10.2.0.1"), -1);
  EXPECT_EQ(find(2, "fd00::1"), -1);
}

// Random prefixes against the plain way of looking through all of them.
TEST(RouteTable, AgreesWithALinearSearch) {
  std::mt19937 random(7);
  for (const bool ipv6 : {false, true}) {
    const auto some_address = [&] {
      IpAddr ip;
      ip.family = ipv6 ? IpFamily::kV6 : IpFamily::kV4;
      // Few values, so that prefixes lie within each other.
      for (unsigned i = 0; i < ip.width_bits() / 8; ++i)
        ip.bytes[i] = static_cast<uint8_t>(random() % 2 == 0 ? 0x80 : random() % 4);
      return ip;
    };
    std::map<IpPrefix, PortId> model;
    std::vector<RouteTable::Route> routes;
    for (PortId i = 0; i < 500; ++i) {
      const IpAddr ip = some_address();
      const auto length = static_cast<uint8_t>(random() % (ip.width_bits() + 1));
      const IpPrefix to = subnet_of({ip, length});
      if (!model.emplace(to, i).second) continue;
      RouteTarget target;
      target.kind = RouteTarget::Kind::kConnected;
      target.link = i;
      routes.push_back({1, to, target});
    }
    const RouteTable table(routes, 1);
    for (int i = 0; i < 5000; ++i) {
      const IpAddr ip = some_address();
      const std::pair<const IpPrefix, PortId>* best = nullptr;
      for (const auto& route : model)
        if (route.first.contains(ip) &&
            (best == nullptr || best->first.length < route.first.length))
          best = &route;
      const RouteTarget& found = table.find(1, ip.bytes.data(), ipv6);
      ASSERT_EQ(found.kind != RouteTarget::Kind::kNone, best != nullptr) << to_string(ip);
      if (best != nullptr) {
        ASSERT_EQ(found.link, best->second) << to_string(ip);
      }
    }
  }
}

// Routes come and go in a table in use; a second one is made anew each time.
TEST(RouteTable, ChangesLikeOneMadeAnew) {
  std::mt19937 random(11);
  for (const bool ipv6 : {false, true}) {
    const auto some_address = [&] {
      IpAddr ip;
      ip.family = ipv6 ? IpFamily::kV6 : IpFamily::kV4;
      for (unsigned i = 0; i < ip.width_bits() / 8; ++i)
        ip.bytes[i] = static_cast<uint8_t>(random() % 2 == 0 ? 0x80 : random() % 4);
      return ip;
    };
    const auto some_prefix = [&] {
      const IpAddr ip = some_address();
      // Often around byte boundaries.
      const auto most = ip.width_bits();
      const auto bits = random() % 2 == 0 ? random() % (most + 1) : random() % (most / 8 + 1) * 8;
      return subnet_of({ip, static_cast<uint8_t>(bits)});
    };
    const auto to_link = [](LinkId link) {
      RouteTarget target;
      target.kind = RouteTarget::Kind::kConnected;
      target.link = link;
      return target;
    };
    std::map<IpPrefix, LinkId> model;
    std::vector<RouteTable::Route> fixed;
    for (LinkId i = 0; i < 20; ++i)
      if (const IpPrefix to = some_prefix(); model.emplace(to, i).second)
        fixed.push_back({1, to, to_link(i)});
    RouteTable table(fixed, 2, true);
    std::vector<IpPrefix> live;
    uint64_t changes = table.changes();
    for (int step = 0; step < 3000; ++step) {
      const bool add = live.empty() || random() % 100 < (step < 1500 ? 60 : 35);
      if (add) {
        const IpPrefix to = some_prefix();
        if (table.is_fixed(1, to)) continue;
        // Few targets: equal neighbours share their leaves.
        const auto link = static_cast<LinkId>(100 + random() % 3);
        const bool is_new = model.insert_or_assign(to, link).second;
        ASSERT_TRUE(table.set(1, to, to_link(link)));
        if (is_new) live.push_back(to);
      } else {
        const size_t at = random() % live.size();
        table.remove(1, live[at]);
        model.erase(live[at]);
        live[at] = live.back();
        live.pop_back();
        EXPECT_GT(table.changes(), std::exchange(changes, table.changes()));
      }
      if (random() % 8 == 0) {
        table.begin_rest();
        table.end_rest();
      }
      if (step % 50 != 0) continue;
      for (int i = 0; i < 300; ++i) {
        const IpAddr ip = some_address();
        const std::pair<const IpPrefix, LinkId>* best = nullptr;
        for (const auto& route : model)
          if (route.first.contains(ip) &&
              (best == nullptr || best->first.length < route.first.length))
            best = &route;
        const RouteTarget& found = table.find(1, ip.bytes.data(), ipv6);
        ASSERT_EQ(found.kind != RouteTarget::Kind::kNone, best != nullptr) << to_string(ip);
        if (best != nullptr) {
          ASSERT_EQ(found.link, best->second) << to_string(ip) << " at step " << step;
        }
        EXPECT_EQ(table.find(2, ip.bytes.data(), ipv6).kind, RouteTarget::Kind::kNone);
      }
    }
    for (const IpPrefix& to : live) table.remove(1, to);
    // Nothing is left of what came and went.
    EXPECT_EQ(table.count_of_nodes(2), 0u);
    const RouteTable anew(fixed, 2, true);
    EXPECT_EQ(table.count_of_nodes(1), anew.count_of_nodes(1));
  }
}

// Whoever reads meanwhile finds a route that was there before or after each change.
TEST(RouteTable, IsRightAtEachMomentOfAChange) {
  const auto to_link = [](LinkId link) {
    RouteTarget target;
    target.kind = RouteTarget::Kind::kConnected;
    target.link = link;
    return target;
  };
  const auto prefix = [](const char* text, uint8_t length) {
    return IpPrefix{*parse_ip(text), length};
  };
  RouteTable table({{1, prefix("0.0.0.0", 0), to_link(1)}}, 1, true);
  ASSERT_TRUE(table.set(1, prefix("10.1.0.0", 16), to_link(2)));

  std::atomic<bool> is_over = false;
  std::array<std::atomic<uint64_t>, 2> passes = {};
  std::atomic<unsigned> wrong = 0;
  const auto read = [&](std::atomic<uint64_t>& pass) {
    const auto is_one_of = [&](const char* text, std::initializer_list<LinkId> links) {
      const RouteTarget& found = table.find(1, parse_ip(text)->bytes.data(), false);
      if (std::ranges::find(links, found.link) == links.end()) ++wrong;
    };
    while (!is_over) {
      is_one_of("10.1.2.3", {2, 3, 4});
      is_one_of("10.1.2.4", {2, 3});
      is_one_of("10.1.9.9", {2});
      is_one_of("10.2.0.1", {1, 5});
      is_one_of("11.0.0.1", {1});
      ++pass;
    }
  };
  std::thread first(read, std::ref(passes[0])), second(read, std::ref(passes[1]));
  for (int round = 0; round < 100; ++round) {
    for (int i = 0; i < 20; ++i) {
      ASSERT_TRUE(table.set(1, prefix("10.1.2.3", 32), to_link(4)));
      ASSERT_TRUE(table.set(1, prefix("10.0.0.0", 8), to_link(5)));
      ASSERT_TRUE(table.set(1, prefix("10.1.2.0", 24), to_link(3)));
      if (i % 2 == 0) table.remove(1, prefix("10.1.2.3", 32));
      table.remove(1, prefix("10.1.2.0", 24));
      table.remove(1, prefix("10.0.0.0", 8));
      if (i % 2 != 0) table.remove(1, prefix("10.1.2.3", 32));
    }
    // As control waits for workers.
    table.begin_rest();
    const std::array<uint64_t, 2> then = {passes[0], passes[1]};
    while (passes[0] == then[0] || passes[1] == then[1]) std::this_thread::yield();
    table.end_rest();
  }
  is_over = true;
  first.join();
  second.join();
  EXPECT_EQ(wrong, 0u);
}

TEST(RouteTable, RoutesOfTheConfigurationStay) {
  RouteTarget ours, theirs;
  ours.kind = theirs.kind = RouteTarget::Kind::kConnected;
  theirs.link = 1;
  const IpPrefix subnet{*parse_ip("10.1.0.0"), 16};
  RouteTable table({{1, subnet, ours}}, 1, true);
  EXPECT_TRUE(table.is_fixed(1, subnet));
  table.remove(1, subnet);
  ASSERT_NE(table.exact(1, subnet), nullptr);
  const IpPrefix around{*parse_ip("10.0.0.0"), 8};
  ASSERT_TRUE(table.set(1, around, theirs));
  EXPECT_FALSE(table.is_fixed(1, around));
  EXPECT_EQ(table.find(1, parse_ip("10.1.2.3")->bytes.data(), false).link, 0u);
  EXPECT_EQ(table.find(1, parse_ip("10.2.2.3")->bytes.data(), false).link, 1u);
  table.remove(1, around);
  EXPECT_EQ(table.find(1, parse_ip("10.2.2.3")->bytes.data(), false).kind,
            RouteTarget::Kind::kNone);
}

TEST(HostTable, FindsWhatIsThereAmongWhatWasErased) {
  HostTable table;
  const auto ip = [](uint32_t i) { return IpAddr::v4(be32(0x0a000000 + i)); };
  const auto find = [&](PortId port, uint32_t i) {
    return table.find(port, address_key(ip(i)), false);
  };
  for (uint32_t round = 0; round < 3; ++round) {
    for (uint32_t i = 0; i < 20000; ++i) ASSERT_TRUE(table.insert(3, ip(i), i + 1 + round));
    for (uint32_t i = 0; i < 20000; ++i) ASSERT_EQ(find(3, i), i + 1 + round);
    EXPECT_EQ(find(4, 7), 0u);
    EXPECT_EQ(table.find(3, address_key(ip(7)), true), 0u);
    for (uint32_t i = 0; i < 20000; i += 2) table.erase(3, ip(i));
    for (uint32_t i = 0; i < 20000; ++i) ASSERT_EQ(find(3, i), i % 2 == 0 ? 0 : i + 1 + round);
  }
}

}  // namespace
}  // namespace adit

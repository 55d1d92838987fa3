// SPDX-License-Identifier: Apache-2.0
// What holds for every scheduler.
#include "scheduler_test.h"

#include <random>
#include <set>

#include "scheduler/threshold.h"

namespace adit {
namespace {

class EveryScheduler : public testing::TestWithParam<const SchedulerOps*> {
 protected:
  const char* name() const { return GetParam()->name.data(); }
};
INSTANTIATE_TEST_SUITE_P(Registry, EveryScheduler, testing::ValuesIn(scheduler_registry()),
                         [](const auto& info) { return std::string(info.param->name); });

TEST(SchedulerRegistry, HasAllOfThemByName) {
  EXPECT_EQ(scheduler_names(), "rr, wrr, lc, wlc, sed, nq, lblc, lblcr, dh, sh, mh, fo, ovf");
  std::set<std::string_view> helps;
  for (const SchedulerOps* ops : scheduler_registry()) {
    EXPECT_EQ(find_scheduler(ops->name), ops);
    EXPECT_TRUE(helps.insert(ops->help).second) << ops->name;
  }
  EXPECT_EQ(find_scheduler("twos"), nullptr);
  EXPECT_EQ(find_scheduler(""), nullptr);
  EXPECT_EQ(find_scheduler("r"), nullptr);
}

TEST(SchedulerRegistry, KnowsTheSizesOfMaglevTables) {
  EXPECT_EQ(maglev_sizes(), "251, 509, 1021, 2039, 4093, 8191, 16381, 32749, 65521, 65537, 131071");
  for (const uint32_t slots : kMaglevSizes) {
    EXPECT_TRUE(is_maglev_size(slots));
    for (uint32_t divisor = 2; divisor * divisor <= slots; ++divisor)
      ASSERT_NE(slots % divisor, 0u) << slots;
  }
  for (const uint32_t slots : {0u, 1u, 250u, 257u, 65536u, 262139u})
    EXPECT_FALSE(is_maglev_size(slots)) << slots;
}

TEST_P(EveryScheduler, PicksNobodyWhereThereIsNobody) {
  TestService service(name(), {});
  EXPECT_EQ(service.pick(), kNoBackend);
  service.options.fallback = true;
  EXPECT_EQ(service.pick(), kNoBackend);
}

TEST_P(EveryScheduler, PicksTheOnlyOneEachTime) {
  TestService service(name(), {7});
  for (const unsigned clients : service.count(50)) EXPECT_EQ(clients, 50u);
}

TEST_P(EveryScheduler, PicksNobodyWhoIsDownDrainedOrOverloaded) {
  TestService service(name(), {3, 3, 3});
  service.options.fallback = true;
  service.set(0, 3, false);
  service.set(1, 0);
  service.load(2).overloaded = true;
  EXPECT_EQ(service.count(100), (std::vector<unsigned>{0, 0, 0}));
  service.load(2).overloaded = false;
  EXPECT_EQ(service.count(100), (std::vector<unsigned>{0, 0, 100}));
  service.set(2, 3, false);
  service.set(1, 1);
  EXPECT_EQ(service.count(100), (std::vector<unsigned>{0, 100, 0}));
}

// Whatever happens to backends and whatever was there before a reload.
TEST_P(EveryScheduler, PicksSomebodyWhoTakesNewConnections) {
  std::mt19937 random(1);
  const bool may_refuse = std::string_view(name()) == "ovf";
  TestService service(name(), {});
  service.options.fallback = true;
  service.options.table_size = 251;
  for (unsigned round = 0; round < 400; ++round) {
    service.worker = random() % 3 == 0 ? static_cast<unsigned>(random() % 40) : service.worker;
    service.backends.clear();
    service.configured.clear();
    const size_t backends = random() % 12;
    while (service.backends.size() < backends)
      service.add(static_cast<uint16_t>(random() % 3 == 0 ? random() % 65536 : 1 + random() % 4));
    service.build();
    for (unsigned pick = 0; pick < 50; ++pick) {
      bool somebody = false;
      for (uint32_t i = 0; i < backends; ++i) {
        if (random() % 8 == 0)
          service.set(i, static_cast<uint16_t>(random() % 2 * (random() % 65536)),
                      random() % 4 != 0);
        service.set_load(i, static_cast<uint32_t>(random() % 6),
                         static_cast<uint32_t>(random() % 6));
        service.load(i).overloaded = random() % 8 == 0;
        somebody |= service.takes_new(i) && service.configured[i].weight != 0;
      }
      service.now_s += static_cast<uint32_t>(random() % 40'000);
      const uint32_t index = service.pick(flow_of(static_cast<uint32_t>(random() % 100), 1000,
                                                  static_cast<uint32_t>(random() % 100)));
      if (index == kNoBackend) {
        ASSERT_TRUE(may_refuse || !somebody) << "round " << round;
      } else {
        ASSERT_LT(index, backends);
        ASSERT_TRUE(service.takes_new(index));
      }
    }
  }
}

TEST(Threshold, TakesNoneFromTheUpperToBelowTheLower) {
  ServiceBackend backend;
  EXPECT_FALSE(is_overloaded(backend, 1'000'000, true));
  backend.upper_connections = 100;
  backend.lower_connections = 20;
  EXPECT_FALSE(is_overloaded(backend, 99, false));
  EXPECT_TRUE(is_overloaded(backend, 100, false));
  EXPECT_TRUE(is_overloaded(backend, 20, true));
  EXPECT_FALSE(is_overloaded(backend, 19, true));
  EXPECT_FALSE(is_overloaded(backend, 20, false));
}

TEST(Threshold, IsThreeQuartersOfTheUpperWhereThereIsNoLower) {
  ServiceBackend backend;
  backend.upper_connections = 100;
  EXPECT_TRUE(is_overloaded(backend, 75, true));
  EXPECT_FALSE(is_overloaded(backend, 74, true));
  backend.upper_connections = UINT32_MAX;
  EXPECT_TRUE(is_overloaded(backend, 3'221'225'472, true));
  EXPECT_FALSE(is_overloaded(backend, 3'221'225'471, true));
}

}  // namespace
}  // namespace adit

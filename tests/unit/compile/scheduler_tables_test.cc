// SPDX-License-Identifier: Apache-2.0
// Tables of schedulers: what they depend on, who shares one, and what reloads keep.
#include <gtest/gtest.h>

#include <memory>
#include <set>
#include <string>
#include <utility>
#include <vector>

#include "compiled_services.h"

namespace adit::compiled_services {
namespace {

// The backend, by its id, that each slot of the table leads to.
std::vector<BackendId> slots(const Compiled& result, const char* name) {
  const Snapshot& snapshot = *result.snapshot;
  const ServiceEntry& entry = snapshot.services[result.ids.services.at(name)];
  std::vector<BackendId> ids;
  for (const uint16_t index : entry.table)
    ids.push_back(snapshot.service_backends[entry.backends.begin + index].id);
  return ids;
}

TEST(CompileSchedulerTables, DrainingMovesNoSlotOfMaglev) {
  const auto config = [](uint16_t weight) {
    ServiceConfig web = service(
        "web", "192.0.2.80", 80,
        {backend("192.0.2.11", 3), backend("192.0.2.12", weight), backend("192.0.2.13", 5)});
    web.scheduler = "mh";
    web.scheduler_options.table_size = 251;
    return base({web});
  };
  const Compiled before = compiled(config(4));
  ASSERT_EQ(slots(before, "web").size(), 251u);
  const Compiled drained = compiled(config(0), before.ids);
  EXPECT_EQ(slots(drained, "web"), slots(before, "web"));
  const Compiled still = compiled(config(0), drained.ids);
  EXPECT_EQ(slots(still, "web"), slots(before, "web")) << "remembered over any number of reloads";
  const Compiled back = compiled(config(8), still.ids);
  EXPECT_NE(slots(back, "web"), slots(before, "web"));
  const Compiled fresh = compiled(config(0));
  EXPECT_EQ(slots(fresh, "web"), slots(compiled(config(1)), "web"))
      << "one that never had a weight counts as one";
}

Config of_maglev(std::vector<std::vector<BackendConfig>> backends) {
  std::vector<ServiceConfig> services;
  for (size_t i = 0; i < backends.size(); ++i) {
    services.push_back(service(("s" + std::to_string(i)).c_str(), "192.0.2.80",
                               static_cast<uint16_t>(80 + i), std::move(backends[i])));
    services.back().scheduler = "mh";
  }
  return base(std::move(services));
}
const uint16_t* table_of(const Compiled& result, const char* name) {
  return result.snapshot->services[result.ids.services.at(name)].table.data();
}

TEST(CompileSchedulerTables, ServicesOfTheSameBackendsShareTheirTable) {
  const BackendConfig a = backend("192.0.2.11"), b = backend("192.0.2.12", 2);
  Config config =
      of_maglev({{a, b}, {a, b}, {b, a}, {a, backend("192.0.2.12", 3)}, {a, b}, {a, b}});
  config.services[4].scheduler_options.table_size = 251;
  config.services[5].scheduler = "sh";
  const Compiled result = compiled(config);
  EXPECT_EQ(table_of(result, "s0"), table_of(result, "s1"));
  std::set<const uint16_t*> tables;
  for (const char* name : {"s0", "s2", "s3", "s4", "s5"}) tables.insert(table_of(result, name));
  EXPECT_EQ(tables.size(), 5u) << "another order, weight, size or scheduler is another table";
  EXPECT_EQ(result.snapshot->scheduler_tables.size(), 5u);
}

TEST(CompileSchedulerTables, TablesThatStayAreNotComputedAgain) {
  const BackendConfig a = backend("192.0.2.11"), b = backend("192.0.2.12"),
                      c = backend("192.0.2.13");
  Compiled first = compiled(of_maglev({{a, b}, {a, c}}));
  const std::weak_ptr<const SchedulerTable> gone = first.snapshot->scheduler_tables.front(),
                                            kept = first.snapshot->scheduler_tables.back();
  const std::weak_ptr<const SchedulerTable> stays =
      gone.lock()->data() == table_of(first, "s0") ? gone : kept;
  Compiled second = compiled(of_maglev({{a, b}, {a, b, c}}), first.ids);
  EXPECT_EQ(table_of(second, "s0"), table_of(first, "s0"));
  EXPECT_NE(table_of(second, "s1"), table_of(first, "s1"));
  first = {};
  EXPECT_FALSE(stays.expired());
  EXPECT_EQ(gone.expired() + kept.expired(), 1) << "nobody needs it any more";
  second = {};
  EXPECT_TRUE(stays.expired());
}

// Two gateways need not have gone the same way to a configuration.
TEST(CompileSchedulerTables, TablesDependOnTheConfigurationAlone) {
  std::vector<BackendConfig> few, many;
  for (unsigned i = 1; i <= 40; ++i) {
    many.push_back(
        backend(("192.0.2." + std::to_string(i + 10)).c_str(), static_cast<uint16_t>(1 + i % 3)));
    if (i % 3 == 0) few.push_back(many.back());
  }
  const auto table = [](const Compiled& result) {
    const auto slots = result.snapshot->services[result.ids.services.at("s0")].table;
    return std::vector(slots.begin(), slots.end());
  };
  const Compiled fresh = compiled(of_maglev({few}));
  const Compiled grown = compiled(of_maglev({many}), fresh.ids);
  EXPECT_EQ(table(compiled(of_maglev({few}), grown.ids)), table(fresh));
  EXPECT_EQ(table(compiled(of_maglev({many}))), table(grown));
}

}  // namespace
}  // namespace adit::compiled_services

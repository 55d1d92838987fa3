// SPDX-License-Identifier: Apache-2.0
// What one configuration takes over from the former for the backends that stay.
#include "compile/backend_ids.h"

#include <gtest/gtest.h>

#include <algorithm>

#include "compile/backend_facts.h"
#include "compiled_services.h"

namespace adit::compiled_services {
namespace {

ServiceConfig web(std::vector<BackendConfig> backends) {
  return service("web", "192.0.2.80", 80, std::move(backends));
}
const ServiceConfig kDns = service("dns", "192.0.2.80", 53, {backend("192.0.2.21")});

TEST(BackendIds, AServiceThatKeepsItsBackendsKeepsItsList) {
  const Compiled first =
      compiled(base({web({backend("192.0.2.11"), backend("192.0.2.12")}), kDns}));
  // Another weight, scheduler and place in the file are no other backends.
  ServiceConfig other = web({backend("192.0.2.11", 7), backend("192.0.2.12")});
  other.scheduler = "mh";
  const Compiled second = compiled(base({kDns, other}), first.ids);
  for (const char* name : {"web", "dns"})
    EXPECT_EQ(second.ids.backends.of(name), first.ids.backends.of(name)) << name;
  const Compiled third = compiled(base({kDns, web({backend("192.0.2.11")})}), second.ids);
  EXPECT_NE(third.ids.backends.of("web"), first.ids.backends.of("web"));
  EXPECT_EQ(third.ids.backends.of("dns"), first.ids.backends.of("dns"));
  EXPECT_EQ(id_of(third, "web", "192.0.2.11"), id_of(first, "web", "192.0.2.11"));
}

TEST(BackendIds, ABackendIsKnownByVrfAddressAndPort) {
  const Compiled first = compiled(base({web({backend("192.0.2.11")})}));
  for (unsigned what = 0; what < 3; ++what) {
    BackendConfig other = backend("192.0.2.11");
    if (what == 0) other.vrf = "blue";
    if (what == 1) other.address = ip("192.0.2.12");
    if (what == 2) other.port = 8080;
    const Compiled second = compiled(base({web({other})}), first.ids);
    EXPECT_NE(second.ids.backends.of("web")->front().id, id_of(first, "web", "192.0.2.11"));
    EXPECT_EQ(second.ids.removals, first.ids.removals + 1);
  }
}

TEST(BackendIds, AnyOrderIsFound) {
  std::vector<BackendConfig> many;
  for (uint32_t i = 0; i < 1000; ++i) {
    many.emplace_back();
    many.back().address = IpAddr::v4(be32(0x0a00'0001 + i));
  }
  const Compiled first = compiled(base({web(many)}));
  std::reverse(many.begin(), many.end());
  std::swap(many[3], many[500]);
  const Compiled second = compiled(base({web(many)}), first.ids);
  EXPECT_EQ(second.ids.backends.by_name(), first.ids.backends.by_name());
  EXPECT_EQ(second.ids.removals, first.ids.removals);
  many.erase(many.begin() + 100);
  const Compiled third = compiled(base({web(many)}), second.ids);
  EXPECT_EQ(third.ids.removals, first.ids.removals + 1);
  EXPECT_EQ(third.ids.backends.by_name().size(), 999u);
  for (const auto& [name, id] : third.ids.backends.by_name())
    EXPECT_EQ(id, first.ids.backends.at(name));
}

TEST(BackendIds, TheSorryServerIsOneOfThem) {
  ServiceConfig sorry = web({backend("192.0.2.11")});
  sorry.sorry = backend("192.0.2.99");
  const Compiled first = compiled(base({sorry}));
  const Compiled second =
      compiled(base({web({backend("192.0.2.11"), backend("192.0.2.99")})}), first.ids);
  EXPECT_EQ(second.ids.backends.by_name(), first.ids.backends.by_name());
}

TEST(BackendFacts, AreSharedAsLongAsNothingOfTheServiceChanges) {
  const Config before = base({web({backend("192.0.2.11"), backend("192.0.2.12")}), kDns});
  const Compiled first = compiled(before);
  const BackendFactsTable facts = backend_facts(before, first.ids);
  const auto next = [&](const Config& config) {
    const Compiled second = compiled(config, first.ids);
    return backend_facts(config, second.ids, {before, first.ids, facts});
  };
  const BackendFactsTable swapped = next(base({kDns, before.services[0]}));
  EXPECT_EQ(swapped.of(0), facts.of(1));
  EXPECT_EQ(swapped.of(1), facts.of(0));
  EXPECT_TRUE(std::equal(swapped.begin(), swapped.end(), facts.begin(), facts.end()))
      << "in the order of ids, which have not changed";

  Config config = before;
  config.services[0].backends[1].weight = 7;
  const BackendFactsTable weighed = next(config);
  EXPECT_NE(weighed.of(0), facts.of(0));
  EXPECT_EQ(weighed.of(1), facts.of(1));
  EXPECT_EQ(weighed.at(id_of(first, "web", "192.0.2.12")).weight, 7);
  EXPECT_EQ(facts.at(id_of(first, "web", "192.0.2.12")).weight, 1);

  // The default of another section is a fact of each.
  config = before;
  config.balancer.timeouts.udp_s = 77;
  EXPECT_EQ(next(config).at(id_of(first, "dns", "192.0.2.21")).drain_udp_s, 77u);
}

TEST(BackendFacts, OfAnotherServiceOfTheNameHaveItsIds) {
  const Config before = base({web({backend("192.0.2.11")})});
  const Compiled first = compiled(before);
  const Compiled none = compiled(base(), first.ids);
  // Back again: equal to what was there, with ids of its own.
  const Compiled back = compiled(before, none.ids);
  const BackendFactsTable facts =
      backend_facts(before, back.ids, {before, first.ids, backend_facts(before, first.ids)});
  ASSERT_EQ(facts.size(), 1u);
  EXPECT_EQ(facts.begin()->first, id_of(back, "web", "192.0.2.11"));
  EXPECT_EQ(facts.find(id_of(first, "web", "192.0.2.11")), nullptr);
}

}  // namespace
}  // namespace adit::compiled_services

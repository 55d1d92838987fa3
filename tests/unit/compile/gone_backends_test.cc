// SPDX-License-Identifier: Apache-2.0
// Backends that are removed and come back, whose connections wait for them: balancer:
// expire_nodest.
#include <gtest/gtest.h>

#include "compiled_services.h"

namespace adit::compiled_services {
namespace {

class Returning : public testing::Test {
 protected:
  void apply_services(std::vector<ServiceConfig> services) {
    Config config = base(std::move(services));
    config.balancer.expire_nodest = expire_nodest;
    config.vrfs[0].name = vrf;
    result = compiled(config, result.ids);
  }
  void apply(std::vector<BackendConfig> backends) {
    apply_services({service("web", "192.0.2.80", 80, std::move(backends))});
  }
  BackendId id(const char* address, uint16_t port = 0) {
    return id_of(result, "web", address, port);
  }

  bool expire_nodest = false;
  std::string vrf = "blue";
  Compiled result;
};

TEST_F(Returning, ABackendGetsItsIdAgain) {
  apply({backend("192.0.2.11"), backend("192.0.2.12")});
  const BackendId first = id("192.0.2.11"), second = id("192.0.2.12");
  apply({backend("192.0.2.12")});
  EXPECT_EQ(result.snapshot->backend_places[first], 0u);
  apply({});
  apply({backend("192.0.2.13")});
  EXPECT_NE(id("192.0.2.13"), first);
  EXPECT_NE(id("192.0.2.13"), second);
  apply({backend("192.0.2.12"), backend("192.0.2.11", 7)});
  EXPECT_EQ(id("192.0.2.11"), first);
  EXPECT_EQ(id("192.0.2.12"), second);
  EXPECT_EQ(result.ids.gone_backends.size(), 1u) << "the third";
}

TEST_F(Returning, AnotherPortServiceOrVrfIsAnotherBackend) {
  apply({backend("192.0.2.11")});
  const BackendId first = id("192.0.2.11");
  apply({});
  BackendConfig other = backend("192.0.2.11");
  other.port = 8080;
  BackendConfig blue = backend("192.0.2.11");
  blue.vrf = "blue";
  apply({other, blue});
  EXPECT_NE(id("192.0.2.11", 8080), first);
  EXPECT_NE(id_of(result, "web", "192.0.2.11", 0, "blue"), first);
  apply_services({service("mail", "192.0.2.80", 80, {backend("192.0.2.11")})});
  EXPECT_NE(id_of(result, "mail", "192.0.2.11"), first);
}

// Connections name their service too.
TEST_F(Returning, AServiceComesBackWithItsBackends) {
  const ServiceConfig dns = service("dns", "192.0.2.80", 53),
                      mail = service("mail", "192.0.2.80", 25);
  const ServiceConfig whole = service("web", "192.0.2.80", 80, {backend("192.0.2.11")});
  apply_services({dns, whole});
  const BackendId first = id("192.0.2.11");
  const ServiceId web = result.ids.services.at("web");
  for (unsigned i = 0; i < 3; ++i) {
    apply_services({dns});
    ASSERT_GT(result.snapshot->services.size(), web) << "connections may ask for it";
    EXPECT_EQ(result.snapshot->services[web].scheduler, nullptr);
  }
  apply_services({dns, mail});
  EXPECT_NE(result.ids.services.at("mail"), web);
  apply_services({whole});
  EXPECT_EQ(id("192.0.2.11"), first);
  EXPECT_EQ(result.ids.services.at("web"), web);
}

TEST_F(Returning, ItsVrfHasToStay) {
  BackendConfig blue = backend("10.1.0.11");
  blue.vrf = "blue";
  apply({blue});
  const BackendId first = id_of(result, "web", "10.1.0.11", 0, "blue");
  apply({});
  vrf = "green";
  apply({});
  vrf = "blue";
  apply({blue});
  EXPECT_NE(id_of(result, "web", "10.1.0.11", 0, "blue"), first);
}

TEST_F(Returning, NotWithExpireNodest) {
  apply({backend("192.0.2.11"), backend("192.0.2.12")});
  const BackendId first = id("192.0.2.11"), second = id("192.0.2.12");
  apply({backend("192.0.2.12")});
  expire_nodest = true;
  apply({backend("192.0.2.12")});
  expire_nodest = false;
  apply({backend("192.0.2.11"), backend("192.0.2.12")});
  EXPECT_NE(id("192.0.2.11"), first) << "its connections were to go";
  EXPECT_EQ(id("192.0.2.12"), second);
}

// Of some number, with addresses of their own.
std::vector<BackendConfig> many(uint32_t count) {
  std::vector<BackendConfig> backends(count);
  for (uint32_t i = 0; i < count; ++i) backends[i].address = IpAddr::v4(be32(0x0a00'0000 + i));
  return backends;
}

TEST_F(Returning, OnlySoManyAreRemembered) {
  apply({backend("192.0.2.11")});
  const BackendId first = id("192.0.2.11");
  apply(many(16384));
  const BackendId last = id("10.0.63.255");
  apply({});
  EXPECT_EQ(result.ids.gone_backends.size(), 16384u);
  apply({backend("192.0.2.11"), backend("10.0.63.255")});
  EXPECT_NE(id("192.0.2.11"), first) << "others went later";
  EXPECT_EQ(id("10.0.63.255"), last);
}

TEST_F(Returning, IdsAreForThoseThatAreThereFirst) {
  CompiledIds& previous = result.ids;
  previous.services["web"] = 1;
  const std::vector<BackendConfig> others = many(kMaxBackends - 2);
  BackendIds::List list;
  for (BackendId i = 1; i <= others.size(); ++i)
    list.push_back({kUnderlayName, others[i - 1].address, 0, i});
  previous.backends.set("web", std::make_shared<const BackendIds::List>(std::move(list)));
  const auto gone = [](const char* address) {
    return BackendName{"web", kUnderlayName, ip(address), 0};
  };
  previous.gone_backends = {{gone("192.0.2.11"), kMaxBackends - 1, 1},
                            {gone("192.0.2.12"), kMaxBackends, 1}};
  apply({backend("192.0.2.13")});
  EXPECT_EQ(id("192.0.2.13"), kMaxBackends - 1) << "that of the one which went first";
}

}  // namespace
}  // namespace adit::compiled_services

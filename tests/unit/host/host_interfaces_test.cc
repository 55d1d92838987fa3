// SPDX-License-Identifier: Apache-2.0
// Which host interface a VRF's packets go to, in a network namespace of the test's own.
#include "host/host_interfaces.h"

#include <gtest/gtest.h>
#include <sched.h>
#include <unistd.h>

#include <array>
#include <map>
#include <string>

#include "host/tun.h"

namespace adit {
namespace {

// Whether the process may make interfaces, in a namespace that nobody else sees.
bool enter_own_space() {
  if (unshare(CLONE_NEWNET) != 0 && unshare(CLONE_NEWUSER | CLONE_NEWNET) != 0) return false;
  std::string why;
  const int tun = make_tun("probe0", why);
  if (tun >= 0) close(tun);
  return tun >= 0;
}

struct HostInterfacesTest : testing::Test {
  void SetUp() override {
    if (!enter_own_space()) GTEST_SKIP() << "it takes the right to make interfaces";
  }
  static Config config_of(const std::map<std::string, VrfId>& vrfs) {
    Config config;
    for (const auto& [name, id] : vrfs) {
      VrfConfig vrf;
      vrf.name = name;
      vrf.host = HostConfig{.interface = "host-" + name};
      config.vrfs.push_back(vrf);
    }
    return config;
  }
  void configure(const std::map<std::string, VrfId>& vrfs) {
    hosts.configure(config_of(vrfs), vrfs, 0);
  }
  // To each of the VRFs 0 to 9, one packet for each of its number. Who got how many.
  std::map<std::string, uint64_t> received() {
    std::array<uint8_t, 20> packet = {0x45, 0, 0, 20};
    for (VrfId vrf = 0; vrf < 10; ++vrf)
      for (VrfId i = 0; i < vrf; ++i) hosts.receive(vrf, packet);
    std::map<std::string, uint64_t> counts;
    for (const HostInterfaces::State& state : hosts.states()) {
      counts[state.vrf] = state.counters.to_host - before[state.vrf];
      before[state.vrf] = state.counters.to_host;
    }
    return counts;
  }
  using Counts = std::map<std::string, uint64_t>;

  boost::asio::io_context io;
  HostInterfaces hosts{io, [] { return uint64_t{0}; },
                       [](VrfId, std::span<const uint8_t>) { return true; }};
  std::map<std::string, uint64_t> before;
};

TEST_F(HostInterfacesTest, EachVrfsPacketsGoToItsOwn) {
  configure({{"red", 2}, {"blue", 5}});
  EXPECT_EQ(received(), (Counts{{"red", 2}, {"blue", 5}}));
}

TEST_F(HostInterfacesTest, AndToTheOneThatItHasAfterAChange) {
  configure({{"red", 2}, {"blue", 5}});
  configure({{"red", 2}, {"green", 7}});
  EXPECT_EQ(received(), (Counts{{"red", 2}, {"green", 7}}));
  configure({{"green", 3}, {"red", 7}});
  EXPECT_EQ(received(), (Counts{{"red", 7}, {"green", 3}}));
  configure({});
  EXPECT_EQ(received(), Counts{});
}

}  // namespace
}  // namespace adit

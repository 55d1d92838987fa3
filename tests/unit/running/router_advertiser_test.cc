// SPDX-License-Identifier: Apache-2.0
// When router advertisements are sent, and the last ones. What they say is advertised by packet
// tests.
#include "running/router_advertiser.h"

#include <gtest/gtest.h>

#include "config/parser.h"
#include "running/control_plane.h"
#include "test_dataplane.h"

namespace adit::router_advertiser_test {
namespace {

constexpr uint64_t kSecond = 1'000'000'000;
constexpr uint64_t kStart = 1000 * kSecond;

Config config_of(const std::string& vlans) {
  return parse_config(
      "ports:\n"
      "  up: {device: 'tap:up0', addresses: [192.0.2.1/24]}\n"
      "  trunk: {device: 'tap:trunk0'}\n"
      "vrfs: {v: {vlans: [" +
          vlans + "]}}\n",
      "test");
}
std::string vlan(int id, const std::string& advertisements) {
  const std::string text = std::to_string(id);
  return "{port: trunk, vlan: " + text + ", addresses: ['fd" + text + "::1/64']" +
         (advertisements.empty() ? "" : ", router_advertisements: {" + advertisements + "}") + "}";
}

// A router advertisement among the frames sent.
struct Advertised {
  unsigned vlan;
  unsigned lifetime_s;
  friend bool operator==(const Advertised&, const Advertised&) = default;
};
void PrintTo(const Advertised& advertised, std::ostream* out) {
  *out << "VLAN " << advertised.vlan << " lifetime " << advertised.lifetime_s;
}

struct Advertiser : testing::Test {
  const std::vector<MacAddr> macs = {*parse_mac("02:00:00:00:00:01"),
                                     *parse_mac("02:00:00:00:00:02")};
  TestDataplane dataplane;
  RouterAdvertiser advertiser{*dataplane};
  CompiledIds ids;
  uint64_t now_ns = kStart;

  // As the control plane does it; the worker takes its commands before the snapshot changes.
  void run(const Config& config) {
    Compiled compiled = compile(config, {{macs[0]}, {macs[1]}}, ids, 1, 1);
    advertiser.configure(config, compiled.ids, *compiled.snapshot, now_ns);
    if (!ids.subinterfaces.empty()) dataplane->step(now_ns);
    dataplane->publish(std::move(compiled.snapshot));
    ids = compiled.ids;
  }
  std::vector<Advertised> advertised() {
    std::vector<Advertised> all;
    for (const auto& frame : std::exchange(dataplane.sent, {})) {
      constexpr size_t kTag = 14, kIp = 18, kMessage = kIp + 40;
      if (frame.size() > kMessage + 16 && frame[kIp + 6] == 58 && frame[kMessage] == 134)
        all.push_back({static_cast<unsigned>(frame[kTag] << 8 | frame[kTag + 1]),
                       static_cast<unsigned>(frame[kMessage + 6] << 8 | frame[kMessage + 7])});
    }
    return all;
  }
  std::vector<Advertised> pass(uint64_t ns = 0) {
    now_ns += ns;
    advertiser.tick(now_ns);
    dataplane->step(now_ns);
    return advertised();
  }
};

TEST_F(Advertiser, TellsAtOnceAndCeasesWhereSwitchedOff) {
  run(config_of(vlan(10, "interval_s: 100") + ", " + vlan(11, "") + ", " + vlan(12, "")));
  EXPECT_EQ(pass(), (std::vector<Advertised>{{10, 300}}));
  EXPECT_EQ(pass(kSecond), std::vector<Advertised>{});
  run(config_of(vlan(10, "interval_s: 100") + ", " + vlan(12, "interval_s: 50")));
  EXPECT_EQ(advertised(), std::vector<Advertised>{});
  EXPECT_EQ(pass(), (std::vector<Advertised>{{12, 150}})) << "the other keeps its times";
  run(config_of(vlan(10, "") + ", " + vlan(12, "interval_s: 50")));
  EXPECT_EQ(advertised(), (std::vector<Advertised>{{10, 0}}));
  run(config_of(vlan(10, "")));
  EXPECT_EQ(advertised(), (std::vector<Advertised>{{12, 0}})) << "the whole VLAN goes";
  EXPECT_EQ(pass(100 * kSecond), std::vector<Advertised>{});
}

TEST_F(Advertiser, TellsAnewWhatHasChanged) {
  run(config_of(vlan(10, "interval_s: 100")));
  EXPECT_EQ(pass().size(), 1u);
  run(config_of(vlan(10, "interval_s: 100, lifetime_s: 0")));
  EXPECT_EQ(pass(kSecond), std::vector<Advertised>{}) << "not twice in three seconds";
  EXPECT_EQ(pass(2 * kSecond), (std::vector<Advertised>{{10, 0}}));
}

TEST_F(Advertiser, AnswersWithinHalfASecond) {
  run(config_of(vlan(10, "interval_s: 1800") + ", " + vlan(11, "")));
  for (int i = 0; i < 3; ++i) pass(16 * kSecond);  // the initial ones
  const LinkId link = subinterface_link(ids.subinterfaces.at({"trunk", 10}));
  EXPECT_EQ(pass(100 * kSecond), std::vector<Advertised>{});
  advertiser.solicited(link, now_ns);
  advertiser.solicited(subinterface_link(ids.subinterfaces.at({"trunk", 11})), now_ns);
  advertiser.solicited(subinterface_link(99), now_ns);
  EXPECT_EQ(pass(kSecond / 2), (std::vector<Advertised>{{10, 5400}}));
  advertiser.solicited(link, now_ns);
  EXPECT_EQ(pass(2 * kSecond), std::vector<Advertised>{});
  EXPECT_EQ(pass(kSecond), (std::vector<Advertised>{{10, 5400}}));
}

TEST_F(Advertiser, SaysNothingWhileTheLinkIsDownAndBeginsAnewWhenItIsUp) {
  run(config_of(vlan(10, "interval_s: 100")));
  EXPECT_EQ(pass().size(), 1u);
  advertiser.port_down(1);
  EXPECT_EQ(pass(1000 * kSecond), std::vector<Advertised>{});
  advertiser.port_up(0, now_ns);
  EXPECT_EQ(pass(kSecond), std::vector<Advertised>{}) << "another port's";
  advertiser.port_up(1, now_ns);
  for (int i = 0; i < 3; ++i)
    EXPECT_EQ(pass(16 * kSecond), (std::vector<Advertised>{{10, 300}}))
        << "as often as on a new link";
}

TEST_F(Advertiser, SaysNothingAtTheEndWhereNobodyWasTold) {
  ControlPlane control(*dataplane,
                       config_of(vlan(10, "interval_s: 100") + ", " + vlan(11, "lifetime_s: 0") +
                                 ", " + vlan(12, "")),
                       macs, kStart);
  control.cease();
  dataplane->step(kStart);
  EXPECT_EQ(advertised(), std::vector<Advertised>{}) << "no host learned of us";
}

TEST_F(Advertiser, WhoWasToldIsToldOfTheEnd) {
  ControlPlane control(*dataplane, config_of(vlan(10, "interval_s: 100") + ", " + vlan(12, "")),
                       macs, kStart);
  control.tick(kStart);
  dataplane->step(kStart);
  EXPECT_EQ(advertised(), (std::vector<Advertised>{{10, 300}}));
  control.cease();
  dataplane->step(kStart);
  EXPECT_EQ(advertised(), (std::vector<Advertised>{{10, 0}}));
  control.tick(kStart + 1000 * kSecond);
  dataplane->step(kStart + 1000 * kSecond);
  EXPECT_EQ(advertised(), std::vector<Advertised>{});
}

}  // namespace
}  // namespace adit::router_advertiser_test

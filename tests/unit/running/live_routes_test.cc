// SPDX-License-Identifier: Apache-2.0
// Routes that come and go while the snapshot stays the same.
#include "running/live_routes.h"

#include <gtest/gtest.h>

#include <string>
#include <utility>
#include <vector>

#include "config/parser.h"
#include "running/control_plane.h"
#include "test_dataplane.h"
#include "worker/worker.h"

namespace adit::live_routes_test {
namespace {

constexpr uint64_t kSecond = 1'000'000'000;
using Kind = RouteTarget::Kind;

// `more`: lines of the VRF.
std::string yaml_of(const std::string& more = "", const std::string& kernel = "table: 100") {
  return R"(
ports:
  uplink: {device: "tap:up0", addresses: [192.0.2.1/24]}
  edge: {device: "tap:edge", addresses: [10.9.0.254/24, "fd09::fe/64"]}
vrfs:
  tenant:
    ports: [edge]
    tunnels: {site: {address: 192.0.2.9, addresses: [10.255.0.1/30]}}
    kernel_routes: {)" +
         kernel + "}\n" + more;
}

IpPrefix prefix(const std::string& text) {
  const size_t slash = text.find('/');
  return {*parse_ip(text.substr(0, slash)),
          static_cast<uint8_t>(std::stoi(text.substr(slash + 1)))};
}

class LiveRoutes : public testing::Test {
 protected:
  LiveRoutes() : control(*dataplane, parse_config(yaml_of(), "test"), {kMac, kMac}, now_ns) {}

  const Snapshot& snapshot() {
    dataplane->step(now_ns);
    return *dataplane->worker(0).snapshot;
  }
  const RouteTarget& find(const std::string& address) {
    const IpAddr ip = *parse_ip(address);
    return snapshot().routes.find(control.ids().vrfs.at("tenant"), ip.bytes.data(), !ip.is_v4());
  }
  // The gateway of packets to the address; empty: they have none.
  std::string gateway_of(const std::string& address) {
    const RouteTarget& target = find(address);
    if (target.kind != Kind::kNextHop) return {};
    for (const auto& [hop, neighbour] : control.neighbours().all())
      if (neighbour.adjacency == target.adjacency) return to_string(hop.address);
    return "unknown";
  }
  bool set(const std::string& to, const std::vector<std::string>& gateways, uint32_t metric = 0) {
    ImportedRoute route;
    for (const std::string& gateway : gateways) route.gateways.push_back({*parse_ip(gateway)});
    return control.routes().set("tenant", {prefix(to), metric}, route, now_ns);
  }
  void remove(const std::string& to, uint32_t metric = 0) {
    control.routes().remove("tenant", {prefix(to), metric}, now_ns);
  }
  void reload(const std::string& yaml) { control.apply(parse_config(yaml, "test"), now_ns); }
  uint64_t count(ImportState state) { return control.routes().totals("tenant").of(state); }
  std::vector<ImportState> states(const std::string& to) {
    return control.routes().states("tenant", prefix(to));
  }
  void wait_s(unsigned seconds) {
    for (unsigned i = 0; i < seconds; ++i) {
      control.tick(now_ns += kSecond);
      dataplane->step(now_ns);
    }
  }

  static constexpr MacAddr kMac = MacAddr::from_u64(0x02'00'00'00'00'01);
  uint64_t now_ns = 1000 * kSecond;
  TestDataplane dataplane;
  ControlPlane control;
};

TEST_F(LiveRoutes, ComeAndGoWithoutACompilation) {
  EXPECT_EQ(find("198.51.100.1").kind, Kind::kNone);
  const uint64_t changes = snapshot().routes.changes();
  EXPECT_TRUE(set("198.51.100.0/24", {"10.9.0.1"}));
  EXPECT_TRUE(set("2001:db8:51::/48", {"fd09::1"}, 1024));
  EXPECT_EQ(gateway_of("198.51.100.1"), "10.9.0.1");
  EXPECT_EQ(gateway_of("2001:db8:51::1"), "fd09::1");
  EXPECT_EQ(find("198.51.100.1").source, *parse_ip("10.9.0.254"));
  EXPECT_NE(snapshot().routes.changes(), changes);
  EXPECT_EQ(count(ImportState::kUsed), 2u);
  remove("198.51.100.0/24");
  remove("2001:db8:51::/48", 1024);
  EXPECT_EQ(find("198.51.100.1").kind, Kind::kNone);
  EXPECT_EQ(find("2001:db8:51::1").kind, Kind::kNone);
  EXPECT_EQ(count(ImportState::kUsed), 0u);
  EXPECT_EQ(control.generation(), 1u);
  // Next hops that nobody uses any more are not asked for.
  EXPECT_FALSE(control.ids().adjacencies.contains({1, *parse_ip("10.9.0.1")}));
  EXPECT_FALSE(control.ids().adjacencies.contains({1, *parse_ip("fd09::1")}));
}

TEST_F(LiveRoutes, TheFilesComeFirstForTheSamePrefix) {
  set("198.51.100.0/24", {"10.9.0.1"});
  set("10.9.0.0/24", {"10.9.0.1"});    // our own subnet
  set("10.9.0.254/32", {"10.9.0.1"});  // our own address
  EXPECT_EQ(find("10.9.0.7").kind, Kind::kConnected);
  EXPECT_EQ(find("10.9.0.254").kind, Kind::kLocal);
  EXPECT_EQ(count(ImportState::kShadowed), 2u);
  reload(yaml_of("    routes: [{to: 198.51.100.0/24, via: 10.9.0.2}]\n"));
  EXPECT_EQ(gateway_of("198.51.100.1"), "10.9.0.2");
  EXPECT_EQ(states("198.51.100.0/24"), std::vector{ImportState::kShadowed});
  EXPECT_EQ(count(ImportState::kShadowed), 3u);
  // A longer prefix is more special, wherever it comes from.
  set("198.51.100.128/25", {"10.9.0.1"});
  EXPECT_EQ(gateway_of("198.51.100.129"), "10.9.0.1");
  reload(yaml_of());
  EXPECT_EQ(gateway_of("198.51.100.1"), "10.9.0.1");
  EXPECT_EQ(count(ImportState::kShadowed), 2u);
  EXPECT_EQ(count(ImportState::kUsed), 2u);
}

TEST_F(LiveRoutes, OfOnePrefixTheLowestMetricThatHasAWay) {
  set("198.51.100.0/24", {"10.9.0.3"}, 300);
  set("198.51.100.0/24", {"10.9.0.2"}, 200);
  EXPECT_EQ(gateway_of("198.51.100.1"), "10.9.0.2");
  set("198.51.100.0/24", {"203.0.113.9", "10.9.0.254"}, 100);  // elsewhere, and ourselves
  EXPECT_EQ(gateway_of("198.51.100.1"), "10.9.0.2");
  using enum ImportState;
  EXPECT_EQ(states("198.51.100.0/24"), (std::vector{kUnreachable, kUsed, kShadowed}));
  set("198.51.100.0/24", {"203.0.113.9", "10.9.0.1", "10.9.0.2"}, 100);
  EXPECT_EQ(gateway_of("198.51.100.1"), "10.9.0.1");
  EXPECT_EQ(states("198.51.100.0/24"), (std::vector{kUsed, kShadowed, kShadowed}));
  remove("198.51.100.0/24", 100);
  remove("198.51.100.0/24", 200);
  EXPECT_EQ(gateway_of("198.51.100.1"), "10.9.0.3");
  EXPECT_EQ(count(kUsed), 1u);
  EXPECT_EQ(count(kShadowed), 0u);
  EXPECT_EQ(count(kUnreachable), 0u);
}

TEST_F(LiveRoutes, LeadIntoTunnelsAndNowhere) {
  set("198.51.100.0/24", {"10.255.0.2"});
  EXPECT_EQ(find("198.51.100.1").kind, Kind::kTunnel);
  EXPECT_EQ(find("198.51.100.1").tunnel, find("10.255.0.2").tunnel);
  ImportedRoute rejects;
  rejects.rejects = true;
  control.routes().set("tenant", {prefix("198.51.100.64/26"), 0}, rejects, now_ns);
  EXPECT_EQ(find("198.51.100.65").kind, Kind::kNone);
  EXPECT_EQ(count(ImportState::kUsed), 2u);
}

TEST_F(LiveRoutes, MayHaveLinkLocalGateways) {
  const auto via = [&](const char* near) {
    ImportedRoute route;
    route.gateways.push_back({*parse_ip("fe80::1"), *parse_ip(near)});
    control.routes().set("tenant", {prefix("2001:db8:51::/48"), 1024}, route, now_ns);
    return gateway_of("2001:db8:51::1");
  };
  EXPECT_EQ(via("fd09::9"), "fe80::1");
  EXPECT_EQ(find("2001:db8:51::1").link, 1u);
  EXPECT_EQ(via("10.9.0.9"), "fe80::1");  // the link is what counts
  EXPECT_EQ(via("10.255.0.2"), "");       // a tunnel has none
  EXPECT_EQ(via("fd77::9"), "");
}

TEST_F(LiveRoutes, StayOverReloads) {
  set("198.51.100.0/24", {"10.9.0.1"});
  set("203.0.113.0/24", {"10.9.1.1"});
  const AdjacencyId id = find("198.51.100.1").adjacency;
  EXPECT_EQ(count(ImportState::kUnreachable), 1u);
  reload(yaml_of("    mss_clamp: true\n"));
  EXPECT_EQ(control.generation(), 2u);
  EXPECT_EQ(gateway_of("198.51.100.1"), "10.9.0.1");
  EXPECT_EQ(find("198.51.100.1").adjacency, id);
  EXPECT_TRUE(find("198.51.100.1").mss_clamp);
  // A subnet that comes makes a gateway reachable.
  std::string wider = yaml_of();
  wider.replace(wider.find("10.9.0.254/24"), 13, "10.9.0.254/23");
  reload(wider);
  EXPECT_EQ(gateway_of("203.0.113.1"), "10.9.1.1");
  EXPECT_EQ(count(ImportState::kUsed), 2u);
  EXPECT_EQ(count(ImportState::kUnreachable), 0u);
  // What was compiled goes like what came later.
  remove("198.51.100.0/24");
  EXPECT_EQ(find("198.51.100.1").kind, Kind::kNone);
  EXPECT_FALSE(control.ids().adjacencies.contains({1, *parse_ip("10.9.0.1")}));
}

TEST_F(LiveRoutes, ChangeWhileTheNextStateIsMade) {
  set("198.51.100.0/24", {"10.9.0.1"});
  set("203.0.113.0/24", {"10.9.0.1"});
  set("192.0.2.0/25", {"10.9.0.4"});
  const Basis basis = control.basis(now_ns);
  Planned planned = plan(basis, parse_config(yaml_of("    mss_clamp: true\n"), "t"), nullptr);
  Prepared prepared = prepare(basis, planned);
  remove("198.51.100.0/24");
  set("203.0.113.0/24", {"10.9.0.2"});  // a gateway that nobody had
  set("100.64.0.0/10", {"10.9.0.4"});
  EXPECT_EQ(find("198.51.100.1").kind, Kind::kNone);
  EXPECT_EQ(gateway_of("100.64.0.1"), "10.9.0.4");
  while (!control.commit(prepared, now_ns)) dataplane->step(now_ns);
  EXPECT_EQ(control.generation(), 2u);
  EXPECT_EQ(find("198.51.100.1").kind, Kind::kNone);
  EXPECT_EQ(gateway_of("203.0.113.1"), "10.9.0.2");
  EXPECT_EQ(gateway_of("100.64.0.1"), "10.9.0.4");
  EXPECT_EQ(gateway_of("192.0.2.1"), "10.9.0.4");
  EXPECT_EQ(count(ImportState::kUsed), 3u);
  EXPECT_EQ(count(ImportState::kFull), 0u);
}

TEST_F(LiveRoutes, ChangeWhileANextStateIsMadeThatComesToNothing) {
  set("198.51.100.0/24", {"10.9.0.1"});
  set("203.0.113.0/24", {"10.9.0.3"});
  const Basis basis = control.basis(now_ns);
  Planned planned{basis.former->config, {}, {}};
  Prepared prepared = prepare(basis, planned);
  set("198.51.100.0/24", {"10.9.0.2"});
  remove("203.0.113.0/24");
  EXPECT_EQ(gateway_of("198.51.100.1"), "");  // nobody may be told of a next hop now
  control.give_up(prepared, now_ns);
  EXPECT_EQ(gateway_of("198.51.100.1"), "10.9.0.2");
  EXPECT_FALSE(control.ids().adjacencies.contains({1, *parse_ip("10.9.0.3")}));
  EXPECT_EQ(count(ImportState::kUsed), 1u);
  EXPECT_EQ(count(ImportState::kFull), 0u);
}

TEST_F(LiveRoutes, ThoseThatARoundDoesNotTellGo) {
  set("198.51.100.0/24", {"10.9.0.1"});
  set("203.0.113.0/24", {"10.9.0.1"});
  control.routes().begin_round("tenant");
  set("198.51.100.0/24", {"10.9.0.1"});
  EXPECT_EQ(gateway_of("203.0.113.1"), "10.9.0.1");  // until its end
  control.routes().end_round("tenant", now_ns);
  EXPECT_EQ(gateway_of("198.51.100.1"), "10.9.0.1");
  EXPECT_EQ(find("203.0.113.1").kind, Kind::kNone);
}

TEST_F(LiveRoutes, AreAsManyAsTheVrfMayHave) {
  reload(yaml_of("", "table: 100, limit: 2"));
  EXPECT_TRUE(set("198.51.100.0/24", {"10.9.0.1"}));
  EXPECT_TRUE(set("203.0.113.0/24", {"10.9.0.1"}));
  EXPECT_FALSE(set("100.64.0.0/10", {"10.9.0.1"}));
  EXPECT_TRUE(set("203.0.113.0/24", {"10.9.0.2"}));  // one that it has
  EXPECT_EQ(control.routes().totals("tenant").refused, 1u);
  reload(yaml_of("", "table: 100, limit: 1"));
  EXPECT_EQ(control.routes().of("tenant")->size(), 1u);
  EXPECT_EQ(gateway_of("198.51.100.1"), "10.9.0.1");
  EXPECT_EQ(find("203.0.113.1").kind, Kind::kNone);
  EXPECT_EQ(count(ImportState::kUsed), 1u);
  EXPECT_EQ(count(ImportState::kFull), 0u);
}

TEST_F(LiveRoutes, GoWithTheKey) {
  set("198.51.100.0/24", {"10.9.0.1"});
  std::string without = yaml_of();
  without.erase(without.find("    kernel_routes"));
  reload(without);
  EXPECT_EQ(find("198.51.100.1").kind, Kind::kNone);
  EXPECT_EQ(control.routes().of("tenant"), nullptr);
  EXPECT_TRUE(set("198.51.100.0/24", {"10.9.0.1"}));  // of no effect
  EXPECT_EQ(find("198.51.100.1").kind, Kind::kNone);
  reload(yaml_of());
  EXPECT_EQ(find("198.51.100.1").kind, Kind::kNone);
}

TEST_F(LiveRoutes, TakeNoMoreRoomTheMoreTheyChange) {
  for (unsigned i = 0; i < 200; ++i) {
    set("198.51.100.128/25", {i % 2 == 0 ? "10.9.0.1" : "10.9.0.2"});
    set("2001:db8:" + std::to_string(i) + "::/64", {"fd09::1"});
    wait_s(1);
    remove("2001:db8:" + std::to_string(i) + "::/64");
  }
  const size_t bytes = control.routes().table_bytes();
  for (unsigned i = 0; i < 200; ++i) {
    set("2001:db8:" + std::to_string(i) + "::/64", {"fd09::1"});
    remove("2001:db8:" + std::to_string(i) + "::/64");
    wait_s(1);
  }
  EXPECT_LE(control.routes().table_bytes(), bytes + 32 * 1024);
}

}  // namespace
}  // namespace adit::live_routes_test

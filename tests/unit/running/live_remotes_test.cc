// SPDX-License-Identifier: Apache-2.0
// Remotes that are learned while the snapshot stays the same.
#include "running/live_remotes.h"

#include <gtest/gtest.h>

#include <cstring>
#include <string>

#include "config/parser.h"
#include "running/control_plane.h"
#include "test_dataplane.h"
#include "worker/worker.h"

namespace adit::live_remotes_test {
namespace {

constexpr uint64_t kSecond = 1'000'000'000;
// Another network.
constexpr char kGreen[] = "  green: {vni: 300, members: [{port: trunk, vlan: 30}]}\n";
constexpr uint8_t kVxlan = tunnel_index(TunnelKind::kVxlan);

std::string yaml_of(const std::string& red, const std::string& more = "") {
  return R"(
ports:
  uplink: {device: "tap:up0", mtu_bytes: 1550, addresses: [192.0.2.1/24]}
  trunk: {device: "tap:trunk"}
routes: [{to: 10.0.0.0/8, via: 192.0.2.254}]
networks:
  red: {vni: 100, learn_remotes: true, learn_limit: 40000, members: [{port: trunk, vlan: 10}])" +
         red + R"(}
  blue: {vni: 200, learn_remotes: true, mac_aging_s: 1000, members: [{port: trunk, vlan: 20}]}
)" + more;
}

class LiveRemotes : public testing::Test {
 protected:
  explicit LiveRemotes(const std::string& yaml = yaml_of(", mac_aging_s: 10"))
      : control(*dataplane, parse_config(yaml, "test"), {kMac, kMac}, now_ns) {}

  const Snapshot& snapshot() {
    dataplane->step(now_ns);
    return *dataplane->worker(0).snapshot;
  }
  void tell(const char* network, const std::string& address) {
    Event event{};
    event.kind = Event::Kind::kRemoteSeen;
    event.network = control.ids().networks.at(network);
    event.ip = *parse_ip(address);
    snapshot();
    report(dataplane->worker(0), event);
  }
  void learn(const char* network, const std::string& address) {
    tell(network, address);
    control.tick(now_ns);
  }
  static std::string one_of_many(unsigned i) {
    return "10.2." + std::to_string(i / 250) + "." + std::to_string(i % 250 + 1);
  }
  void learn_many(unsigned count) {
    for (unsigned i = 0; i < count; ++i) {
      tell("red", one_of_many(i));
      if (i % 500 == 499) control.tick(now_ns += kSecond / 5);
    }
  }
  void wait_s(unsigned seconds) {
    for (unsigned i = 0; i < seconds; ++i) control.tick(now_ns += kSecond);
  }
  BridgePortId sender(const std::string& address, uint64_t vni) {
    return snapshot().tunnels[kVxlan].senders.find({address_key(*parse_ip(address)), vni});
  }
  BridgePortId first_of(const std::string& address) {
    return snapshot().remote_addresses.find(address_key(*parse_ip(address)));
  }
  std::vector<BridgePortId> flooded(const char* network) {
    const auto members = snapshot().networks[control.ids().networks.at(network)].flood.members();
    return {members.begin(), members.end()};
  }

  static constexpr MacAddr kMac = MacAddr::from_u64(0x02'00'00'00'00'01);
  uint64_t now_ns = 1000 * kSecond;
  TestDataplane dataplane;
  ControlPlane control;
};

TEST_F(LiveRemotes, AreThereWithoutACompilation) {
  learn("red", "10.1.1.1");
  EXPECT_EQ(control.generation(), 1u);
  const BridgePortId id = sender("10.1.1.1", 100);
  ASSERT_NE(id, 0u);
  EXPECT_EQ(first_of("10.1.1.1"), id);
  EXPECT_EQ(flooded("red").size(), 2u);
  EXPECT_EQ(flooded("red").back(), id);
  EXPECT_EQ(flooded("blue").size(), 1u);
  EXPECT_EQ(control.ids().bridge_ports.at(RemoteName{"red", *parse_ip("10.1.1.1")}).id, id);
}

TEST_F(LiveRemotes, AreTheSameWhenCompiled) {
  learn("red", "10.1.1.1");
  learn("red", "192.0.2.9");
  const BridgePortId id = sender("10.1.1.1", 100), on_link = sender("192.0.2.9", 100);
  const BridgePort before[] = {snapshot().bridge_ports[id], snapshot().bridge_ports[on_link]};
  const auto list = flooded("red");
  control.apply(parse_config(yaml_of(", mac_aging_s: 10", kGreen), "t"), now_ns);
  EXPECT_EQ(control.generation(), 2u);
  EXPECT_EQ(sender("10.1.1.1", 100), id);
  EXPECT_EQ(sender("192.0.2.9", 100), on_link);
  EXPECT_EQ(std::memcmp(&before[0], &snapshot().bridge_ports[id], sizeof before[0]), 0);
  EXPECT_EQ(std::memcmp(&before[1], &snapshot().bridge_ports[on_link], sizeof before[1]), 0);
  EXPECT_EQ(flooded("red"), list);
}

TEST_F(LiveRemotes, GoWhenTheyAreSilent) {
  learn("red", "10.1.1.1");
  learn("blue", "10.1.1.1");
  learn("red", "10.1.1.2");
  const BridgePortId id = sender("10.1.1.1", 100), other = sender("10.1.1.1", 200);
  EXPECT_EQ(first_of("10.1.1.1"), id);
  const uint64_t mac = fdb_key(control.ids().networks.at("red"), kMac);
  ASSERT_TRUE(dataplane->fdb().set(mac, id, false, static_cast<uint32_t>(now_ns / kSecond)));
  wait_s(12);
  EXPECT_EQ(control.generation(), 1u);
  EXPECT_EQ(sender("10.1.1.1", 100), 0u);
  EXPECT_EQ(sender("10.1.1.2", 100), 0u);
  EXPECT_EQ(sender("10.1.1.1", 200), other);
  EXPECT_EQ(first_of("10.1.1.1"), other);
  EXPECT_EQ(first_of("10.1.1.2"), 0u);
  EXPECT_EQ(flooded("red").size(), 1u);
  EXPECT_FALSE(dataplane->fdb().find(mac));
  EXPECT_EQ(snapshot().bridge_ports[id].kind, BridgePortKind::kNone);
  // And come back.
  learn("red", "10.1.1.2");
  EXPECT_NE(sender("10.1.1.2", 100), 0u);
  EXPECT_EQ(flooded("red").size(), 2u);
}

TEST_F(LiveRemotes, IdsRestBeforeTheyAreReused) {
  learn("red", "10.1.1.1");
  const BridgePortId id = sender("10.1.1.1", 100);
  wait_s(12);
  for (unsigned i = 0; i < 1000; ++i) {
    learn("red", one_of_many(i));
    ASSERT_NE(flooded("red").back(), id) << i;
  }
  EXPECT_EQ(control.generation(), 1u);
}

TEST_F(LiveRemotes, IdsRestAlsoWhenAllIsCompiled) {
  learn("red", "192.0.2.9");
  const BridgePortId id = sender("192.0.2.9", 100);
  const AdjacencyId adjacency = snapshot().bridge_ports[id].adjacency;
  wait_s(12);
  ASSERT_EQ(sender("192.0.2.9", 100), 0u);
  control.apply(parse_config(yaml_of(", mac_aging_s: 10",
                                     "  green: {vni: 300, members: [{port: trunk, vlan: 30}], "
                                     "remotes: [{address: 192.0.2.8}]}\n"),
                             "t"),
                now_ns);
  const BridgePortId other = sender("192.0.2.8", 300);
  ASSERT_NE(other, 0u);
  EXPECT_NE(other, id);
  EXPECT_NE(snapshot().bridge_ports[other].adjacency, adjacency);
  EXPECT_NE(flooded("green").front(), id);
}

TEST_F(LiveRemotes, MoreThanThereIsRoomForAreCompiled) {
  constexpr unsigned kMany = 20'000;
  learn_many(kMany);
  control.tick(now_ns += kSecond);
  EXPECT_EQ(flooded("red").size(), kMany + 1);
  EXPECT_GT(control.generation(), 1u);
  EXPECT_LE(control.generation(), 3u);
  for (unsigned i = 0; i < kMany; ++i) ASSERT_NE(sender(one_of_many(i), 100), 0u);
}

// However many they are, control has other duties.
TEST_F(LiveRemotes, GoInTurnsWhenTheyAreMany) {
  constexpr unsigned kMany = 5000;
  learn_many(kMany);
  ASSERT_EQ(flooded("red").size(), kMany + 1);
  now_ns += 11 * kSecond;
  control.tick(now_ns);
  const size_t left = flooded("red").size();
  EXPECT_GT(left, 1u);
  EXPECT_LT(left, kMany);
  control.tick(now_ns);
  EXPECT_EQ(flooded("red").size(), 1u);
  EXPECT_EQ(control.generation(), 1u);
}

TEST_F(LiveRemotes, WaitForAReloadThatIsUnderWay) {
  learn("red", "10.1.1.1");
  const Basis basis = control.basis(now_ns);
  Planned planned = plan(basis, parse_config(yaml_of(", mac_aging_s: 10", kGreen), "t"), nullptr);
  Prepared prepared = prepare(basis, planned);
  learn("red", "10.1.1.2");
  learn("blue", "10.1.1.1");
  EXPECT_EQ(sender("10.1.1.2", 100), 0u);
  while (!control.commit(prepared, now_ns)) continue;
  control.tick(now_ns);
  EXPECT_EQ(control.generation(), 2u);
  EXPECT_NE(sender("10.1.1.1", 100), 0u);
  EXPECT_NE(sender("10.1.1.2", 100), 0u);
  EXPECT_NE(sender("10.1.1.1", 200), 0u);
}

TEST_F(LiveRemotes, AReloadThatForbidsThemTakesThemAway) {
  learn("red", "10.1.1.1");
  learn("blue", "10.1.1.1");
  std::string yaml = yaml_of("");
  yaml.replace(yaml.find("learn_remotes: true"), 19, "learn_remotes: false");
  control.apply(parse_config(yaml, "t"), now_ns);
  EXPECT_EQ(sender("10.1.1.1", 100), 0u);
  EXPECT_EQ(first_of("10.1.1.1"), sender("10.1.1.1", 200));
  EXPECT_EQ(flooded("red").size(), 1u);
}

// A sender with an id cannot be two networks' remote.
TEST_F(LiveRemotes, GiveWayToARemoteOfAnotherNetworkInTheFile) {
  learn("red", "10.1.1.1");
  const std::string yaml =
      yaml_of(", mac_aging_s: 10",
              "  green: {vni: 300, members: [{port: trunk, vlan: 30}], "
              "remotes: [{address: 10.1.1.1, id: 100}, {address: 10.1.1.2, id: 100}]}\n");
  control.apply(parse_config(yaml, "t"), now_ns);
  const auto place = [&](const char* address) {
    return snapshot().bridge_ports[sender(address, 100)].network;
  };
  const NetworkId green = control.ids().networks.at("green");
  EXPECT_EQ(place("10.1.1.1"), green);
  EXPECT_EQ(flooded("red").size(), 1u);
  learn("red", "10.1.1.2");  // a report that was late
  EXPECT_EQ(flooded("red").size(), 1u);
  wait_s(12);
  EXPECT_EQ(place("10.1.1.1"), green);
  EXPECT_EQ(place("10.1.1.2"), green);
}

TEST_F(LiveRemotes, OnALinkAreNextHopsAsLongAsTheyAreThere) {
  const NextHop hop{0, *parse_ip("192.0.2.9")};
  learn("red", "192.0.2.9");
  EXPECT_TRUE(control.neighbours().all().contains(hop));
  wait_s(12);
  EXPECT_FALSE(control.neighbours().all().contains(hop));
  // The gateway of the others stays while one of them does.
  const NextHop gateway{0, *parse_ip("192.0.2.254")};
  learn("blue", "10.1.1.1");
  learn("red", "10.1.1.1");
  wait_s(12);
  EXPECT_TRUE(control.neighbours().all().contains(gateway));
}

class BehindAGateway : public LiveRemotes {
 protected:
  BehindAGateway()
      : LiveRemotes(yaml_of(", mac_aging_s: 10",
                            "vrfs: {t: {networks: {red: {addresses: [10.9.0.1/24]}}}}\n")) {}
};

// Its routes have to know that less fits.
TEST_F(BehindAGateway, OneThatLowersTheMtuIsCompiled) {
  std::string yaml =
      yaml_of(", mac_aging_s: 10", "vrfs: {t: {networks: {red: {addresses: [10.9.0.1/24]}}}}\n");
  yaml.replace(yaml.find("mtu_bytes: 1550"), 15, "mtu_bytes: 1500");
  ControlPlane narrow(*dataplane, parse_config(yaml, "t"), {kMac, kMac}, now_ns);
  const uint8_t host[] = {10, 9, 0, 7};
  const VrfId vrf = narrow.ids().vrfs.at("t");
  EXPECT_EQ(snapshot().routes.find(vrf, host, false).max_bytes, 1500u);
  tell("red", "10.1.1.1");
  narrow.tick(now_ns += kSecond);
  EXPECT_EQ(narrow.generation(), 2u);
  EXPECT_NE(sender("10.1.1.1", 100), 0u);
  EXPECT_EQ(snapshot().routes.find(vrf, host, false).max_bytes, 1450u);
  // The next one changes nothing of that.
  tell("red", "10.1.1.2");
  narrow.tick(now_ns += kSecond);
  EXPECT_EQ(narrow.generation(), 2u);
  const BridgePortId id = sender("10.1.1.2", 100);
  ASSERT_NE(id, 0u);
  EXPECT_TRUE(snapshot().bridge_ports[id].flags & BridgePort::kHasGateway);
}

}  // namespace
}  // namespace adit::live_remotes_test

// SPDX-License-Identifier: Apache-2.0
// What control is told as the kernel's entries of one network come, change and go.
#include "netlink/fdb_table.h"

#include <gtest/gtest.h>

#include <string>

#include "config/parser.h"
#include "test_dataplane.h"
#include "worker/worker.h"

namespace adit::fdb_table_test {
namespace {

constexpr uint64_t kSecond = 1'000'000'000;
constexpr MacAddr kFlood = {};
constexpr MacAddr kHost = MacAddr::from_u64(0x02'00'00'00'20'01);
constexpr MacAddr kPortMac = MacAddr::from_u64(0x02'00'00'00'00'01);

std::string yaml_of(const std::string& red, const std::string& more = "") {
  return R"(
ports:
  uplink: {device: "tap:up0", mtu_bytes: 1550, addresses: [192.0.2.1/24)" +
         more + R"(]}
  trunk: {device: "tap:trunk"}
networks:
  red: {vni: 100, members: [{port: trunk, vlan: 10}], kernel_fdb: {interface: vx100)" +
         red + "}}\n";
}

class FdbTableTest : public testing::Test {
 protected:
  FdbTableTest() { table.configure(control.config().networks[0], now_ns); }

  FdbMessage message(MacAddr mac, const char* remote) const {
    FdbMessage made;
    made.interface = link.number;
    made.mac = mac;
    if (remote != nullptr) made.remote = *parse_ip(remote);
    return made;
  }
  void take(FdbMessage entry, bool is_gone = false, bool is_change = true) {
    entry.is_gone = is_gone;
    table.take(link, entry, is_change, now_ns);
  }
  void add(MacAddr mac, const char* remote) { take(message(mac, remote)); }
  void remove(MacAddr mac, const char* remote) { take(message(mac, remote), true); }
  void tick() {
    control.tick(now_ns);
    dataplane->step(now_ns);
    now_ns += kSecond / 100;
  }
  void wait_s(unsigned seconds) {
    for (unsigned i = 0; i < seconds * 10; ++i, now_ns += kSecond / 10) tick();
  }
  bool reload(const std::string& yaml) {
    dataplane->step(now_ns);
    control.apply(parse_config(yaml, "test"), now_ns);
    return table.configure(control.config().networks[0], now_ns);
  }
  bool has(const char* remote) {
    tick();
    const auto& ids = control.ids().bridge_ports;
    const auto found = ids.find(RemoteName{"red", *parse_ip(remote)});
    if (found == ids.end()) return false;
    // As control knows it, so it is flooded to, once.
    const auto members =
        dataplane->worker(0).snapshot->networks[found->second.network].flood.members();
    EXPECT_EQ(std::ranges::count(members, found->second.id), 1);
    return true;
  }
  std::string place(MacAddr mac = kHost) {
    tick();
    const auto entry = dataplane->fdb().find(fdb_key(control.ids().networks.at("red"), mac));
    if (!entry) return "-";
    for (const auto& [name, info] : control.ids().bridge_ports)
      if (const auto* remote = std::get_if<RemoteName>(&name);
          remote != nullptr && info.id == entry->bridge_port)
        return to_string(remote->address);
    return "?";
  }

  uint64_t now_ns = 1000 * kSecond;
  TestDataplane dataplane;
  ControlPlane control{*dataplane, parse_config(yaml_of(""), "test"), {kPortMac, kPortMac}, now_ns};
  FdbTable table{control};
  LinkMessage link{7, "vx100", true, 100, false, 4789, false};
};

TEST_F(FdbTableTest, ARemoteIsThereAsLongAsAnEntryNamesIt) {
  add(kFlood, "192.0.2.2");
  add(kHost, "192.0.2.2");
  EXPECT_TRUE(has("192.0.2.2"));
  EXPECT_EQ(place(), "192.0.2.2");
  remove(kFlood, "192.0.2.2");
  EXPECT_TRUE(has("192.0.2.2"));
  remove(kHost, "192.0.2.2");
  EXPECT_FALSE(has("192.0.2.2"));
  EXPECT_EQ(place(), "-");
  EXPECT_EQ(table.remotes() + table.macs() + table.left_out() + table.refused(), 0u);
}

TEST_F(FdbTableTest, WhatGoesAndComesBetweenTwoTurnsOfControlStays) {
  add(kFlood, "192.0.2.2");
  remove(kFlood, "192.0.2.2");
  add(kFlood, "192.0.2.2");
  EXPECT_TRUE(has("192.0.2.2"));
  for (unsigned i = 0; i < 20; ++i) {
    remove(kFlood, "192.0.2.2");
    add(kFlood, "192.0.2.2");
  }
  EXPECT_TRUE(has("192.0.2.2"));
  EXPECT_EQ(table.unused("red"), 0u);
  ASSERT_NE(control.remote_learner().of("red"), nullptr);
  EXPECT_EQ(control.remote_learner().of("red")->all.size(), 1u);
  remove(kFlood, "192.0.2.2");
  EXPECT_FALSE(has("192.0.2.2"));
  // And between the parts of a change of the configuration.
  add(kFlood, "192.0.2.3");
  tick();
  for (const bool is_there : {true, false}) {
    Basis basis = control.basis(now_ns);
    remove(kFlood, "192.0.2.3");
    if (is_there) add(kFlood, "192.0.2.3");
    Planned planned =
        plan(basis, parse_config(yaml_of(is_there ? ", limit: 9" : ""), "t"), nullptr);
    Prepared prepared = prepare(std::move(basis), planned);
    dataplane->step(now_ns);
    while (!control.commit(prepared, now_ns)) dataplane->step(now_ns);
    EXPECT_EQ(has("192.0.2.3"), is_there);
  }
}

TEST_F(FdbTableTest, WhatAStationsEntryIsReplacedByCounts) {
  add(kHost, "192.0.2.2");
  add(kHost, "192.0.2.3");
  EXPECT_EQ(place(), "192.0.2.3");
  EXPECT_FALSE(has("192.0.2.2")) << "nothing names it any more";
  for (const auto& spoil : {+[](FdbMessage& m) { m.vni = 333; }, +[](FdbMessage& m) { m.port = 1; },
                            +[](FdbMessage& m) { m.remote = parse_ip("239.1.1.1"); },
                            +[](FdbMessage& m) { m.remote.reset(); }}) {
    FdbMessage unfit = message(kHost, "192.0.2.3");
    spoil(unfit);
    take(unfit);
    EXPECT_EQ(place(), "-");
    EXPECT_EQ(table.left_out(), 1u);
    EXPECT_FALSE(has("192.0.2.3"));
    take(unfit, true);
    EXPECT_EQ(table.left_out(), 0u);
    add(kHost, "192.0.2.3");
    EXPECT_EQ(place(), "192.0.2.3");
  }
}

TEST_F(FdbTableTest, EntriesThatDifferByTheirInterfaceAloneAreTwo) {
  add(kFlood, "192.0.2.2");
  FdbMessage other = message(kFlood, "192.0.2.2");
  other.via = 1;
  take(other);
  take(other, true);
  EXPECT_TRUE(has("192.0.2.2"));
}

TEST_F(FdbTableTest, ARoundTakesAwayWhatItDoesNotHave) {
  add(kFlood, "192.0.2.2");
  add(kFlood, "192.0.2.3");
  add(kHost, "192.0.2.3");
  table.begin_round();
  take(message(kFlood, "192.0.2.3"), false, false);
  table.end_round(now_ns);
  EXPECT_FALSE(has("192.0.2.2"));
  EXPECT_TRUE(has("192.0.2.3"));
  EXPECT_EQ(place(), "-");
}

TEST_F(FdbTableTest, AnotherLimitLosesNothingAnotherInterfaceAll) {
  add(kFlood, "192.0.2.2");
  add(kFlood, "192.0.2.3");
  add(kHost, "192.0.2.2");
  EXPECT_TRUE(has("192.0.2.3"));
  EXPECT_FALSE(reload(yaml_of(", limit: 1")));
  EXPECT_EQ(has("192.0.2.2") + has("192.0.2.3"), 1);
  EXPECT_EQ(table.refused(), 1u);
  EXPECT_EQ(table.unused("red"), 1u);
  EXPECT_FALSE(reload(yaml_of(", limit: 2")));
  EXPECT_TRUE(has("192.0.2.2") && has("192.0.2.3"));
  EXPECT_EQ(place(), "192.0.2.2");
  EXPECT_EQ(table.refused() + table.unused("red"), 0u);
  EXPECT_TRUE(reload(yaml_of(", namespace: fabric")));
  EXPECT_FALSE(has("192.0.2.2") || has("192.0.2.3"));
  EXPECT_EQ(place(), "-");
}

TEST_F(FdbTableTest, OurOwnAddressIsNoRemoteAlsoWhereItBecomesThat) {
  add(kFlood, "192.0.2.77");
  EXPECT_TRUE(has("192.0.2.77"));
  reload(yaml_of("", ", 192.0.3.77/24, 192.0.2.77/32"));
  EXPECT_FALSE(has("192.0.2.77"));
  EXPECT_EQ(table.unused("red"), 1u);
  reload(yaml_of(""));
  EXPECT_TRUE(has("192.0.2.77"));
}

TEST_F(FdbTableTest, MacsThatFindNoRoomGetItLater) {
  std::string yaml = yaml_of("");
  yaml.replace(yaml.find("vni: 100"), 8, "vni: 100, mac_aging_s: 10, mac_limit: 2");
  reload(yaml);
  const NetworkId red = control.ids().networks.at("red");
  const BridgePortId member = control.ids().bridge_ports.at(MemberName{"red", "trunk", 10}).id;
  for (const uint64_t mac : {uint64_t{1}, uint64_t{2}}) {
    Event event{};
    event.kind = Event::Kind::kMacSeen;
    event.fdb_key = fdb_key(red, MacAddr::from_u64(0x02'00'00'00'30'00 + mac));
    event.bridge_port = member;
    dataplane->step(now_ns);
    report(dataplane->worker(0), event);
    tick();
  }
  EXPECT_EQ(control.fdb().learned(red), 2u);
  add(kHost, "192.0.2.2");
  EXPECT_EQ(place(), "-");
  EXPECT_EQ(table.refused(), 1u);
  wait_s(20);
  EXPECT_EQ(place(), "192.0.2.2");
  EXPECT_EQ(table.refused(), 0u);
}

TEST_F(FdbTableTest, EntriesAreKeptToTheLimits) {
  reload(yaml_of(", limit: 4"));
  const uint64_t most = 4 + control.config().networks[0].mac_limit;
  for (uint64_t i = 0; i < most + 5; ++i) {
    FdbMessage entry = message(MacAddr::from_u64(0x02'00'00'00'00'00 + i), "192.0.2.2");
    entry.vni = 333;
    take(entry);
  }
  EXPECT_EQ(table.left_out(), most);
  EXPECT_EQ(table.refused(), 5u);
  EXPECT_FALSE(table.retry(now_ns));
  FdbMessage first = message(MacAddr::from_u64(0x02'00'00'00'00'00), "192.0.2.2");
  first.vni = 333;
  take(first, true);
  EXPECT_TRUE(table.retry(now_ns)) << "there is room: another round";
}

}  // namespace
}  // namespace adit::fdb_table_test

// SPDX-License-Identifier: Apache-2.0
// Remotes and MAC addresses that the kernel tells of, in networks with `kernel_fdb`.
#include <gtest/gtest.h>

#include <string>

#include "config/parser.h"
#include "running/control_plane.h"
#include "test_dataplane.h"
#include "worker/worker.h"

namespace adit::told_remotes_test {
namespace {

constexpr uint64_t kSecond = 1'000'000'000;
constexpr MacAddr kHost = MacAddr::from_u64(0x02'00'00'00'20'01);
constexpr MacAddr kPortMac = MacAddr::from_u64(0x02'00'00'00'00'01);

std::string yaml_of(const std::string& red, const std::string& more = "") {
  return R"(
ports:
  uplink: {device: "tap:up0", mtu_bytes: 1550, addresses: [192.0.2.1/24]}
  trunk: {device: "tap:trunk"}
networks:
  red: {vni: 100, mac_aging_s: 10, members: [{port: trunk, vlan: 10}])" +
         red + R"(}
  blue: {vni: 200, kernel_fdb: {interface: vx200}, members: [{port: trunk, vlan: 20}]}
)" + more;
}
const std::string kFollows = ", kernel_fdb: {interface: vx100, limit: 3}";

struct Named : FdbLearner::MemberMacs {
  void at_member(NetworkId network, MacAddr mac, uint64_t) override { now[{network, mac}] += 1; }
  void swept() override { ++sweeps; }
  std::map<std::pair<NetworkId, MacAddr>, unsigned> now;
  unsigned sweeps = 0;
};

class ToldRemotes : public testing::Test {
 protected:
  static IpAddr ip(const char* text) { return *parse_ip(text); }
  NetworkId id(const char* network) const { return control.ids().networks.at(network); }
  bool tell(const char* network, const char* remote) {
    const bool told = control.tell_remote(id(network), ip(remote), now_ns);
    control.tick(now_ns);
    return told;
  }
  void untell(const char* network, const char* remote) {
    control.untell_remote(id(network), ip(remote), now_ns);
    control.tick(now_ns);
  }
  bool tell_mac(const char* network, const char* remote, MacAddr mac = kHost) {
    return control.tell_mac(id(network), mac, ip(remote), now_ns);
  }
  void apply(const std::string& yaml) {
    dataplane->step(now_ns);
    control.apply(parse_config(yaml, "test"), now_ns);
  }
  void see(const char* network, const BridgePortName& from) {
    dataplane->step(now_ns);
    Event event{};
    event.kind = Event::Kind::kMacSeen;
    event.fdb_key = fdb_key(id(network), kHost);
    event.bridge_port = control.ids().bridge_ports.at(from).id;
    report(dataplane->worker(0), event);
    control.tick(now_ns);
  }
  void wait_s(unsigned seconds) {
    for (unsigned i = 0; i < seconds * 10; ++i) {
      control.tick(now_ns += kSecond / 10);
      dataplane->step(now_ns);
    }
  }
  // "-": nobody knows it.
  std::string place(const char* network, MacAddr mac = kHost) {
    const auto entry = dataplane->fdb().find(fdb_key(id(network), mac));
    if (!entry) return "-";
    for (const auto& [name, info] : control.ids().bridge_ports) {
      if (info.id != entry->bridge_port) continue;
      if (const auto* remote = std::get_if<RemoteName>(&name)) return to_string(remote->address);
      if (const auto* member = std::get_if<MemberName>(&name)) return member->port;
    }
    return "?";
  }
  bool has(const char* network, const char* remote) {
    dataplane->step(now_ns);
    const auto& ports = control.ids().bridge_ports;
    const auto found = ports.find(RemoteName{network, ip(remote)});
    if (found == ports.end()) return false;
    const auto members = dataplane->worker(0).snapshot->networks[id(network)].flood.members();
    EXPECT_NE(std::ranges::find(members, found->second.id), members.end()) << "not flooded to";
    return true;
  }

  uint64_t now_ns = 1000 * kSecond;
  TestDataplane dataplane;
  ControlPlane control{
      *dataplane, parse_config(yaml_of(kFollows), "test"), {kPortMac, kPortMac}, now_ns};
};

TEST_F(ToldRemotes, AreThereUntilTheyAreTakenBackHoweverSilent) {
  EXPECT_TRUE(tell("red", "192.0.2.2"));
  EXPECT_TRUE(has("red", "192.0.2.2"));
  EXPECT_FALSE(has("blue", "192.0.2.2"));
  EXPECT_EQ(control.generation(), 1u) << "without a compilation";
  EXPECT_TRUE(tell("red", "192.0.2.2")) << "again";
  wait_s(30);
  EXPECT_TRUE(has("red", "192.0.2.2"));
  untell("red", "192.0.2.2");
  EXPECT_FALSE(has("red", "192.0.2.2"));
  untell("red", "192.0.2.2");
  untell("red", "192.0.2.9");
  EXPECT_TRUE(tell("red", "192.0.2.2"));
  EXPECT_TRUE(has("red", "192.0.2.2")) << "it comes back";
}

TEST_F(ToldRemotes, AreNotMoreThanTheLimitAndNoneThatCannotBe) {
  for (const char* remote : {"192.0.2.2", "192.0.2.3", "192.0.2.4"})
    EXPECT_TRUE(tell("red", remote));
  EXPECT_FALSE(tell("red", "192.0.2.5"));
  EXPECT_FALSE(has("red", "192.0.2.5"));
  EXPECT_TRUE(tell("blue", "192.0.2.5")) << "another network has a limit of its own";
  untell("red", "192.0.2.3");
  EXPECT_TRUE(tell("red", "192.0.2.5"));
  // Our own address, and one without a route.
  tell("blue", "192.0.2.1");
  tell("blue", "203.0.113.1");
  EXPECT_FALSE(has("blue", "192.0.2.1"));
  EXPECT_FALSE(has("blue", "203.0.113.1"));
}

TEST_F(ToldRemotes, StayAcrossReloadsWhereTheNetworkFollows) {
  tell("red", "192.0.2.2");
  tell_mac("red", "192.0.2.2");
  apply(yaml_of(kFollows, "  green: {vni: 300}\n"));
  EXPECT_TRUE(has("red", "192.0.2.2"));
  EXPECT_EQ(place("red"), "192.0.2.2");
  apply(yaml_of(""));
  EXPECT_FALSE(has("red", "192.0.2.2"));
  EXPECT_EQ(place("red"), "-");
  EXPECT_TRUE(tell("red", "192.0.2.2")) << "too late: nothing happens";
  EXPECT_FALSE(has("red", "192.0.2.2"));
}

TEST_F(ToldRemotes, GiveWayToTheFilesAndDoNotTakeThemAlong) {
  tell("red", "192.0.2.2");
  apply(yaml_of(kFollows + ", remotes: [{address: 192.0.2.2}]"));
  EXPECT_TRUE(has("red", "192.0.2.2"));
  untell("red", "192.0.2.2");
  EXPECT_TRUE(has("red", "192.0.2.2")) << "it is the file's";
  // Also when the file comes between the kernel's word and what is done about it.
  apply(yaml_of(kFollows));
  tell("red", "192.0.2.3");
  control.untell_remote(id("red"), ip("192.0.2.3"), now_ns);
  apply(yaml_of(kFollows + ", remotes: [{address: 192.0.2.3}]"));
  control.tick(now_ns);
  EXPECT_TRUE(has("red", "192.0.2.3"));
}

TEST_F(ToldRemotes, ThatAlsoSpeakStayAsLearnedOnes) {
  apply(yaml_of(kFollows + ", learn_remotes: true"));
  tell("red", "192.0.2.2");
  untell("red", "192.0.2.2");
  EXPECT_TRUE(has("red", "192.0.2.2"));
  wait_s(15);
  EXPECT_FALSE(has("red", "192.0.2.2")) << "it was silent";
}

TEST_F(ToldRemotes, MacsAreBehindTheirRemoteAndDoNotAge) {
  EXPECT_TRUE(tell_mac("red", "192.0.2.2"));
  EXPECT_EQ(place("red"), "-") << "it waits for its remote";
  tell("red", "192.0.2.2");
  EXPECT_EQ(place("red"), "192.0.2.2");
  EXPECT_EQ(place("blue"), "-");
  EXPECT_TRUE(control.fdb().is_told(*dataplane->fdb().find(fdb_key(id("red"), kHost))));
  wait_s(30);
  EXPECT_EQ(place("red"), "192.0.2.2");
  EXPECT_EQ(control.fdb().learned(id("red")), 1u);
  // The kernel moves it.
  tell("red", "192.0.2.3");
  EXPECT_TRUE(tell_mac("red", "192.0.2.3"));
  EXPECT_EQ(place("red"), "192.0.2.3");
  untell("red", "192.0.2.2");
  wait_s(2);
  EXPECT_EQ(place("red"), "192.0.2.3");
  // Its remote goes before it does.
  untell("red", "192.0.2.3");
  wait_s(2);
  EXPECT_EQ(place("red"), "-");
  tell("red", "192.0.2.3");
  EXPECT_EQ(place("red"), "192.0.2.3");
  control.untell_mac(id("red"), kHost, now_ns);
  EXPECT_EQ(place("red"), "-");
  EXPECT_EQ(control.fdb().learned(id("red")), 0u);
}

TEST_F(ToldRemotes, MacsAreWhereAMemberShowsThemUntilThatIsForgotten) {
  tell("red", "192.0.2.2");
  tell("red", "192.0.2.3");
  tell_mac("red", "192.0.2.2");
  see("red", RemoteName{"red", ip("192.0.2.3")});
  EXPECT_EQ(place("red"), "192.0.2.2") << "which remote, the kernel says";
  see("red", MemberName{"red", "trunk", 10});
  EXPECT_EQ(place("red"), "trunk");
  EXPECT_FALSE(control.fdb().is_told(*dataplane->fdb().find(fdb_key(id("red"), kHost))));
  wait_s(15);
  EXPECT_EQ(place("red"), "192.0.2.2") << "aged at the member, told at the remote";
  see("red", MemberName{"red", "trunk", 10});
  tell_mac("red", "192.0.2.3");
  EXPECT_EQ(place("red"), "192.0.2.3") << "the kernel has news";
  see("red", MemberName{"red", "trunk", 10});
  control.untell_mac(id("red"), kHost, now_ns);
  EXPECT_EQ(place("red"), "trunk") << "what was seen there stays";
}

TEST_F(ToldRemotes, MacsObeyTheNetworksLimitAndStaticOnes) {
  apply(yaml_of(kFollows + ", mac_limit: 2, static_macs: [{mac: 02:00:00:00:20:01, port: trunk, "
                           "vlan: 10}]"));
  tell("red", "192.0.2.2");
  EXPECT_TRUE(tell_mac("red", "192.0.2.2"));
  EXPECT_EQ(place("red"), "trunk") << "the file's";
  EXPECT_TRUE(tell_mac("red", "192.0.2.2", MacAddr::from_u64(0x02'00'00'00'20'02)));
  EXPECT_FALSE(tell_mac("red", "192.0.2.2", MacAddr::from_u64(0x02'00'00'00'20'03)));
  EXPECT_TRUE(tell_mac("blue", "192.0.2.2", MacAddr::from_u64(0x02'00'00'00'20'03)));
  control.untell_mac(id("red"), MacAddr::from_u64(0x02'00'00'00'20'02), now_ns);
  EXPECT_TRUE(tell_mac("red", "192.0.2.2", MacAddr::from_u64(0x02'00'00'00'20'03)));
  apply(yaml_of(kFollows));
  EXPECT_EQ(place("red"), "192.0.2.2") << "the file's entry is gone";
}

TEST_F(ToldRemotes, MacsAtMembersAreNamedWhereTheNetworkAnnouncesThem) {
  Named named;
  control.tell_members_to(&named);
  const auto seen_at_red = [&] { return named.now[{id("red"), kHost}]; };
  apply(yaml_of(kFollows));
  see("red", MemberName{"red", "trunk", 10});
  wait_s(3);
  EXPECT_EQ(seen_at_red(), 0u) << "it announces nothing";
  apply(yaml_of(", kernel_fdb: {interface: vx100, announce: adit100}"));
  wait_s(1);
  EXPECT_GE(seen_at_red(), 1u) << "known before";
  const unsigned before = seen_at_red();
  const unsigned sweeps = named.sweeps;
  wait_s(3);
  EXPECT_GE(seen_at_red(), before + 2) << "and again";
  EXPECT_GE(named.sweeps, sweeps + 2);
  EXPECT_TRUE(control.fdb().is_at_member(id("red"), kHost));

  ASSERT_TRUE(tell("red", "192.0.2.2"));
  ASSERT_TRUE(tell_mac("red", "192.0.2.2"));
  ASSERT_EQ(place("red"), "192.0.2.2");
  EXPECT_FALSE(control.fdb().is_at_member(id("red"), kHost));
  named.now.clear();
  wait_s(3);
  EXPECT_EQ(seen_at_red(), 0u) << "it is at a remote";
  see("red", MemberName{"red", "trunk", 10});
  EXPECT_EQ(seen_at_red(), 1u) << "it is back, and named at once";
  named.now.clear();
  wait_s(15);
  EXPECT_EQ(place("red"), "192.0.2.2") << "aged at the member; the kernel still has it there";
  named.now.clear();
  wait_s(3);
  EXPECT_EQ(seen_at_red(), 0u);
  const unsigned at_end = named.sweeps;
  control.untell_mac(id("red"), kHost, now_ns);
  wait_s(5);
  EXPECT_GE(named.sweeps, at_end + 3) << "also of an empty table";
  control.tell_members_to(nullptr);
}

}  // namespace
}  // namespace adit::told_remotes_test

// SPDX-License-Identifier: Apache-2.0
#include "running/neighbours.h"

#include <gtest/gtest.h>

#include "adit/wire.h"
#include "test_dataplane.h"

namespace adit {
namespace {

constexpr uint64_t kSecond = 1'000'000'000;
const MacAddr kOwn = *parse_mac("02:00:00:00:00:01");
const MacAddr kPeer = *parse_mac("02:00:00:00:00:22");
const MacAddr kOther = *parse_mac("02:00:00:00:00:33");

struct NeighboursTest : testing::Test {
  NeighboursTest() {
    config.ports.resize(2);
    config.ports[0].addresses = {{*parse_ip("192.0.2.1"), 24}};
    ids.adjacencies[hop] = 1;
    auto snapshot = std::make_unique<Snapshot>();
    snapshot->ports.resize(2);
    dataplane->publish(std::move(snapshot));
    neighbours.configure(config, ids, {kOwn, kOwn}, now_ns);
    run_to(now_ns);
  }
  // Advances in steps of 50 ms; returns the ARP requests that were sent.
  std::vector<ArpPacket> run_to(uint64_t until_ns) {
    dataplane.sent.clear();
    for (; now_ns <= until_ns; now_ns += kSecond / 20) {
      neighbours.tick(now_ns);
      dataplane->step(now_ns);
    }
    std::vector<ArpPacket> requests;
    last_destinations.clear();
    for (const auto& frame : dataplane.sent) {
      const auto* ethernet = reinterpret_cast<const EthernetHeader*>(frame.data());
      const auto* arp = reinterpret_cast<const ArpPacket*>(ethernet + 1);
      if (arp->sender_ip == arp->target_ip) {
        ++announcements;
        continue;
      }
      requests.push_back(*arp);
      last_destinations.push_back(ethernet->dst);
    }
    return requests;
  }
  NeighbourState state() { return neighbours.all().at(hop).state; }
  bool usable() { return dataplane->adjacencies().load(1) != 0; }

  NextHop hop{0, *parse_ip("192.0.2.2")};
  TestDataplane dataplane;
  Config config;
  CompiledIds ids;
  Neighbours neighbours{*dataplane};
  uint64_t now_ns = 100 * kSecond;
  std::vector<MacAddr> last_destinations;
  unsigned announcements = 0;
};

TEST_F(NeighboursTest, AsksAtOnceAndEverySecondUntilAnswered) {
  EXPECT_EQ(announcements, 1u);
  const auto requests = run_to(now_ns + 3 * kSecond);
  EXPECT_EQ(requests.size(), 3u);
  EXPECT_EQ(requests[0].target_ip, hop.address.as_v4());
  EXPECT_EQ(requests[0].sender_mac, kOwn);
  EXPECT_EQ(last_destinations[0], kBroadcastMac);
  EXPECT_EQ(state(), NeighbourState::kIncomplete);
  EXPECT_FALSE(usable());
  neighbours.seen(0, hop.address, kPeer, now_ns);
  EXPECT_EQ(state(), NeighbourState::kReachable);
  EXPECT_TRUE(usable());
  EXPECT_TRUE(run_to(now_ns + 15 * kSecond).empty());
}

TEST_F(NeighboursTest, RefreshAsksTheNeighbourItselfAndNeverTakesItAwayWhileItAnswers) {
  for (int round = 0; round < 5; ++round) {
    neighbours.seen(0, hop.address, kPeer, now_ns);
    const auto requests = run_to(now_ns + 21 * kSecond);
    ASSERT_GE(requests.size(), 1u);
    EXPECT_EQ(last_destinations[0], kPeer);
    EXPECT_TRUE(usable());
  }
}

TEST_F(NeighboursTest, SilentNeighbourStaysUsableThroughAllProbesAndIsThenGivenUp) {
  neighbours.seen(0, hop.address, kPeer, now_ns);
  run_to(now_ns + 25 * kSecond);
  EXPECT_EQ(state(), NeighbourState::kProbing);
  EXPECT_EQ(last_destinations.back(), kBroadcastMac);  // asks everyone in the end
  EXPECT_TRUE(usable());
  run_to(now_ns + 10 * kSecond);
  EXPECT_EQ(state(), NeighbourState::kFailed);
  EXPECT_FALSE(usable());
  // It is asked on, more rarely, and comes back with its first answer.
  EXPECT_EQ(run_to(now_ns + 20 * kSecond).size(), 4u);
  neighbours.seen(0, hop.address, kPeer, now_ns);
  EXPECT_TRUE(usable());
}

TEST_F(NeighboursTest, WaitingPacketsHurryAFailedNeighbourOncePerSecond) {
  run_to(now_ns + 11 * kSecond);
  ASSERT_EQ(state(), NeighbourState::kFailed);
  run_to(now_ns + 2 * kSecond);
  for (int i = 0; i < 100; ++i) neighbours.wanted(1, now_ns);
  EXPECT_EQ(run_to(now_ns).size(), 1u);
}

TEST_F(NeighboursTest, WhatIsBehindADownPortIsForgottenNotAskedAndAskedAtOnceWhenItIsUp) {
  neighbours.seen(0, hop.address, kPeer, now_ns);
  EXPECT_EQ(neighbours.port_down(1, now_ns), 0u);  // another
  EXPECT_TRUE(usable());
  EXPECT_EQ(neighbours.port_down(0, now_ns), 1u);
  EXPECT_FALSE(usable());
  EXPECT_EQ(state(), NeighbourState::kIncomplete);
  EXPECT_TRUE(run_to(now_ns + 60 * kSecond).empty());
  EXPECT_EQ(neighbours.port_up(0, false, now_ns), 1u);
  EXPECT_EQ(run_to(now_ns + kSecond / 10).size(), 1u);
  neighbours.seen(0, hop.address, kPeer, now_ns);
  EXPECT_TRUE(usable());
}

TEST_F(NeighboursTest, OurAddressesAreAnnouncedAgainWhenALinkComesUp) {
  announcements = 0;
  neighbours.port_down(0, now_ns);
  run_to(now_ns + 10 * kSecond);
  EXPECT_EQ(announcements, 0u);
  neighbours.port_up(0, false, now_ns);
  run_to(now_ns + 6 * kSecond);
  EXPECT_EQ(announcements, 3u);  // at once, after 2 s, after 5 s
}

// Whoever says to be a neighbour that is known.
struct MovesTest : NeighboursTest {
  MovesTest() {
    neighbours.on_notice([this](const NeighbourNotice& notice) { notices.push_back(notice); });
    neighbours.seen(0, hop.address, kPeer, now_ns);
  }
  void say(const MacAddr& mac, uint8_t what = claim::kOverride) {
    neighbours.seen(0, hop.address, mac, now_ns, what);
  }
  MacAddr used() {
    MacAddr written;
    AdjacencyTable::write_mac(dataplane->adjacencies().load(1), &written);
    return written;
  }
  std::vector<NeighbourNotice> notices;
};

TEST_F(MovesTest, NewMacIsFollowedWithinASecondWhenTheFormerOneIsSilent) {
  say(kOther);
  EXPECT_EQ(used(), kPeer);
  EXPECT_GE(run_to(now_ns + kSecond).size(), 3u);
  EXPECT_EQ(used(), kOther);
  for (unsigned i = 0; i < 3; ++i) EXPECT_EQ(last_destinations[i], kPeer);
  ASSERT_EQ(notices.size(), 1u);
  EXPECT_EQ(notices[0].kind, NeighbourNotice::Kind::kMoved);
  EXPECT_EQ(notices[0].holder, kPeer);
  EXPECT_EQ(notices[0].mac, kOther);
  // The new place has to answer as well.
  EXPECT_EQ(state(), NeighbourState::kProbing);
  EXPECT_EQ(last_destinations[3], kOther);
}

TEST_F(MovesTest, FormerMacThatAnswersKeepsTheAddressHoweverManyClaimIt) {
  unsigned asked = 0;
  for (unsigned i = 0; i < 1000; ++i) {
    say(MacAddr::from_u64(0x0200'0066'0000 + i),
        i % 2 ? claim::kOverride : claim::kOverride | claim::kSolicited);
    for (const MacAddr& destination : (run_to(now_ns), last_destinations))
      if (destination == kPeer) {
        ++asked;
        say(kPeer, claim::kOverride | claim::kSolicited);
      }
    ASSERT_EQ(used(), kPeer);
  }
  EXPECT_EQ(state(), NeighbourState::kReachable);
  // 50 seconds of them: asked about once in each, and told of as often.
  EXPECT_LE(asked, 60u);
  EXPECT_LE(notices.size(), 55u);
  EXPECT_GE(notices.size(), 10u);
  for (const NeighbourNotice& notice : notices)
    EXPECT_EQ(notice.kind, NeighbourNotice::Kind::kMoveRefused);
}

TEST_F(MovesTest, ForgedMoveOfASilentNeighbourHealsWhenItAnswersAgain) {
  say(kOther);
  run_to(now_ns + kSecond);
  ASSERT_EQ(used(), kOther);
  run_to(now_ns + 4 * kSecond);  // kOther does not answer: everyone is asked
  EXPECT_EQ(last_destinations.back(), kBroadcastMac);
  say(kPeer, claim::kOverride | claim::kSolicited);
  EXPECT_EQ(used(), kPeer);
  EXPECT_EQ(state(), NeighbourState::kReachable);
}

TEST_F(MovesTest, WithoutOverrideTheMacStaysAndIsAskedSoon) {
  say(kOther, claim::kSolicited);
  EXPECT_EQ(state(), NeighbourState::kStale);
  EXPECT_EQ(run_to(now_ns + 4 * kSecond).size(), 0u);
  EXPECT_EQ(run_to(now_ns + 3 * kSecond / 2).size(), 1u);
  EXPECT_EQ(last_destinations[0], kPeer);
  EXPECT_EQ(used(), kPeer);
  EXPECT_TRUE(notices.empty());
}

TEST_F(MovesTest, MessageWithoutAMacConfirmsOnlyWhatIsKnown) {
  run_to(now_ns + 21 * kSecond);
  ASSERT_EQ(state(), NeighbourState::kProbing);
  say({}, claim::kNoMac | claim::kOverride);
  EXPECT_EQ(state(), NeighbourState::kProbing);
  say({}, claim::kNoMac | claim::kSolicited);
  EXPECT_EQ(state(), NeighbourState::kReachable);
  EXPECT_EQ(used(), kPeer);
}

TEST_F(NeighboursTest, WhatIsToldUnaskedIsUsedAndAskedSoon) {
  neighbours.seen(0, hop.address, kPeer, now_ns, claim::kNoMac | claim::kSolicited);
  EXPECT_FALSE(usable());
  neighbours.seen(0, hop.address, kPeer, now_ns, claim::kOverride);
  EXPECT_TRUE(usable());
  EXPECT_EQ(state(), NeighbourState::kStale);
  EXPECT_EQ(run_to(now_ns + 11 * kSecond / 2).size(), 1u);
  EXPECT_EQ(last_destinations[0], kPeer);
}

TEST_F(MovesTest, OwnAddressIsDefendedOnceInTenSecondsAndToldOnceASecond) {
  announcements = 0;
  const IpAddr own = *parse_ip("192.0.2.1");
  for (unsigned i = 0; i < 400; ++i) {  // 20 s
    neighbours.conflict(0, own, kOther, now_ns);
    run_to(now_ns);
  }
  EXPECT_EQ(announcements, 2u);
  EXPECT_GE(notices.size(), 19u);
  EXPECT_LE(notices.size(), 21u);
  EXPECT_EQ(notices[0].kind, NeighbourNotice::Kind::kConflict);
  EXPECT_EQ(notices[0].mac, kOther);
  EXPECT_EQ(notices[1].untold, 19u);
  // Reports that are older than the configuration.
  neighbours.conflict(0, *parse_ip("192.0.2.99"), kOther, now_ns + 60 * kSecond);
  neighbours.conflict(77, own, kOther, now_ns + 60 * kSecond);
  EXPECT_LE(notices.size(), 21u);
}

TEST_F(NeighboursTest, StrangersAndStaticEntriesLearnNothing) {
  neighbours.seen(0, *parse_ip("192.0.2.77"), kPeer, now_ns);
  neighbours.seen(1, hop.address, kPeer, now_ns);
  EXPECT_FALSE(usable());
  config.neighbours = {{hop.address, kOther}};
  neighbours.configure(config, ids, {kOwn, kOwn}, now_ns);
  EXPECT_EQ(state(), NeighbourState::kStatic);
  neighbours.seen(0, hop.address, kPeer, now_ns);
  EXPECT_EQ(neighbours.all().at(hop).mac, kOther);
  EXPECT_TRUE(run_to(now_ns + 60 * kSecond).empty());
}

TEST_F(NeighboursTest, ReloadKeepsWhatIsKnownAndForgetsWhatIsGone) {
  neighbours.seen(0, hop.address, kPeer, now_ns);
  neighbours.configure(config, ids, {kOwn, kOwn}, now_ns);
  EXPECT_TRUE(usable());
  EXPECT_EQ(state(), NeighbourState::kReachable);
  neighbours.configure(config, {}, {kOwn, kOwn}, now_ns);
  EXPECT_FALSE(usable());
  EXPECT_TRUE(neighbours.all().empty());
}

// Hosts on the subnet of a routed port, which packets came by for.
struct HostsTest : NeighboursTest {
  HostsTest() {
    config.vrfs.resize(1);
    config.vrfs[0].ports = {"blue0"};
    config.ports[1].name = "blue0";
    config.ports[1].addresses = {{*parse_ip("10.1.0.254"), 24}, {*parse_ip("fd01::fe"), 64}};
    neighbours.configure(config, ids, {kOwn, kOwn}, now_ns);
  }
  AdjacencyId found(const char* ip = "10.1.0.1") {
    const IpAddr address = *parse_ip(ip);
    return dataplane->hosts().find(1, address_key(address), !address.is_v4());
  }
  bool usable(const char* ip = "10.1.0.1") {
    return found(ip) != 0 && dataplane->adjacencies().load(found(ip)) != 0;
  }
  void want(const char* ip = "10.1.0.1") { neighbours.host_wanted(1, *parse_ip(ip), now_ns); }
  void answer(const char* ip = "10.1.0.1") { neighbours.seen(1, *parse_ip(ip), kPeer, now_ns); }
};

TEST_F(HostsTest, AreAskedForWhenWantedAndUsableWhenTheyAnswer) {
  for (const char* ip : {"10.1.0.1", "fd01::1"}) {
    EXPECT_EQ(found(ip), 0u);
    want(ip);
    EXPECT_EQ(found(ip), 0u) << "who has not answered takes no place";
    answer(ip);
    EXPECT_TRUE(usable(ip));
  }
}

TEST_F(HostsTest, AreNobodyOutsideOfTheSubnetsOfRoutedPorts) {
  for (const char* ip : {"10.2.0.1", "10.1.0.254", "fd02::1"}) {
    want(ip);
    EXPECT_EQ(found(ip), 0u) << ip;
  }
  neighbours.host_wanted(0, *parse_ip("192.0.2.77"), now_ns);
  EXPECT_EQ(neighbours.all().size(), 1u);
}

TEST_F(HostsTest, ThatNeverAnswerAreForgotten) {
  want();
  EXPECT_EQ(neighbours.all().size(), 2u);
  run_to(now_ns + 5 * kSecond);
  EXPECT_EQ(neighbours.all().size(), 1u);
  answer();
  EXPECT_EQ(found(), 0u);
  want();
  EXPECT_EQ(neighbours.all().size(), 2u);
}

TEST_F(HostsTest, StayWhileTheyAnswerAndGoWhenTheyStop) {
  want();
  answer();
  for (int i = 0; i < 5; ++i) {
    run_to(now_ns + 20 * kSecond);
    EXPECT_TRUE(usable());
    answer();
  }
  run_to(now_ns + 40 * kSecond);
  EXPECT_EQ(found(), 0u);
}

TEST_F(HostsTest, KeepTheirStateOverAReloadAndGoWithTheirSubnet) {
  want();
  answer();
  neighbours.configure(config, ids, {kOwn, kOwn}, now_ns);
  EXPECT_TRUE(usable());
  config.ports[1].addresses = {{*parse_ip("10.9.0.254"), 24}};
  neighbours.configure(config, ids, {kOwn, kOwn}, now_ns);
  EXPECT_EQ(found(), 0u);
  EXPECT_EQ(neighbours.all().size(), 1u);
}

TEST_F(HostsTest, ThatBecomeNextHopsKeepTheirMac) {
  want();
  answer();
  ids.adjacencies[{1, *parse_ip("10.1.0.1")}] = 2;
  neighbours.configure(config, ids, {kOwn, kOwn}, now_ns);
  EXPECT_EQ(found(), 2u);
  EXPECT_TRUE(usable());
  ids.adjacencies.erase({1, *parse_ip("10.1.0.1")});
  neighbours.configure(config, ids, {kOwn, kOwn}, now_ns);
  EXPECT_EQ(found(), 0u);
}

// Beside the port of the same tenant, which has the same subnet as another's network.
struct NetworkHostsTest : HostsTest {
  NetworkHostsTest() {
    config.networks.resize(1);
    config.networks[0].name = "red";
    config.networks[0].vni = 7;
    ids.networks["red"] = 9;
    set_gateway("10.1.0.254");
  }
  void set_gateway(const char* address) {
    config.vrfs.resize(2);
    config.vrfs[1].networks = {{"red", {{*parse_ip(address), 24}}}};
    neighbours.configure(config, ids, {kOwn, kOwn}, now_ns);
  }
  AdjacencyId in_network() {
    return dataplane->hosts().find(network_link(9), address_key(kHost), false);
  }
  const IpAddr kHost = *parse_ip("10.1.0.1");
};

TEST_F(NetworkHostsTest, AreOthersThanThoseOnAPort) {
  neighbours.host_wanted(network_link(9), kHost, now_ns);
  want();
  neighbours.seen(network_link(9), kHost, kPeer, now_ns);
  EXPECT_NE(dataplane->adjacencies().load(in_network()), 0u);
  EXPECT_EQ(found(), 0u);
  answer();
  EXPECT_TRUE(usable());
  EXPECT_NE(in_network(), found());
}

TEST_F(NetworkHostsTest, StayWithTheGatewayAndGoWithIt) {
  neighbours.host_wanted(network_link(9), kHost, now_ns);
  neighbours.seen(network_link(9), kHost, kPeer, now_ns);
  want();
  answer();
  set_gateway("10.1.0.253");
  EXPECT_NE(in_network(), 0u) << "its subnet stayed";
  config.vrfs.resize(1);
  neighbours.configure(config, ids, {kOwn, kOwn}, now_ns);
  EXPECT_EQ(in_network(), 0u);
  EXPECT_TRUE(usable()) << "the port's host is another";
  neighbours.host_wanted(network_link(9), kHost, now_ns);
  EXPECT_EQ(in_network(), 0u) << "a report that is older than the configuration";
}

TEST_F(HostsTest, OfAVlanAreOthersThanThoseOfItsPortAndGoWithIt) {
  const IpAddr host = *parse_ip("10.1.0.1");
  config.vrfs.resize(2);
  config.vrfs[1].vlans = {{config.ports[1].name, 20, {{*parse_ip("10.1.0.254"), 24}}}};
  ids.subinterfaces[{config.ports[1].name, 20}] = 7;
  neighbours.configure(config, ids, {kOwn, kOwn}, now_ns);
  const auto in_vlan = [&] {
    return dataplane->hosts().find(subinterface_link(7), address_key(host), false);
  };
  neighbours.host_wanted(subinterface_link(7), host, now_ns);
  want();
  answer();
  EXPECT_TRUE(usable());
  EXPECT_EQ(in_vlan(), 0u);
  neighbours.seen(subinterface_link(7), host, kPeer, now_ns);
  EXPECT_NE(dataplane->adjacencies().load(in_vlan()), 0u);
  config.vrfs.resize(1);
  ids.subinterfaces.clear();
  neighbours.configure(config, ids, {kOwn, kOwn}, now_ns);
  EXPECT_EQ(in_vlan(), 0u);
  EXPECT_TRUE(usable()) << "the port's host is another";
}

// Packets may still be held for the one that had it before.
TEST_F(HostsTest, DoNotGetAnAdjacencyThatWasJustGivenBack) {
  want();
  answer();
  const AdjacencyId first = found();
  ASSERT_NE(first, 0u);
  while (found() != 0) run_to(now_ns + kSecond);
  want("10.1.0.2");
  answer("10.1.0.2");
  EXPECT_NE(found("10.1.0.2"), first);
}

// On a subnet in which there is room for a scan.
struct LargeSubnetTest : HostsTest {
  LargeSubnetTest() {
    config.ports[1].addresses = {{*parse_ip("10.1.0.254"), 16}};
    neighbours.configure(config, ids, {kOwn, kOwn}, now_ns);
  }
  static IpAddr host(uint32_t i) { return IpAddr::v4(be32(0x0a010000 + 256 + i)); }
};

TEST_F(LargeSubnetTest, ScanEvictsNobodyThatSpeaksAndIsBounded) {
  want("10.1.0.1");
  answer("10.1.0.1");
  for (uint32_t i = 1; i < 9000; ++i) neighbours.host_wanted(1, host(i), now_ns);
  EXPECT_EQ(neighbours.all().size(), 2u + 1024u);
  EXPECT_TRUE(usable("10.1.0.1"));
  // Whoever is new on the scanned subnet itself is asked for, and found.
  want("10.1.0.2");
  answer("10.1.0.2");
  EXPECT_TRUE(usable("10.1.0.2"));
  EXPECT_EQ(neighbours.all().size(), 3u + 1023u);
  run_to(now_ns + 5 * kSecond);
  EXPECT_EQ(neighbours.all().size(), 3u);
}

TEST_F(LargeSubnetTest, HostsThatAnswerAreBoundedOnEachPort) {
  for (uint32_t i = 1; i < 9000; ++i) {
    neighbours.host_wanted(1, host(i), now_ns);
    neighbours.seen(1, host(i), kPeer, now_ns);
  }
  size_t known = 0;
  for (uint32_t i = 1; i < 9000; ++i)
    known += dataplane->hosts().find(1, address_key(host(i)), false) != 0;
  EXPECT_EQ(known, 8192u);
}

TEST(Shares, EachKeepsItsPartOfOneHalfAndTheOtherIsForWhoeverComes) {
  Shares shares;
  shares.configure(100, 5);
  unsigned red = 0, blue = 0;
  while (shares.may_take(red)) shares.take(red++);
  EXPECT_EQ(red, 60u);
  while (shares.may_take(blue)) shares.take(blue++);
  EXPECT_EQ(blue, 10u);
  shares.give_back(red--);
  EXPECT_TRUE(shares.may_take(blue));
  shares.take(blue++);
  EXPECT_FALSE(shares.may_take(red));
  EXPECT_TRUE(shares.may_take(0));
  shares.configure(100, 1);
  for (red = 0; shares.may_take(red);) shares.take(red++);
  EXPECT_EQ(red, 100u);
}

}  // namespace
}  // namespace adit

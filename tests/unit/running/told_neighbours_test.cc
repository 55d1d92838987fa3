// SPDX-License-Identifier: Apache-2.0
// Neighbours that the kernel knows: those that last, and hints.
#include "adit/events.h"
#include "neighbours_test.h"

namespace adit::told_neighbours_test {
namespace {

constexpr MacAddr kTold = MacAddr::from_u64(0x02'00'00'00'00'77);

struct ToldTest : NeighboursTest {
  ToldTest() {
    config.vrfs.resize(1);
    config.vrfs[0].name = "blue";
    config.vrfs[0].ports = {"blue0"};
    config.ports[1].name = "blue0";
    config.ports[1].addresses = {{*parse_ip("10.1.0.254"), 24}, {*parse_ip("fd01::fe"), 64}};
    reload();
    run_to(now_ns);
  }
  void reload() { neighbours.configure(config, ids, {kOwn, kOwn}, now_ns); }
  void tell(const std::string& vrf, const char* ip, const MacAddr& mac, bool is_lasting) {
    neighbours.tell(vrf, *parse_ip(ip), {mac, is_lasting}, now_ns);
  }
  void want(const char* ip) { neighbours.host_wanted(1, *parse_ip(ip), now_ns); }
  const Neighbour* host(const char* ip) {
    const auto found = neighbours.all().find({1, *parse_ip(ip)});
    return found == neighbours.all().end() ? nullptr : &found->second;
  }
  // What workers send a host's packets to; zero: they know none.
  MacAddr used(const char* ip) {
    const IpAddr address = *parse_ip(ip);
    const AdjacencyId id = dataplane->hosts().find(1, address_key(address), !address.is_v4());
    return id == 0 ? MacAddr{} : mac_of(id);
  }
  MacAddr used_hop() { return mac_of(1); }
  MacAddr mac_of(AdjacencyId id) {
    MacAddr written = {};
    if (const auto entry = dataplane->adjacencies().load(id); entry != 0)
      AdjacencyTable::write_mac(entry, &written);
    return written;
  }
};

TEST_F(ToldTest, OneThatLastsIsUsedAndNeverAskedUntilItIsTakenBack) {
  tell("", "192.0.2.2", kTold, true);
  EXPECT_EQ(state(), NeighbourState::kStatic);
  EXPECT_TRUE(neighbours.all().at(hop).is_told);
  EXPECT_EQ(used_hop(), kTold);
  EXPECT_TRUE(run_to(now_ns + 60 * kSecond).empty());
  neighbours.seen(0, hop.address, kOther, now_ns);
  EXPECT_EQ(used_hop(), kTold) << "whoever says something else";
  neighbours.untell("", hop.address, now_ns);
  EXPECT_EQ(state(), NeighbourState::kProbing);
  EXPECT_EQ(used_hop(), kTold) << "while it is asked";
  EXPECT_EQ(run_to(now_ns + kSecond / 2).size(), 1u);
  EXPECT_EQ(last_destinations[0], kTold);
  neighbours.seen(0, hop.address, kTold, now_ns);
  EXPECT_EQ(state(), NeighbourState::kReachable);
}

TEST_F(ToldTest, OneThatLastsMovesAtOnce) {
  tell("", "192.0.2.2", kTold, true);
  tell("", "192.0.2.2", kOther, true);
  EXPECT_EQ(used_hop(), kOther);
}

TEST_F(ToldTest, AHintIsUsedAndAskedSoon) {
  tell("", "192.0.2.2", kTold, false);
  EXPECT_EQ(used_hop(), kTold);
  EXPECT_EQ(state(), NeighbourState::kStale);
  EXPECT_FALSE(neighbours.all().at(hop).is_told);
  EXPECT_EQ(run_to(now_ns + kSecond / 10).size(), 1u);
  EXPECT_EQ(last_destinations[0], kTold);
}

TEST_F(ToldTest, AHintDoesNotMoveANeighbourThatAnswers) {
  neighbours.seen(0, hop.address, kPeer, now_ns);
  tell("", "192.0.2.2", kTold, false);
  EXPECT_EQ(used_hop(), kPeer);
  neighbours.seen(0, hop.address, kPeer, now_ns, claim::kSolicited | claim::kOverride);
  run_to(now_ns + 2 * kSecond);
  EXPECT_EQ(used_hop(), kPeer);
}

TEST_F(ToldTest, HostsTakeNoPlaceUntilTheyAreWanted) {
  tell("", "192.0.2.2", kTold, true);  // or it is asked
  for (const char* ip : {"10.1.0.7", "fd01::7"}) {
    tell("blue", ip, kTold, true);
    EXPECT_EQ(host(ip), nullptr);
    want(ip);
    EXPECT_EQ(used(ip), kTold);
    EXPECT_EQ(host(ip)->state, NeighbourState::kStatic);
  }
  EXPECT_TRUE(run_to(now_ns + 60 * kSecond).empty()) << "nobody is asked";
  neighbours.untell("blue", *parse_ip("10.1.0.7"), now_ns);
  EXPECT_EQ(used("10.1.0.7"), kTold);
  run_to(now_ns + 15 * kSecond);
  EXPECT_EQ(host("10.1.0.7"), nullptr) << "it does not answer";
  EXPECT_EQ(used("fd01::7"), kTold);
}

TEST_F(ToldTest, AWantedHostOfAHintIsUsedAndAskedAtOnce) {
  tell("", "192.0.2.2", kTold, true);  // or it is asked, too
  tell("blue", "10.1.0.7", kTold, false);
  want("10.1.0.7");
  EXPECT_EQ(used("10.1.0.7"), kTold);
  EXPECT_EQ(run_to(now_ns + kSecond / 10).size(), 1u);
  EXPECT_EQ(last_destinations[0], kTold);
}

TEST_F(ToldTest, AHostThatIsBeingAskedForIsUsedWhenItIsTold) {
  want("10.1.0.7");
  EXPECT_TRUE(used("10.1.0.7").is_zero());
  tell("blue", "10.1.0.7", kTold, true);
  EXPECT_EQ(used("10.1.0.7"), kTold);
}

TEST_F(ToldTest, AnotherVrfsNeighboursAreNotTaken) {
  tell("", "10.1.0.7", kTold, true);
  tell("red", "10.1.0.7", kTold, true);
  tell("blue", "192.0.2.2", kTold, true);
  want("10.1.0.7");
  EXPECT_TRUE(used("10.1.0.7").is_zero());
  EXPECT_TRUE(used_hop().is_zero());
  EXPECT_EQ(neighbours.link_to("blue", *parse_ip("10.1.0.7")), std::optional<LinkId>(1));
  EXPECT_EQ(neighbours.link_to("", *parse_ip("10.1.0.7")), std::nullopt);
  EXPECT_EQ(neighbours.link_to("", hop.address), std::optional<LinkId>(0));
  EXPECT_EQ(neighbours.link_to("blue", *parse_ip("10.2.0.7")), std::nullopt);
}

TEST_F(ToldTest, TheFilesComeFirst) {
  config.neighbours = {{hop.address, kPeer}};
  reload();
  tell("", "192.0.2.2", kTold, true);
  EXPECT_EQ(used_hop(), kPeer);
  EXPECT_FALSE(neighbours.all().at(hop).is_told);
  config.neighbours.clear();
  reload();
  EXPECT_EQ(used_hop(), kTold) << "the file's is gone";
  config.neighbours = {{hop.address, kPeer}};
  reload();
  EXPECT_EQ(used_hop(), kPeer) << "and is back";
  neighbours.untell("", hop.address, now_ns);
  EXPECT_EQ(state(), NeighbourState::kStatic);
  EXPECT_EQ(used_hop(), kPeer);
}

TEST_F(ToldTest, StayOverAReload) {
  tell("", "192.0.2.2", kTold, true);
  tell("blue", "10.1.0.7", kTold, true);
  want("10.1.0.7");
  reload();
  EXPECT_EQ(used_hop(), kTold);
  EXPECT_EQ(used("10.1.0.7"), kTold);
  EXPECT_EQ(state(), NeighbourState::kStatic);
  EXPECT_TRUE(run_to(now_ns + 60 * kSecond).empty());
}

TEST_F(ToldTest, ALinkThatGoesToAnotherVrfTakesThatOnes) {
  tell("blue", "10.1.0.7", kTold, true);
  tell("green", "10.1.0.7", kOther, true);
  want("10.1.0.7");
  ASSERT_EQ(used("10.1.0.7"), kTold);
  config.vrfs[0].name = "green";
  reload();
  EXPECT_EQ(used("10.1.0.7"), kOther);
}

TEST_F(ToldTest, ANextHopThatComesLaterIsKnownAtOnce) {
  tell("", "192.0.2.3", kTold, true);
  neighbours.add_next_hop({0, *parse_ip("192.0.2.3")}, 5, now_ns);
  EXPECT_EQ(mac_of(5), kTold);
}

TEST_F(ToldTest, AHintByWhichNobodyAnsweredIsNotTakenAgainUntilItChanges) {
  tell("blue", "10.1.0.7", kTold, false);
  want("10.1.0.7");
  ASSERT_EQ(used("10.1.0.7"), kTold);
  run_to(now_ns + 20 * kSecond);
  EXPECT_EQ(host("10.1.0.7"), nullptr);
  want("10.1.0.7");
  EXPECT_TRUE(used("10.1.0.7").is_zero());
  tell("blue", "10.1.0.7", kOther, false);
  EXPECT_EQ(used("10.1.0.7"), kOther);
}

TEST_F(ToldTest, AHintIsTakenAgainWhenTheLinkComesUp) {
  tell("", "192.0.2.2", kTold, false);
  neighbours.port_down(0, now_ns);
  EXPECT_TRUE(used_hop().is_zero());
  neighbours.port_up(0, false, now_ns);
  EXPECT_EQ(used_hop(), kTold);
}

// Of a link, 8,192 hosts have a place.
TEST_F(ToldTest, AHostThatAnswersGetsThePlaceOfOneThatIsTold) {
  config.ports[1].addresses = {{*parse_ip("10.1.255.254"), 16}};
  reload();
  const auto ip_of = [](unsigned i) {
    return "10.1." + std::to_string(i / 250) + '.' + std::to_string(i % 250 + 1);
  };
  for (unsigned i = 0; i < 8300; ++i) {
    tell("blue", ip_of(i).c_str(), kTold, true);
    want(ip_of(i).c_str());
  }
  EXPECT_EQ(used(ip_of(8191).c_str()), kTold);
  EXPECT_TRUE(used(ip_of(8192).c_str()).is_zero()) << "no told one gives way to another";
  want("10.1.200.1");
  neighbours.seen(1, *parse_ip("10.1.200.1"), kPeer, now_ns);
  EXPECT_EQ(used("10.1.200.1"), kPeer);
}

// Adjacencies that hosts have are given back, whatever told them.
TEST_F(ToldTest, HostsComeAndGoWithoutLosingPlaces) {
  for (unsigned round = 0; round < 200; ++round) {
    for (unsigned i = 1; i < 200; ++i) {
      const std::string ip = "10.1.0." + std::to_string(i);
      tell("blue", ip.c_str(), kTold, true);
      want(ip.c_str());
    }
    ASSERT_EQ(used("10.1.0.199"), kTold) << round;
    for (unsigned i = 1; i < 200; ++i)
      neighbours.untell("blue", *parse_ip("10.1.0." + std::to_string(i)), now_ns);
    run_to(now_ns + 15 * kSecond);
    ASSERT_EQ(neighbours.all().size(), 1u) << round;
  }
}

}  // namespace
}  // namespace adit::told_neighbours_test

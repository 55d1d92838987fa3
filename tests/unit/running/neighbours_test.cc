// SPDX-License-Identifier: Apache-2.0
// Next hops: asked for, refreshed, given up, and followed when they move.
#include "neighbours_test.h"

namespace adit {
namespace {

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

TEST_F(MovesTest, OfTwoThatClaimTheAddressOfASilentNeighbourTheLastIsFollowed) {
  const MacAddr forged = MacAddr::from_u64(0x0200'0066'0001);
  say(forged);
  run_to(now_ns + kSecond / 2);
  EXPECT_EQ(used(), kPeer);
  say(kOther);
  run_to(now_ns + kSecond);
  EXPECT_EQ(used(), kOther);
  ASSERT_EQ(notices.size(), 1u);
  EXPECT_EQ(notices[0].mac, kOther);
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
  EXPECT_EQ(notices[1].suppressed, 19u);
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

}  // namespace
}  // namespace adit

// SPDX-License-Identifier: Apache-2.0
// Which MAC addresses are put into a bridge of the kernel, and taken away.
#include "netlink/fdb_announcer.h"

#include <gtest/gtest.h>

#include <map>
#include <set>
#include <string>

namespace adit::fdb_announcer_test {
namespace {

constexpr uint64_t kSecond = 1'000'000'000;
constexpr MacAddr kMac = MacAddr::from_u64(0x02'00'00'00'20'01);

struct FakeBridge : BridgeFdb {
  std::string add(uint32_t interface, MacAddr mac) override {
    ++adds;
    if (!wrong.empty() || mac == refused) return wrong.empty() ? "refused" : wrong;
    entries[mac.to_u64()] = interface;
    return "";
  }
  std::string remove(uint32_t interface, MacAddr mac) override {
    ++removes;
    if (!wrong.empty()) return wrong;
    if (const auto found = entries.find(mac.to_u64());
        found != entries.end() && found->second == interface)
      entries.erase(found);
    return "";
  }
  std::map<uint64_t, uint32_t> entries;  // MAC: interface
  std::string wrong;
  MacAddr refused = {};
  unsigned adds = 0, removes = 0;
};

struct FdbAnnouncerTest : testing::Test {
  FdbAnnouncerTest() {
    announcer.configure("adit100", leaving);
    set_link(7, 3);
  }
  void set_link(uint32_t number, uint32_t master) {
    LinkMessage link;
    link.number = number;
    link.master = master;
    announcer.set_link(&link);
  }
  void at_member(MacAddr mac) {
    members.insert(mac.to_u64());
    announcer.at_member(mac, now_ns);
  }
  void tick() {
    now_ns += kSecond / 1000;
    announcer.tick(
        bridge, [this](MacAddr mac) { return members.contains(mac.to_u64()); }, 16, now_ns);
  }
  // A second: what is at members is named once.
  void sweep(unsigned times = 1) {
    for (; times > 0; --times) {
      for (const uint64_t mac : members) announcer.at_member(MacAddr::from_u64(mac), now_ns);
      announcer.swept();
      now_ns += kSecond;
      for (unsigned i = 0; i < 20; ++i) tick();
    }
  }
  bool has(MacAddr mac = kMac, uint32_t interface = 7) {
    const auto found = bridge.entries.find(mac.to_u64());
    return found != bridge.entries.end() && found->second == interface;
  }

  FdbAnnouncer announcer;
  FdbAnnouncer::Leaving leaving;
  FakeBridge bridge;
  std::set<uint64_t> members;
  uint64_t now_ns = 100 * kSecond;
};

TEST_F(FdbAnnouncerTest, AMacIsPutThereAtOnceAndTakenAwayWhenItIsGone) {
  at_member(kMac);
  tick();
  EXPECT_TRUE(has());
  EXPECT_EQ(announcer.announced(), 1u);
  sweep(5);
  EXPECT_EQ(bridge.adds, 1u) << "nothing is written again";
  members.clear();
  sweep();
  EXPECT_TRUE(has()) << "it may have changed its place in the table meanwhile";
  sweep(2);
  EXPECT_FALSE(has());
  EXPECT_EQ(announcer.announced(), 0u);
}

TEST_F(FdbAnnouncerTest, ItIsWrittenAgainNowAndThen) {
  at_member(kMac);
  sweep();
  bridge.entries.clear();  // unheard
  sweep(70);
  EXPECT_TRUE(has());
  EXPECT_LE(bridge.adds, 3u);
}

TEST_F(FdbAnnouncerTest, TheKernelsLastWordCounts) {
  at_member(kMac);
  tick();
  announcer.heard(kMac, true, now_ns);   // as it was before we wrote
  announcer.heard(kMac, false, now_ns);  // and is now
  EXPECT_EQ(announcer.announced(), 1u);
  members.clear();
  sweep(4);
  EXPECT_FALSE(has()) << "it is taken away";
}

TEST_F(FdbAnnouncerTest, WhatTheKernelHasNoLongerIsWrittenAgainIfItIsStillAtAMember) {
  at_member(kMac);
  tick();
  bridge.entries[kMac.to_u64()] = 9;  // the routing daemon put it elsewhere
  announcer.heard(kMac, true, now_ns);
  EXPECT_EQ(announcer.announced(), 0u);
  tick();
  EXPECT_TRUE(has(kMac, 9)) << "until it is seen at a member";
  sweep();
  EXPECT_TRUE(has());
}

TEST_F(FdbAnnouncerTest, WhatLeftMeanwhileIsNotWritten) {
  announcer.at_member(kMac, now_ns);  // and is at a remote by now
  tick();
  EXPECT_EQ(bridge.adds, 0u);
  sweep(5);
  EXPECT_EQ(bridge.adds, 0u);
}

TEST_F(FdbAnnouncerTest, AnotherInterfaceOrBridgeGetsAll) {
  at_member(kMac);
  tick();
  bridge.entries.clear();
  set_link(8, 3);
  tick();
  EXPECT_TRUE(has(kMac, 8));
  bridge.entries.clear();
  set_link(8, 4);
  tick();
  EXPECT_TRUE(has(kMac, 8));
  announcer.set_link(nullptr);
  EXPECT_EQ(announcer.announced(), 0u);
  EXPECT_EQ(announcer.complaint(), "there is no interface 'adit100' in that network namespace");
  set_link(8, 0);
  EXPECT_EQ(announcer.complaint(), "'adit100' is in no bridge");
  const unsigned before = bridge.adds;
  sweep(3);
  EXPECT_EQ(bridge.adds, before);
  set_link(8, 4);
  tick();
  EXPECT_EQ(announcer.announced(), 1u);
  EXPECT_EQ(announcer.complaint(), "");
}

TEST_F(FdbAnnouncerTest, WhatCannotBeWrittenIsTriedAgain) {
  bridge.wrong = "Operation not permitted";
  at_member(kMac);
  tick();
  EXPECT_EQ(announcer.complaint(), "'adit100': Operation not permitted");
  for (unsigned i = 0; i < 100; ++i) tick();
  EXPECT_EQ(bridge.adds, 1u) << "not at once";
  bridge.wrong.clear();
  sweep(6);
  EXPECT_TRUE(has());
  EXPECT_EQ(announcer.complaint(), "");
}

TEST_F(FdbAnnouncerTest, OneThatIsRefusedDoesNotKeepOthersOut) {
  bridge.refused = kMac;
  const MacAddr other = MacAddr::from_u64(kMac.to_u64() + 1);
  at_member(kMac);
  at_member(other);
  sweep(6);
  EXPECT_TRUE(has(other));
  EXPECT_FALSE(has());
  EXPECT_EQ(announcer.announced(), 1u);
}

TEST_F(FdbAnnouncerTest, WhatAFormerRunLeftGoesUnlessItIsThere) {
  const MacAddr other = MacAddr::from_u64(0x02'00'00'00'20'02);
  for (const MacAddr mac : {kMac, other}) {
    bridge.entries[mac.to_u64()] = 7;
    announcer.heard(mac, false, now_ns);
  }
  EXPECT_EQ(announcer.announced(), 2u);
  sweep(10);
  EXPECT_TRUE(has(other)) << "hosts have some time to be learned";
  members.insert(kMac.to_u64());
  sweep(20);
  EXPECT_TRUE(has());
  EXPECT_FALSE(has(other));
}

TEST_F(FdbAnnouncerTest, LeftoversHeardBeforeTheInterfaceIsKnownGoToo) {
  FdbAnnouncer fresh;
  fresh.configure("adit100", leaving);
  bridge.entries[kMac.to_u64()] = 7;
  fresh.heard(kMac, false, now_ns);
  LinkMessage link;
  link.number = 7;
  link.master = 3;
  fresh.set_link(&link);
  EXPECT_EQ(fresh.announced(), 1u);
  fresh.configure("", leaving);
  EXPECT_EQ(leaving, (FdbAnnouncer::Leaving{{7, kMac}}));
}

TEST_F(FdbAnnouncerTest, ManyAreWrittenInTurns) {
  for (uint64_t i = 0; i < 1000; ++i) at_member(MacAddr::from_u64(kMac.to_u64() + i));
  tick();
  EXPECT_GT(bridge.adds, 0u);
  EXPECT_LT(bridge.adds, 100u);
  for (unsigned i = 0; i < 200; ++i) tick();
  EXPECT_EQ(bridge.entries.size(), 1000u);
  EXPECT_EQ(announcer.announced(), 1000u);
  announcer.configure("other", leaving);
  EXPECT_EQ(leaving.size(), 1000u);
  EXPECT_EQ(announcer.announced(), 0u);
}

TEST_F(FdbAnnouncerTest, NewOnesDoNotWaitForWhatIsWrittenAgain) {
  for (uint64_t i = 0; i < 1000; ++i) at_member(MacAddr::from_u64(kMac.to_u64() + i));
  for (unsigned i = 0; i < 200; ++i) tick();
  now_ns += 61 * kSecond;
  for (uint64_t i = 0; i < 1000; ++i) at_member(MacAddr::from_u64(kMac.to_u64() + i));
  tick();
  const MacAddr fresh = MacAddr::from_u64(kMac.to_u64() + 5000);
  at_member(fresh);
  tick();
  EXPECT_TRUE(has(fresh));
}

// MACs that come and go by the thousand while nothing can be written.
TEST_F(FdbAnnouncerTest, WhatIsGoneIsForgottenWhereThereIsNoBridge) {
  for (const uint32_t master : {0u, 3u}) {
    set_link(7, master);
    bridge.wrong = "no";
    for (uint64_t wave = 0; wave < 20; ++wave) {
      for (uint64_t i = 0; i < 1000; ++i)
        announcer.at_member(MacAddr::from_u64(kMac.to_u64() + wave * 1000 + i), now_ns);
      sweep(3);
    }
    EXPECT_LT(announcer.known(), 3000u) << master;
    sweep(5);
    EXPECT_EQ(announcer.known(), 0u) << master;
  }
}

}  // namespace
}  // namespace adit::fdb_announcer_test

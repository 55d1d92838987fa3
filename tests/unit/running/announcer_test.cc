// SPDX-License-Identifier: Apache-2.0
// When addresses are announced: once where they are new, again and again where a link came up.
#include "running/announcer.h"

#include <gtest/gtest.h>

#include <set>

#include "adit/wire.h"
#include "test_dataplane.h"

namespace adit::announcer_test {
namespace {

constexpr uint64_t kSecond = 1'000'000'000;
const MacAddr kOwn = *parse_mac("02:00:00:00:00:01");
const MacAddr kOther = *parse_mac("02:00:00:00:00:02");

struct AnnouncerTest : testing::Test {
  AnnouncerTest() {
    auto snapshot = std::make_unique<Snapshot>();
    snapshot->ports.resize(2);
    dataplane->publish(std::move(snapshot));
  }
  static Announcer::Link link(std::initializer_list<const char*> addresses,
                              const MacAddr& mac = kOwn) {
    Announcer::Link own{mac, {}};
    for (const char* address : addresses) own.addresses.push_back(*parse_ip(address));
    return own;
  }
  // Runs for that long in steps of 50 ms; how many announcements were sent.
  size_t run(unsigned seconds) {
    dataplane.sent.clear();
    for (const uint64_t end_ns = now_ns + seconds * kSecond; now_ns < end_ns;
         now_ns += kSecond / 20) {
      announcer.tick(now_ns);
      dataplane->step(now_ns);
    }
    return dataplane.sent.size();
  }

  TestDataplane dataplane;
  Announcer announcer{*dataplane};
  uint64_t now_ns = 100 * kSecond;
};

TEST_F(AnnouncerTest, WithoutLinksToWatchEachNewAddressIsAnnouncedOnce) {
  announcer.configure({{0, link({"10.0.0.1", "10.0.0.2"})}}, now_ns);
  EXPECT_EQ(run(100), 2u);
  announcer.configure({{0, link({"10.0.0.1", "10.0.0.2", "10.0.0.3"})}}, now_ns);
  EXPECT_EQ(run(100), 1u);
  announcer.configure({{0, link({"10.0.0.1", "10.0.0.2", "10.0.0.3"}, kOther)}}, now_ns);
  EXPECT_EQ(run(100), 3u);
}

TEST_F(AnnouncerTest, ALinkThatComesUpIsToldAtOnceAndAtGrowingIntervals) {
  announcer.configure({{0, link({"10.0.0.1"})}}, now_ns);
  run(1);
  announcer.link_up(0, false, now_ns);
  EXPECT_EQ(run(1), 1u);
  EXPECT_EQ(run(2), 1u);   // after 2 s
  EXPECT_EQ(run(20), 3u);  // 5, 10, 20 s
  EXPECT_EQ(run(10), 0u);
  EXPECT_EQ(run(20), 1u);  // 40 s: past a switch's spanning tree
  EXPECT_EQ(run(100), 0u);
}

TEST_F(AnnouncerTest, ALinkThatWasUpAtTheStartIsNotToldTwiceAtOnce) {
  announcer.configure({{0, link({"10.0.0.1"})}}, now_ns);
  announcer.link_up(0, true, now_ns);
  EXPECT_EQ(run(1), 1u);
  EXPECT_EQ(run(2), 1u);
}

TEST_F(AnnouncerTest, NothingIsSaidOnALinkThatIsDown) {
  announcer.configure({{0, link({"10.0.0.1"})}, {1, link({"10.1.0.1"})}}, now_ns);
  announcer.link_up(0, false, now_ns);
  announcer.link_up(1, false, now_ns);
  run(1);
  announcer.link_down(0);
  EXPECT_EQ(run(60), 5u);  // the other's
}

TEST_F(AnnouncerTest, WhatIsNotOursAnyMoreIsNotAnnouncedAnyMore) {
  announcer.configure({{0, link({"10.0.0.1", "10.0.0.2"})}}, now_ns);
  announcer.link_up(0, false, now_ns);
  run(1);
  announcer.configure({{0, link({"10.0.0.2"})}}, now_ns);
  EXPECT_EQ(run(60), 5u);
  announcer.link_up(0, false, now_ns);
  run(1);
  announcer.configure({}, now_ns);
  EXPECT_EQ(run(60), 0u);
}

TEST_F(AnnouncerTest, ThousandsOfAddressesAreSpreadOverTimeAndNoneIsForgotten) {
  Announcer::Link own{kOwn, {}};
  for (uint32_t i = 0; i < 20000; ++i) own.addresses.push_back(IpAddr::v4(be32(0x0a00'0000 + i)));
  announcer.configure({{0, own}}, now_ns);
  dataplane->step(now_ns);
  EXPECT_LE(dataplane.sent.size(), 256u);
  std::set<std::vector<uint8_t>> seen(dataplane.sent.begin(), dataplane.sent.end());
  for (int i = 0; i < 20; ++i) {
    run(1);
    seen.insert(dataplane.sent.begin(), dataplane.sent.end());
  }
  EXPECT_EQ(seen.size(), 20000u);
}

}  // namespace
}  // namespace adit::announcer_test

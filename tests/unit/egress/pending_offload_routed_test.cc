// SPDX-License-Identifier: Apache-2.0
// The same as pending_offload_test.cc for packets that a VRF routes, between ports, VLANs and a
// tunnel.
#include "pending_offload_test.h"

namespace adit {
namespace {

// What has become of the frame in a VRF, before the tag.
void route(Frame& frame, const MacAddr& from, const MacAddr& to) {
  std::memcpy(frame.bytes.data(), to.bytes.data(), sizeof to);
  std::memcpy(frame.bytes.data() + 6, from.bytes.data(), sizeof from);
  --frame.bytes[frame.ip + 8];
  frame.finish_ip();
}

TEST_F(PendingOffloadTest, RoutedGsoFrameStaysWholeForAPortThatCutsIt) {
  Frame frame = routed(2, {.payload = 30000}, true);
  arrive(kR1, frame, 1000);
  route(frame, mac(kR2), kPeer);
  expect_whole(frame, sent(kR2), 1000);
}

TEST_F(PendingOffloadTest, RoutedGsoFrameStaysWholeForAVlanOfSuchAPort) {
  Frame frame = routed(5, {.payload = 30000}, true);
  arrive(kR1, frame, 1000);
  route(frame, mac(kB), kPeer);
  tag(frame, 8);
  expect_whole(frame, sent(kB), 1000);
}

TEST_F(PendingOffloadTest, RoutedGsoFrameStaysWholeFromAVlan) {
  Frame frame = routed(2, {.payload = 30000}, true);
  const MacAddr gateway = mac(kB);
  std::memcpy(frame.bytes.data(), gateway.bytes.data(), sizeof gateway);
  Frame tagged = frame;
  tag(tagged, 8);
  arrive(kB, tagged, 1000);
  route(frame, mac(kR2), kPeer);
  expect_whole(frame, sent(kR2), 1000);
}

TEST_F(PendingOffloadTest, RoutedGsoFrameIsCutForAVlanOfAPortThatDoesNot) {
  Frame frame = routed(6, {.payload = 30000}, true);
  arrive(kR1, frame, 1000);
  tag(frame, 8);
  expect_segments(frame, sent(kPlain), 1000);
}

TEST_F(PendingOffloadTest, RoutedGsoFrameIsCutForAPortThatDoesNot) {
  const Frame frame = routed(4, {.payload = 30000}, true);
  arrive(kR1, frame, 1000);
  expect_segments(frame, sent(kR4), 1000);
}

TEST_F(PendingOffloadTest, RoutedGsoFrameIsCutForATunnel) {
  Frame frame = routed(9, {.payload = 30000}, true);
  arrive(kR1, frame, 1000);
  // Behind Ethernet, IPv4 and GRE the packet has no Ethernet header of its own.
  expect_segments(frame, sent(kUp), 1000, 14 + 20 + 4 - 14);
}

TEST_F(PendingOffloadTest, RoutedSegmentsHaveToFitTheMtuNotTheGsoFrame) {
  const Frame frame = routed(3, {.payload = 30000}, true);
  arrive(kR1, frame, 960);
  EXPECT_EQ(sent(kR3).size(), 1u);
  arrive(kR1, frame, 961);
  EXPECT_TRUE(sent(kR3).empty());
  EXPECT_EQ(drops(DropReason::k_mtu_exceeded), 1u);
  const std::vector<Sent> answers = sent(kR1);
  ASSERT_EQ(answers.size(), 1u);
  EXPECT_EQ(get16(answers[0].bytes, 14 + 20), 0x0304u);  // fragmentation needed
  EXPECT_EQ(get16(answers[0].bytes, 14 + 20 + 6), 1000u);
}

TEST_F(PendingOffloadTest, RoutedSegmentsBeyondTheMtuAreFragmented) {
  arrive(kR1, routed(3, {.payload = 30000}, false), 1200);
  const std::vector<Sent> all = sent(kR3);
  EXPECT_EQ(all.size(), 50u);
  for (const Sent& one : all) EXPECT_LE(one.bytes.size(), 1014u);
}

TEST_F(PendingOffloadTest, RoutedDatagramIsFragmentedWithItsChecksum) {
  const Frame frame = routed(3, {.protocol = 17, .payload = 1400}, false);
  arrive(kR1, frame, 0);
  const std::vector<Sent> all = sent(kR3);
  ASSERT_EQ(all.size(), 2u);
  EXPECT_EQ(get16(all[0].bytes, frame.checksum_at()), get16(frame.bytes, frame.checksum_at()));
}

}  // namespace
}  // namespace adit

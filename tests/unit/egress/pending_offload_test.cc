// SPDX-License-Identifier: Apache-2.0
// The way through the gateway of frames whose checksum or segmentation is left to do: whole to
// ports that do it, finished everywhere else.
#include "pending_offload_test.h"

namespace adit {
namespace {

TEST_F(PendingOffloadTest, GsoFrameStaysWholeForAPortThatCutsIt) {
  for (const bool v6 : {false, true}) {
    const Frame frame = tcp(30000, v6);
    learn(frame, place("b"));
    arrive(kA, frame, 1000);
    expect_whole(frame, sent(kB), 1000);
  }
}

TEST_F(PendingOffloadTest, TagOfAMemberDoesNotCutIt) {
  Frame frame = tcp(30000);
  learn(frame, place("b", 7));
  arrive(kA, frame, 1000);
  tag(frame, 7);
  expect_whole(frame, sent(kB), 1000);
}

TEST_F(PendingOffloadTest, GsoFrameIsCutForAPortThatDoesNot) {
  const Frame frame = tcp(30000);
  learn(frame, place("plain"));
  arrive(kA, frame, 1000);
  expect_segments(frame, sent(kPlain), 1000);
}

TEST_F(PendingOffloadTest, GsoFrameOfManySmallSegmentsIsCut) {
  const Frame frame = tcp(65000);
  learn(frame, place("plain"));
  arrive(kA, frame, 88);
  expect_segments(frame, sent(kPlain), 88);
}

TEST_F(PendingOffloadTest, GsoFrameIsCutForVxlan) {
  const Frame frame = tcp(30000);
  learn(frame, remote("192.0.2.2"));
  arrive(kA, frame, 1000);
  expect_segments(frame, sent(kUp), 1000, 50);
}

TEST_F(PendingOffloadTest, SttCarriesAGsoFrameAsOneFrame) {
  const Frame frame = tcp(30000);
  learn(frame, remote("192.0.2.3"));
  arrive(kA, frame, 1000);
  constexpr std::size_t kOuter = 14 + 20 + 20;
  Bytes stt;
  const std::vector<Sent> segments = sent(kUp);
  ASSERT_GE(segments.size(), 2u);
  for (const Sent& segment : segments) {
    EXPECT_LE(segment.bytes.size(), 14u + 1500);
    EXPECT_EQ(slice(segment.bytes, 42, 46), slice(segments[0].bytes, 42, 46));  // packet id
    append(stt, slice(segment.bytes, kOuter, segment.bytes.size()));
  }
  SttFrameHeader header;
  ASSERT_GT(stt.size(), sizeof header);
  std::memcpy(&header, stt.data(), sizeof header);
  EXPECT_EQ(header.flags, kSttChecksumPartial | kSttIpv4 | kSttTcp);
  EXPECT_EQ(header.l4_offset, 34);
  EXPECT_EQ(header.mss, be16(1000));
  Frame left = frame;
  left.leave_pseudo_sum();
  EXPECT_EQ(slice(stt, sizeof header, stt.size()), left.bytes);
}

TEST_F(PendingOffloadTest, GsoFrameTooLongForSttIsCut) {
  const Frame frame = tcp(65535 - 52);  // 65,549 bytes with Ethernet's header
  learn(frame, remote("192.0.2.3"));
  arrive(kA, frame, 1000);
  const std::vector<Sent> all = sent(kUp);
  EXPECT_EQ(all.size(), (65535 - 52 + 999) / 1000);
  EXPECT_EQ(drops(DropReason::k_mtu_exceeded), 0u);
}

TEST_F(PendingOffloadTest, SegmentsHaveToFitTheMtuNotTheGsoFrame) {
  for (const bool v6 : {false, true}) {
    const Frame frame = tcp(30000, v6);
    const auto fits = static_cast<uint16_t>(1014 - frame.payload);
    learn(frame, place("small"));
    arrive(kA, frame, fits);
    expect_whole(frame, sent(kSmall), fits);
    const uint64_t before = drops(DropReason::k_mtu_exceeded);
    arrive(kA, frame, static_cast<uint16_t>(fits + 1));
    EXPECT_TRUE(sent(kSmall).empty());
    EXPECT_EQ(drops(DropReason::k_mtu_exceeded), before + 1);
    // IPv6 is told, once; this IPv4 could have been fragmented, and is not told.
    const std::vector<Sent> answers = sent(kA);
    ASSERT_EQ(answers.size(), v6 ? 1u : 0u);
    if (!v6) continue;
    EXPECT_EQ(answers[0].bytes[14 + 40], 2);  // packet too big
    EXPECT_EQ(get32(answers[0].bytes, 14 + 40 + 4), 1000u);
  }
}

TEST_F(PendingOffloadTest, WhatIsNoGsoFrameHasToFitAsAWhole) {
  const Frame frame = tcp(2000);
  learn(frame, place("small"));
  arrive(kA, frame, 0);
  EXPECT_TRUE(sent(kSmall).empty());
  EXPECT_EQ(drops(DropReason::k_mtu_exceeded), 1u);
}

TEST_F(PendingOffloadFragments, SegmentsBeyondTheMtuAreFragmented) {
  const Frame frame = tcp(30000);
  learn(frame, place("small"));
  arrive(kA, frame, 1200);
  const std::vector<Sent> all = sent(kSmall);
  EXPECT_EQ(all.size(), 50u);
  for (const Sent& one : all) {
    EXPECT_LE(one.bytes.size(), 1014u);
    EXPECT_EQ(one.tx_offload, 0u);
  }
  EXPECT_EQ(drops(DropReason::k_mtu_exceeded), 0u);
}

TEST_F(PendingOffloadFragments, FragmentedDatagramHasItsChecksum) {
  const Frame frame = FrameMaker(6).make({.protocol = 17, .payload = 1400});
  learn(frame, place("small"));
  arrive(kA, frame, 0);
  const std::vector<Sent> all = sent(kSmall);
  ASSERT_EQ(all.size(), 2u);
  EXPECT_EQ(get16(all[0].bytes, frame.checksum_at()), get16(frame.bytes, frame.checksum_at()));
  for (const Sent& one : all) EXPECT_EQ(one.tx_offload, 0u);
}

TEST_F(PendingOffloadTest, FloodedGsoFrameIsCutForAll) {
  const Frame frame = tcp(5000);
  arrive(kA, frame, 500);
  for (const PortId port : {kPlain, kSmall}) expect_segments(frame, sent(port), 500);
  EXPECT_EQ(sent(kB).size(), 20u);   // untagged and tagged
  EXPECT_EQ(sent(kUp).size(), 20u);  // both remotes
}

TEST_F(PendingOffloadTest, FloodedDatagramIsCompletedForAll) {
  const Frame frame = FrameMaker(6).make({.protocol = 17, .payload = 500});
  arrive(kA, frame, 0);
  for (const PortId port : {kPlain, kSmall}) {
    const std::vector<Sent> all = sent(port);
    ASSERT_EQ(all.size(), 1u);
    EXPECT_EQ(all[0].bytes, frame.bytes);
    EXPECT_EQ(all[0].tx_offload, 0u);
  }
  const std::vector<Sent> remotes = sent(kUp);
  ASSERT_EQ(remotes.size(), 2u);
  for (const Sent& one : remotes) {
    const std::size_t size = one.bytes.size();
    EXPECT_EQ(slice(one.bytes, size - frame.bytes.size(), size), frame.bytes);
  }
  sent(kB);
}

TEST_F(PendingOffloadTest, TunnelPacketForUsIsCompleted) {
  const Frame inner = tcp(300);
  learn(inner, place("a"));
  Frame outer = FrameMaker(8).make(
      {.protocol = 17, .payload = 8 + static_cast<unsigned>(inner.bytes.size())});
  const MacAddr own = mac(kUp);
  std::memcpy(outer.bytes.data(), own.bytes.data(), sizeof own);
  put32(outer.bytes, outer.ip + 12, 0xc000'0202);
  put32(outer.bytes, outer.ip + 16, 0xc000'0201);
  outer.finish_ip();
  put16(outer.bytes, outer.l4 + 2, 4789);
  put32(outer.bytes, outer.payload, 0x0800'0000);
  put32(outer.bytes, outer.payload + 4, 100 << 8);
  std::copy(inner.bytes.begin(), inner.bytes.end(),
            outer.bytes.begin() + static_cast<long>(outer.payload + 8));
  arrive(kUp, outer, 0);
  const std::vector<Sent> all = sent(kA);
  ASSERT_EQ(all.size(), 1u);
  EXPECT_EQ(all[0].bytes, inner.bytes);
  EXPECT_EQ(all[0].tx_offload, 0u);
}

TEST_F(PendingOffloadTest, FrameThatItsPortCouldNotMakeSenseOfIsDropped) {
  for (const PortId port : {kA, kUp, kR1}) {
    arrive(port, tcp(3000), 1000, kInvalidTxOffload);
    EXPECT_EQ(drops(DropReason::k_offload_malformed), port == kA ? 1u : port == kUp ? 2u : 3u);
  }
}

}  // namespace
}  // namespace adit

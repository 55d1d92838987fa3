// SPDX-License-Identifier: Apache-2.0
// The sequence numbers that a connection remembers to send its backend the client's address.
#include "balance/client_info.h"

#include "icmp/untranslate.h"
#include "l4_packets.h"

namespace adit {
namespace {

constexpr uint8_t kSynAck = kTcpSyn | kTcpAck;

class ClientInfoTest : public MbufTest {
 protected:
  // The server's packet as the client gets it; empty: dropped.
  Bytes take(uint8_t flags, uint32_t sequence, uint32_t acknowledgment) {
    Frame frame = make_packet(maker_, {.v6 = true, .tcp_flags = flags});
    put32(frame.bytes, frame.l4 + 4, sequence);
    put32(frame.bytes, frame.l4 + 8, acknowledgment);
    frame.finish_l4();
    rte_mbuf* mbuf = to_mbuf(frame.bytes);
    const DropReason why = take_answer(mbuf, read_flow(mbuf, 0), info_);
    Bytes got = to_bytes(mbuf);
    rte_pktmbuf_free(mbuf);
    EXPECT_EQ(fault_of(got), "");
    return why == DropReason::kNone ? got : Bytes{};
  }
  uint32_t acknowledged(uint32_t number) { return get32(take(kTcpAck, 7, number), 40 + 8); }

  FrameMaker maker_{1};
  ClientInfo info_{.asked = 1001, .how = ClientAddress::kProxy};
};

TEST_F(ClientInfoTest, TheServersSynSaysWhereTheStreamsBegin) {
  take(kSynAck, 5000, 1002);
  EXPECT_FALSE(info_.answered) << "it answers another SYN";
  take(kTcpAck, 5000, 1001);
  EXPECT_FALSE(info_.answered);
  take(kSynAck, 5000, 1001);
  EXPECT_TRUE(info_.answered);
  EXPECT_EQ(info_.first, 1001u);
  info_ = {.asked = 1001, .how = ClientAddress::kToa};
  take(kSynAck, 0xffff'ffff, 1001);
  EXPECT_TRUE(info_.answered);
  EXPECT_EQ(info_.first, 0u);
}

TEST_F(ClientInfoTest, AnotherConnectionOfTheSamePortsBeginsAnew) {
  take(kSynAck, 5000, 1001);
  info_.shift = 28;
  EXPECT_EQ(acknowledged(1029), 1001u);
  EXPECT_TRUE(info_.acknowledged);
  take(kSynAck, 5000, 1001);
  EXPECT_EQ(info_.shift, 28) << "the same answer again";
  info_.asked = 9001;
  take(kSynAck, 5000, 1001);
  EXPECT_EQ(info_.shift, 28) << "a late one";
  take(kSynAck, 6000, 9001);
  EXPECT_EQ(info_.first, 9001u);
  EXPECT_EQ(info_.shift, 0);
  EXPECT_FALSE(info_.acknowledged);
  EXPECT_EQ(acknowledged(9001), 9001u);
}

TEST_F(ClientInfoTest, TheHeaderIsAcknowledgedAsAWhole) {
  take(kSynAck, 5000, 1001);
  info_.shift = 52;
  EXPECT_EQ(acknowledged(1001), 1001u);
  EXPECT_EQ(acknowledged(1052), 1001u);
  EXPECT_FALSE(info_.acknowledged);
  EXPECT_EQ(acknowledged(1053), 1001u);
  EXPECT_TRUE(info_.acknowledged);
}

TEST_F(ClientInfoTest, NumbersMayGoRoundAsOftenAsTheyLike) {
  take(kSynAck, 5000, 1001);
  info_.shift = 28;
  for (uint64_t sent = 0; sent < uint64_t{20} << 30; sent += 300 << 20) {
    const auto number = static_cast<uint32_t>(1001 + sent);
    ASSERT_EQ(acknowledged(number + 28), number) << sent;
    if (sent == 0) continue;
    ASSERT_EQ(acknowledged(number - 1000 + 28), number - 1000) << "an old one";
  }
}

TEST_F(ClientInfoTest, WhatWasNotShiftedIsRestoredAsItIs) {
  info_ = {.asked = 1001, .first = 1001, .shift = 28, .answered = true};
  for (const uint8_t flags : {kTcpAck, kTcpSyn}) {
    Frame frame = make_packet(maker_, {.tcp_flags = flags});
    put32(frame.bytes, frame.l4 + 4, 2000);
    frame.finish_l4();
    rte_mbuf* mbuf = to_mbuf(frame.bytes);
    restore_numbers(mbuf, read_flow(mbuf, 0), info_);
    EXPECT_EQ(fault_of(to_bytes(mbuf)), "");
    EXPECT_EQ(get32(to_bytes(mbuf), frame.l4 + 4), flags == kTcpSyn ? 2000u : 1972u);
    rte_pktmbuf_free(mbuf);
  }
}

}  // namespace
}  // namespace adit

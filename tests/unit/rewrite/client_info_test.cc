// SPDX-License-Identifier: Apache-2.0
// The sequence numbers that a connection remembers to send its backend the client's address.
#include "balance/client_info.h"

#include "connection/tcp_numbers.h"
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
  ClientInfo info_{.asked = 1001, .is_proxy = 1};
};

TEST_F(ClientInfoTest, TheServersSynSaysWhereTheStreamsBegin) {
  take(kSynAck, 5000, 1002);
  EXPECT_FALSE(info_.answered) << "it answers another SYN";
  take(kTcpAck, 5000, 1001);
  EXPECT_FALSE(info_.answered);
  take(kSynAck, 5000, 1001);
  EXPECT_TRUE(info_.answered);
  EXPECT_EQ(info_.first(), 1001u);
  info_ = {.asked = 1001};
  take(kSynAck, 0xffff'ffff, 1001);
  EXPECT_TRUE(info_.answered);
  EXPECT_EQ(info_.first(), 0u);
}

TEST_F(ClientInfoTest, AnotherConnectionOfTheSamePortsBeginsAnew) {
  take(kSynAck, 5000, 1001);
  info_.header_words = 7;
  EXPECT_EQ(acknowledged(1029), 1001u);
  EXPECT_TRUE(info_.acknowledged);
  take(kSynAck, 5000, 1001);
  EXPECT_EQ(info_.shift(), 28u) << "the same answer again";
  note_syn(9001, true, info_);
  take(kSynAck, 5000, 1001);
  EXPECT_EQ(info_.shift(), 28u) << "a late one";
  take(kSynAck, 6000, 9001);
  EXPECT_EQ(info_.first(), 9001u);
  EXPECT_EQ(info_.shift(), 0u);
  EXPECT_FALSE(info_.acknowledged);
  EXPECT_EQ(acknowledged(9001), 9001u);
}

TEST_F(ClientInfoTest, TheHeaderIsAcknowledgedAsAWhole) {
  take(kSynAck, 5000, 1001);
  info_.header_words = 13;
  EXPECT_EQ(acknowledged(1001), 1001u);
  EXPECT_EQ(acknowledged(1052), 1001u);
  EXPECT_FALSE(info_.acknowledged);
  EXPECT_EQ(acknowledged(1053), 1001u);
  EXPECT_TRUE(info_.acknowledged);
}

TEST_F(ClientInfoTest, NumbersMayGoRoundAsOftenAsTheyLike) {
  take(kSynAck, 5000, 1001);
  info_.header_words = 7;
  for (uint64_t sent = 0; sent < uint64_t{20} << 30; sent += 300 << 20) {
    const auto number = static_cast<uint32_t>(1001 + sent);
    ASSERT_EQ(acknowledged(number + 28), number) << sent;
    if (sent == 0) continue;
    ASSERT_EQ(acknowledged(number - 1000 + 28), number - 1000) << "an old one";
  }
}

TEST_F(ClientInfoTest, WhereTheOldConnectionIsOverItsHeaderIsToo) {
  take(kSynAck, 5000, 1001);
  info_.header_words = 7;
  note_syn(1001, false, info_);
  EXPECT_EQ(info_.shift(), 28u) << "the same SYN again";
  EXPECT_EQ(acknowledged(1029), 1001u);
  note_syn(9001, true, info_);
  EXPECT_EQ(acknowledged(1030), 1002u) << "a SYN alone begins nothing";
  for (const uint32_t asked : {9001u, 0xf100'2328u, 1001u}) {
    note_syn(asked, false, info_);
    EXPECT_FALSE(info_.answered);
    EXPECT_EQ(acknowledged(asked), asked);
    take(kSynAck, 5000, asked);
    EXPECT_EQ(info_.first(), asked);
    info_.header_words = 7;
    EXPECT_EQ(acknowledged(asked + 28), asked);
  }
}

TEST_F(ClientInfoTest, ResetsAreBelievedByTheVeryNumber) {
  for (const bool proxy : {false, true}) {
    Connection connection;
    connection.flags = Connection::kSendsClientInfo;
    connection.client_info.is_proxy = proxy;
    ClientInfo& info = connection.client_info;
    const auto segment = [&](Direction from, uint8_t flags, uint32_t sequence, uint32_t ack) {
      Frame frame = make_packet(maker_, {.v6 = true, .tcp_flags = flags});
      put32(frame.bytes, frame.l4 + 4, sequence);
      put32(frame.bytes, frame.l4 + 8, ack);
      frame.finish_l4();
      rte_mbuf* mbuf = to_mbuf(frame.bytes);
      Flow flow = read_flow(mbuf, 0);
      flow.payload_len = 0;
      const ConnectionState state = follow_tcp(connection, from, flow, mbuf, 1);
      if (from == Direction::kFromBackend) take_answer(mbuf, flow, info);
      rte_pktmbuf_free(mbuf);
      return state;
    };
    const auto client = [&](uint8_t flags, uint32_t sequence, uint32_t ack) {
      return segment(Direction::kFromClient, flags, sequence, ack);
    };
    const auto backend = [&](uint8_t flags, uint32_t sequence, uint32_t ack) {
      return segment(Direction::kFromBackend, flags, sequence, ack);
    };
    using enum ConnectionState;
    connection.state = client(kTcpSyn, 1000, 0);
    note_syn(1001, false, info);
    connection.state = backend(kTcpSyn | kTcpAck, 5000, 1001);
    connection.state = client(kTcpAck, 1001, 5001);
    ASSERT_EQ(connection.state, kEstablished);
    if (proxy) info.header_words = 7;
    const uint32_t shift = info.shift();
    uint32_t number = 1001;
    for (unsigned i = 0; i < 20; ++i, number += 300u << 20) {
      for (const uint32_t wrong : {number + shift + 1, number - 1, number - 5000}) {
        EXPECT_EQ(client(kTcpRst, wrong, 0), kEstablished) << i;
        EXPECT_EQ(client(kTcpRst | kTcpAck, wrong, 5001), kEstablished) << i;
        EXPECT_EQ(backend(kTcpRst | kTcpAck, wrong, number + shift), kEstablished) << i;
      }
      ASSERT_EQ(backend(kTcpAck, 5001, number + shift), kEstablished);
      EXPECT_EQ(connection.next[0], number);
      Connection before = connection;
      EXPECT_EQ(client(kTcpRst, number, 0), kClose) << i;
      connection = before;
      EXPECT_EQ(backend(kTcpRst, 5001, 0), kClose) << i;
      connection = before;
    }
  }
}

TEST_F(ClientInfoTest, WhatWasNotShiftedIsRestoredAsItIs) {
  info_ = {.acked = {1001, 0}, .asked = 1001, .header_words = 7, .is_proxy = 1, .answered = 1};
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

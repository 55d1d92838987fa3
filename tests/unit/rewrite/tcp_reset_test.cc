// SPDX-License-Identifier: Apache-2.0
// Resets that answer a segment, RFC 9293 section 3.10.7.1.
#include "packet/tcp_reset.h"

#include "l4_packets.h"

namespace adit {
namespace {

class TcpResetTest : public MbufTest {};

TEST_F(TcpResetTest, NumbersFollowTheSegment) {
  FrameMaker maker(8);
  struct Case {
    uint8_t flags;
    unsigned payload;
    uint32_t sequence, acknowledgment;
    uint8_t reset_flags;
  };
  constexpr uint32_t kSequence = 0xffff'ffff, kAcknowledgment = 77;
  for (const Case& each :
       {Case{0x02, 0, 0, kSequence + 1, 0x14}, Case{0x02, 9, 0, kSequence + 10, 0x14},
        Case{0x01, 9, 0, kSequence + 10, 0x14}, Case{0x00, 9, 0, kSequence + 9, 0x14},
        Case{0x03, 0, 0, kSequence + 2, 0x14}, Case{0x10, 9, kAcknowledgment, 0, 0x04},
        Case{0x12, 0, kAcknowledgment, 0, 0x04}}) {
    for (bool v6 : {false, true}) {
      Frame frame = make_packet(maker, {.v6 = v6,
                                        .payload = each.payload,
                                        .ip_options = 8,
                                        .extensions = 3,
                                        .tcp_options = 12,
                                        .tcp_flags = each.flags});
      set_numbers(frame, kSequence, kAcknowledgment);
      rte_mbuf* about = to_mbuf(frame.bytes);
      rte_mbuf* mbuf = make_tcp_reset(about, read_flow(about, 3), pool_);
      ASSERT_NE(mbuf, nullptr);
      const Bytes got = to_bytes(mbuf);
      EXPECT_EQ(fault_of(got), "");
      const std::size_t l4 = v6 ? 40 : 20;
      ASSERT_EQ(got.size(), l4 + 20);
      EXPECT_EQ(get32(got, l4 + 4), each.sequence) << unsigned{each.flags};
      EXPECT_EQ(get32(got, l4 + 8), each.acknowledgment) << unsigned{each.flags};
      EXPECT_EQ(get16(got, l4 + 12), 0x5000u | each.reset_flags);
      const FlowKey there = read_flow(about, 3).key, back = read_flow(mbuf, 3).key;
      EXPECT_EQ(back.source, there.destination);
      EXPECT_EQ(back.destination, there.source);
      EXPECT_EQ(back.source_port, there.destination_port);
      EXPECT_EQ(back.destination_port, there.source_port);
      EXPECT_EQ(to_bytes(about), frame.bytes);
      rte_pktmbuf_free(mbuf);
      rte_pktmbuf_free(about);
    }
  }
}

TEST_F(TcpResetTest, ResetIsNeverAnsweredAndAnEmptyPoolAnswersNothing) {
  FrameMaker maker(9);
  rte_mbuf* reset = to_mbuf(make_packet(maker, {.tcp_flags = 0x14}).bytes);
  rte_mbuf* data = to_mbuf(make_packet(maker, {.tcp_flags = 0x10}).bytes);
  EXPECT_EQ(make_tcp_reset(reset, read_flow(reset, 0), pool_), nullptr);
  leave_free(0);
  EXPECT_EQ(make_tcp_reset(data, read_flow(data, 0), pool_), nullptr);
  free_hoard();
  rte_pktmbuf_free(reset);
  rte_pktmbuf_free(data);
}

}  // namespace
}  // namespace adit

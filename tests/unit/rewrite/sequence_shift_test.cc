// SPDX-License-Identifier: Apache-2.0
// What a header before the client's data does to the sequence numbers of a TCP connection.
#include "rewrite/sequence_shift.h"

#include "l4_packets.h"
#include "packet/tcp_reset.h"
#include "rewrite/client_address.h"
#include "rewrite/translate_family.h"

namespace adit {
namespace {

constexpr uint32_t kFirst = 0xffff'fff0;  // numbers go over their end
constexpr uint32_t kShift = 28;

class SequenceShiftTest : public MbufTest {
 protected:
  Bytes lowered(const Frame& frame, bool expected = true) {
    rte_mbuf* mbuf = to_mbuf(frame.bytes);
    EXPECT_EQ(lower_acknowledgment(mbuf, read_flow(mbuf, 0), kFirst, kShift), expected);
    const Bytes bytes = to_bytes(mbuf);
    rte_pktmbuf_free(mbuf);
    return bytes;
  }
};

TEST_F(SequenceShiftTest, SequenceNumberOfTheClientGrows) {
  FrameMaker maker(3);
  for (uint32_t number : {kFirst, uint32_t{0xffff'ffff}, uint32_t{5}}) {
    Frame frame = make_packet(maker, {.v6 = true, .payload = 101});
    set_numbers(frame, number, 9);
    rte_mbuf* mbuf = to_mbuf(frame.bytes);
    shift_sequence(mbuf, read_flow(mbuf, 0), kShift);
    const Bytes got = to_bytes(mbuf);
    EXPECT_EQ(fault_of(got), "");
    set_numbers(frame, number + kShift, 9);
    EXPECT_EQ(got, frame.bytes);
    rte_pktmbuf_free(mbuf);
  }
}

TEST_F(SequenceShiftTest, AcknowledgmentIsLoweredNotBelowTheFirstByte) {
  FrameMaker maker(4);
  struct Case {
    uint32_t from, to;
  };
  for (const Case& each : {Case{kFirst - 1, kFirst - 1}, Case{kFirst, kFirst},
                           Case{kFirst + 1, kFirst}, Case{kFirst + kShift, kFirst},
                           Case{kFirst + kShift + 1, kFirst + 1}, Case{5000, 5000 - kShift}}) {
    Frame frame = make_packet(maker, {});
    set_numbers(frame, 7, each.from);
    const Bytes got = lowered(frame);
    EXPECT_EQ(fault_of(got), "");
    set_numbers(frame, 7, each.to);
    EXPECT_EQ(got, frame.bytes) << each.from;
  }
  Frame without = make_packet(maker, {.tcp_flags = 4});
  set_numbers(without, 7, 5000);
  EXPECT_EQ(lowered(without), without.bytes);
}

TEST_F(SequenceShiftTest, SackBlocksAreLoweredWhereverTheyLie) {
  // Any number of NOPs before: at odd places, too.
  for (unsigned nops = 0; nops <= 6; ++nops) {
    for (unsigned blocks = 1; blocks <= 4; ++blocks) {
      FrameMaker maker(nops);
      Frame frame = make_packet(maker, {.tcp_options = 40, .tcp_flags = 0x10});
      const std::size_t option = frame.l4 + 20 + nops;
      if (nops + 2 + 8 * blocks > 40) continue;
      frame.bytes[option] = 5;
      frame.bytes[option + 1] = static_cast<uint8_t>(2 + 8 * blocks);
      for (unsigned i = 0; i < 2 * blocks; ++i)
        put32(frame.bytes, option + 2 + 4 * i, 3000 + 1000 * i);
      set_numbers(frame, 7, 2000);
      const Bytes got = lowered(frame);
      EXPECT_EQ(fault_of(got), "") << nops << ' ' << blocks;
      for (unsigned i = 0; i < 2 * blocks; ++i)
        put32(frame.bytes, option + 2 + 4 * i, 3000 + 1000 * i - kShift);
      set_numbers(frame, 7, 2000 - kShift);
      EXPECT_EQ(got, frame.bytes);
    }
  }
}

TEST_F(SequenceShiftTest, MalformedOrSplitOptionsAreRefusedUnchanged) {
  FrameMaker maker(5);
  Frame frame = make_packet(maker, {.tcp_options = 12});
  for (const Bytes& option : {Bytes{5, 11}, Bytes{5, 1}, Bytes{5, 14}, Bytes{2, 0}}) {
    Frame bad = frame;
    std::copy(option.begin(), option.end(), bad.bytes.begin() + static_cast<long>(bad.l4 + 20));
    set_numbers(bad, 7, 5000);
    EXPECT_EQ(lowered(bad, false), bad.bytes);
  }
  Frame last = frame;
  last.bytes[last.l4 + 31] = 5;  // a kind without a length
  EXPECT_EQ(lowered(last, false), last.bytes);
  Frame ended = frame;
  put16(ended.bytes, ended.l4 + 20, 0x0005);  // what follows the end is none
  set_numbers(ended, 7, 5000);
  EXPECT_EQ(fault_of(lowered(ended)), "");
  rte_mbuf* split = to_mbuf(frame.bytes, {frame.l4 + 31});
  EXPECT_FALSE(lower_acknowledgment(split, read_flow(split, 0), kFirst, kShift));
  EXPECT_EQ(to_bytes(split), frame.bytes);
  rte_pktmbuf_free(split);
}

TEST_F(SequenceShiftTest, ErrorTellsTheNumberThatTheClientSent) {
  for (bool v6 : {false, true}) {
    for (std::size_t held : {8u, 15u, 16u, 18u, 20u, 120u}) {
      FrameMaker maker(6);
      Frame about = make_packet(maker, {.v6 = v6});
      set_numbers(about, 5000 + kShift, 9);
      Frame original = about;
      set_numbers(original, 5000, 9);
      FrameMaker again(7), same(7);
      rte_mbuf* mbuf = to_heap_mbuf(make_error(again, about, about.l4 + held, 3).bytes);
      lower_embedded_sequence(mbuf, read_flow(mbuf, 0), kFirst, kShift);
      EXPECT_EQ(to_bytes(mbuf), make_error(same, original, original.l4 + held, 3).bytes) << held;
      rte_pktmbuf_free(mbuf);
    }
  }
}

// The first buffer ends, with its memory, wherever the reader still takes it: what it has not
// promised to be there is neither read nor written.
TEST_F(SequenceShiftTest, NothingIsTouchedBehindTheFirstBuffer) {
  unsigned taken = 0;
  for (unsigned seed = 1; seed <= 60; ++seed) {
    FrameMaker maker(seed);
    Frame frame = make_packet(maker, random_l4_shape(maker, 20));
    if (seed % 2 == 0) frame = make_error(maker, frame, frame.end, 3);
    const Endpoint source = random_endpoint(maker, frame.v6),
                   other = random_endpoint(maker, !frame.v6);
    for (std::size_t head = 20; head < frame.end; ++head) {
      rte_mbuf* mbuf = to_heap_mbuf(slice(frame.bytes, 0, head));
      ASSERT_EQ(rte_pktmbuf_chain(mbuf, to_mbuf(slice(frame.bytes, head, frame.end))), 0);
      Flow flow = read_flow(mbuf, 0);
      if (flow.kind == FlowKind::kFlow || flow.kind == FlowKind::kIcmpError) {
        ++taken;
        translate(mbuf, flow, {&source, &source});
        if (flow.kind == FlowKind::kIcmpError) {
          lower_embedded_sequence(mbuf, flow, kFirst, kShift);
        } else if (frame.protocol == kTcpNumber) {
          EXPECT_EQ(lower_acknowledgment(mbuf, flow, kFirst, kShift),
                    head >= frame.payload || (flow.l4_type & 0x10) == 0);
          shift_sequence(mbuf, flow, kShift);
          rte_pktmbuf_free(make_proxy_segment(mbuf, flow, kFirst, Bytes(28), pool_));
          rte_pktmbuf_free(make_tcp_reset(mbuf, flow, pool_));
        }
        EXPECT_EQ(mbuf->pkt_len, frame.end);
        translate_family(mbuf, flow, {&other, &other}, 1);
      }
      rte_pktmbuf_free(mbuf);
    }
  }
  EXPECT_GT(taken, 1000u);
}

}  // namespace
}  // namespace adit

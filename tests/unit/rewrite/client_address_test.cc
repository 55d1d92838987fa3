// SPDX-License-Identifier: Apache-2.0
// What backends are told of their clients, and what that does to sequence numbers; resets.
#include "rewrite/client_address.h"

#include "l4_packets.h"
#include "packet/tcp_reset.h"
#include "rewrite/sequence_shift.h"
#include "rewrite/translate_family.h"

namespace adit {
namespace {

class ClientAddressTest : public MbufTest {
 protected:
  static Endpoint endpoint(const char* address, uint16_t port) {
    const IpAddr ip = *parse_ip(address);
    return {address_key(ip), be16(port), !ip.is_v4()};
  }
  // The packet with the option, as insert_toa() makes it.
  static Frame with_toa(const Frame& frame, const Endpoint& client, rte_mbuf* mbuf) {
    Flow flow = read_flow(mbuf, 0);
    EXPECT_EQ(insert_toa(mbuf, flow, client, 9000), ToaResult::kInserted);
    Frame got = frame;
    got.bytes = to_bytes(mbuf);
    got.end = flow.packet.end;
    return got;
  }
  const Endpoint client4_ = endpoint("192.0.2.33", 0x8765);
  const Endpoint client6_ = endpoint("2001:db8::33", 0x8765);
};

constexpr uint32_t kFirst = 0xffff'fff0;  // numbers go over their end
constexpr uint32_t kShift = 28;

void set_numbers(Frame& frame, uint32_t sequence, uint32_t acknowledgment) {
  put32(frame.bytes, frame.l4 + 4, sequence);
  put32(frame.bytes, frame.l4 + 8, acknowledgment);
  frame.finish_l4();
}

TEST_F(ClientAddressTest, ToaIsTheFirstOptionOfAnyPacketWithRoom) {
  for (unsigned seed = 1; seed <= 300; ++seed) {
    SCOPED_TRACE("seed " + std::to_string(seed));
    FrameMaker maker(seed);
    FrameShape shape = random_l4_shape(maker, 3000);
    shape.protocol = kTcpNumber;
    const Frame frame = make_packet(maker, shape);
    const Endpoint client = maker.below(2) == 0 ? client4_ : client6_;
    const unsigned len = client.ipv6 ? 20 : 8;
    rte_mbuf* mbuf = to_random_chain(maker, frame.bytes, frame.l4 + 20);
    Flow flow = read_flow(mbuf, 0);
    const ToaResult result = insert_toa(mbuf, flow, client, 9000);
    const Bytes got = to_bytes(mbuf);
    if (shape.tcp_options + len > 40) {
      EXPECT_EQ(result, ToaResult::kNoOptionRoom);
      EXPECT_EQ(got, frame.bytes);
      rte_pktmbuf_free(mbuf);
      continue;
    }
    ASSERT_EQ(result, ToaResult::kInserted);
    EXPECT_EQ(fault_of(got), "");
    Bytes option = {254, static_cast<uint8_t>(len), 0x87, 0x65};
    append(option, address_of(client));
    Bytes expected = slice(frame.bytes, 0, frame.l4 + 20);
    append(expected, option);
    append(expected, slice(frame.bytes, frame.l4 + 20, frame.end));
    put16(expected, frame.v6 ? 4 : 2, get16(expected, frame.v6 ? 4 : 2) + len);
    expected[frame.l4 + 12] = static_cast<uint8_t>(expected[frame.l4 + 12] + len * 4);
    for (std::size_t at : {frame.v6 ? std::size_t{0} : std::size_t{10}, frame.l4 + 16})
      put16(expected, at, get16(got, at));  // fault_of() has judged the checksums
    EXPECT_EQ(got, expected);
    const Flow anew = read_flow(mbuf, 0);
    EXPECT_EQ(anew.packet.end, flow.packet.end);
    EXPECT_EQ(anew.payload_len, flow.payload_len);
    rte_pktmbuf_free(mbuf);
  }
}

TEST_F(ClientAddressTest, ToaThatDoesNotFitChangesNothing) {
  FrameMaker maker(1);
  const Frame frame = make_packet(maker, {.payload = 1452});  // 1492 bytes
  rte_mbuf* mbuf = to_mbuf(frame.bytes);
  Flow flow = read_flow(mbuf, 0);
  EXPECT_EQ(insert_toa(mbuf, flow, client4_, 1499), ToaResult::kNoPacketRoom);
  EXPECT_EQ(to_bytes(mbuf), frame.bytes);
  EXPECT_EQ(insert_toa(mbuf, flow, client4_, 1500), ToaResult::kInserted);
  EXPECT_EQ(flow.packet.end, 1500u);
  rte_pktmbuf_free(mbuf);
  mbuf = to_heap_mbuf(frame.bytes);
  flow = read_flow(mbuf, 0);
  EXPECT_EQ(insert_toa(mbuf, flow, client4_, 1500), ToaResult::kNoHeadroom);
  EXPECT_EQ(to_bytes(mbuf), frame.bytes);
  rte_pktmbuf_free(mbuf);
  mbuf = to_mbuf(make_packet(maker, {.payload = 65535 - 40 - 7}).bytes);
  flow = read_flow(mbuf, 0);
  EXPECT_EQ(insert_toa(mbuf, flow, client4_, 1 << 20), ToaResult::kNoPacketRoom);
  rte_pktmbuf_free(mbuf);
}

TEST_F(ClientAddressTest, ToaInAGsoFrameIsMeasuredByItsSegments) {
  FrameMaker maker(2);
  Frame frame = make_packet(maker, {.payload = 5000});
  frame.leave_pseudo_sum();
  for (uint16_t mss : {uint16_t{1452}, uint16_t{1453}}) {
    rte_mbuf* mbuf = to_mbuf(frame.bytes);
    mbuf->ol_flags |= RTE_MBUF_F_TX_TCP_SEG;
    mbuf->tso_segsz = mss;
    Flow flow = read_flow(mbuf, 0);
    EXPECT_EQ(insert_toa(mbuf, flow, client4_, 1500),
              mss == 1452 ? ToaResult::kInserted : ToaResult::kNoPacketRoom);
    Frame got = frame;
    got.bytes = to_bytes(mbuf);
    EXPECT_EQ(get16(got.bytes, got.checksum_at()),
              naive_sum(got.pseudo_header(got.bytes.size() - got.l4)));
    rte_pktmbuf_free(mbuf);
  }
}

TEST_F(ClientAddressTest, ToaThatIsRemovedLeavesThePacketAsItWas) {
  unsigned removed = 0;
  for (unsigned seed = 1; seed <= 300; ++seed) {
    SCOPED_TRACE("seed " + std::to_string(seed));
    FrameMaker maker(seed);
    FrameShape shape = random_l4_shape(maker, 3000);
    shape.protocol = kTcpNumber;
    const Frame frame = make_packet(maker, shape);
    const Endpoint client = maker.below(2) == 0 ? client4_ : client6_;
    const unsigned len = client.ipv6 ? 20 : 8;
    if (shape.tcp_options + len > 40) continue;
    rte_mbuf* mbuf = to_random_chain(maker, frame.bytes, frame.l4 + 20);
    const Frame longer = with_toa(frame, client, mbuf);
    Flow flow = read_flow(mbuf, 0);
    Endpoint other = client;
    other.port = be16(1);
    EXPECT_EQ(remove_toa(mbuf, flow, other), 0u);
    EXPECT_EQ(to_bytes(mbuf), longer.bytes);
    EXPECT_EQ(remove_toa(mbuf, flow, client), len);
    EXPECT_EQ(to_bytes(mbuf), frame.bytes);
    EXPECT_EQ(flow.packet.end, frame.end);
    EXPECT_EQ(remove_toa(mbuf, flow, client), 0u);
    rte_pktmbuf_free(mbuf);
    ++removed;
  }
  EXPECT_GT(removed, 100u);
}

TEST_F(ClientAddressTest, QuoteInAnErrorLosesTheOptionIfAllOfItIsThere) {
  for (bool v6 : {false, true}) {
    for (const Endpoint& client : {client4_, client6_}) {
      FrameMaker maker(6);
      const Frame original = make_packet(maker, {.v6 = v6, .payload = 200, .tcp_options = 12});
      rte_mbuf* mbuf = to_mbuf(original.bytes);
      const Frame about = with_toa(original, client, mbuf);
      rte_pktmbuf_free(mbuf);
      const std::size_t len = client.ipv6 ? 20 : 8, least = about.l4 + 20 + len;
      for (std::size_t held : {about.l4 + 8, least - 1, least, least + 13, about.end}) {
        SCOPED_TRACE(held);
        FrameMaker again(7), same(7);
        mbuf = to_mbuf(make_error(again, about, held, 3).bytes);
        Flow flow = read_flow(mbuf, 0);
        const bool is_there = held >= least;
        EXPECT_EQ(remove_toa(mbuf, flow, client), is_there ? len : 0);
        EXPECT_EQ(
            to_bytes(mbuf),
            make_error(same, is_there ? original : about, held - (is_there ? len : 0), 3).bytes);
        const Flow anew = read_flow(mbuf, 0);
        EXPECT_EQ(anew.packet.end, flow.packet.end);
        EXPECT_EQ(anew.embedded.end, flow.embedded.end);
        rte_pktmbuf_free(mbuf);
      }
    }
  }
}

TEST_F(ClientAddressTest, QuoteBeforeAnExtensionKeepsItsLength) {
  constexpr std::size_t kQuoted = 128;  // the least of RFC 4884 section 3
  const Bytes extension = {0x20, 0, 1, 2, 0, 4, 9, 9};
  for (bool v6 : {false, true}) {
    for (const Endpoint& client : {client4_, client6_}) {
      FrameMaker maker(6);
      const Frame original = make_packet(maker, {.v6 = v6, .payload = 200});
      rte_mbuf* mbuf = to_mbuf(original.bytes);
      const Frame about = with_toa(original, client, mbuf);
      rte_pktmbuf_free(mbuf);
      const std::size_t len = client.ipv6 ? 20 : 8;
      const uint32_t word = v6 ? uint32_t{kQuoted / 8} << 24 : uint32_t{kQuoted / 4} << 16;
      Frame before = about, after = original;
      before.bytes.resize(kQuoted);
      after.bytes.resize(kQuoted - len);
      after.bytes.resize(kQuoted);
      append(before.bytes, extension);
      append(after.bytes, extension);
      FrameMaker again(7), same(7);
      mbuf = to_mbuf(make_error(again, before, kQuoted + 8, 3, 0, word).bytes);
      Flow flow = read_flow(mbuf, 0);
      EXPECT_EQ(remove_toa(mbuf, flow, client), len);
      EXPECT_EQ(to_bytes(mbuf), make_error(same, after, kQuoted + 8, 3, 0, word).bytes);
      rte_pktmbuf_free(mbuf);
      // One that claims to quote more than there is stays.
      FrameMaker once(8);
      const Frame wrong = make_error(once, before, kQuoted + 8, 3, 0, word * 2);
      mbuf = to_mbuf(wrong.bytes);
      flow = read_flow(mbuf, 0);
      EXPECT_EQ(remove_toa(mbuf, flow, client), 0u);
      EXPECT_EQ(to_bytes(mbuf), wrong.bytes);
      rte_pktmbuf_free(mbuf);
    }
  }
}

TEST_F(ClientAddressTest, ProxyHeaderIsThatOfTheSpecification) {
  const Bytes signature = {0x0d, 0x0a, 0x0d, 0x0a, 0, 0x0d, 0x0a, 0x51, 0x55, 0x49, 0x54, 0x0a};
  ProxyHeader header;
  ASSERT_EQ(write_proxy_header(header, client4_, endpoint("198.51.100.7", 443)), 28u);
  Bytes expected = signature;
  append(expected, {0x21, 0x11, 0, 12, 192, 0, 2, 33, 198, 51, 100, 7, 0x87, 0x65, 1, 0xbb});
  EXPECT_EQ(Bytes(header.begin(), header.begin() + 28), expected);
  ASSERT_EQ(write_proxy_header(header, client6_, endpoint("2001:db8::7", 443)), 52u);
  expected = signature;
  append(expected, {0x21, 0x21, 0, 36});
  append(expected, {0x20, 1, 0x0d, 0xb8, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0x33});
  append(expected, {0x20, 1, 0x0d, 0xb8, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 7});
  append(expected, {0x87, 0x65, 1, 0xbb});
  EXPECT_EQ(Bytes(header.begin(), header.end()), expected);
}

TEST_F(ClientAddressTest, ProxySegmentIsLikeTheClientsOwn) {
  for (unsigned seed = 1; seed <= 100; ++seed) {
    SCOPED_TRACE("seed " + std::to_string(seed));
    FrameMaker maker(seed);
    FrameShape shape = random_l4_shape(maker, 1400);
    shape.protocol = kTcpNumber;
    shape.tcp_flags = 0xf0 & ~4;
    const Frame frame = make_packet(maker, shape);
    const Bytes payload = maker.noise(frame.v6 ? 52 : 28);
    rte_mbuf* like = to_random_chain(maker, frame.bytes, frame.l4 + 20);
    rte_mbuf* mbuf = make_proxy_segment(like, read_flow(like, 0), kFirst, payload, pool_);
    ASSERT_NE(mbuf, nullptr);
    const Bytes got = to_bytes(mbuf);
    EXPECT_EQ(fault_of(got), "");
    EXPECT_GE(rte_pktmbuf_headroom(mbuf), RTE_PKTMBUF_HEADROOM);
    Bytes expected = slice(frame.bytes, 0, frame.payload);
    append(expected, payload);
    put16(expected, frame.v6 ? 4 : 2, static_cast<unsigned>(expected.size() - (frame.v6 ? 40 : 0)));
    put32(expected, frame.l4 + 4, kFirst);
    expected[frame.l4 + 13] = 0x18;
    put16(expected, frame.l4 + 18, 0);
    for (std::size_t at : {frame.v6 ? std::size_t{0} : std::size_t{10}, frame.l4 + 16})
      put16(expected, at, get16(got, at));
    EXPECT_EQ(got, expected);
    EXPECT_EQ(to_bytes(like), frame.bytes);
    rte_pktmbuf_free(mbuf);
    leave_free(0);
    EXPECT_EQ(make_proxy_segment(like, read_flow(like, 0), kFirst, payload, pool_), nullptr);
    free_hoard();
    rte_pktmbuf_free(like);
  }
}

class SequenceShiftTest : public ClientAddressTest {
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

// SPDX-License-Identifier: Apache-2.0
// What backends are told of their clients: by TCP option (TOA), and by the PROXY protocol.
#include "rewrite/client_address.h"

#include "l4_packets.h"

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
  constexpr uint32_t kFirst = 0xffff'fff0;
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

}  // namespace
}  // namespace adit

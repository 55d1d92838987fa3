// SPDX-License-Identifier: Apache-2.0
// Translation within an IP version: expected packets are written and summed from scratch.
#include "l4_packets.h"
#include "packet/crc32c.h"

namespace adit::nat_test {
namespace {

constexpr VrfId kVrf = 0;

void put_bytes(Bytes& bytes, std::size_t at, const Bytes& value) {
  std::copy(value.begin(), value.end(), bytes.begin() + static_cast<long>(at));
}
void put_endpoint(Frame& frame, std::size_t address, std::size_t port, const Endpoint* endpoint) {
  if (endpoint == nullptr) return;
  put_bytes(frame.bytes, address, address_of(*endpoint));
  std::memcpy(&frame.bytes.at(port), &endpoint->port, 2);
}

// `frame` with the endpoints in it and all checksums computed anew.
Frame translated(Frame frame, const Translation& to) {
  put_endpoint(frame, frame.v6 ? 8 : 12, frame.l4, to.source);
  put_endpoint(frame, frame.v6 ? 24 : 16, frame.l4 + 2, to.destination);
  frame.finish_ip();
  if (frame.protocol == kSctpNumber) {
    put32(frame.bytes, frame.l4 + 8, sctp_checksum(slice(frame.bytes, frame.l4, frame.end)));
    return frame;
  }
  if (frame.protocol == kUdpNumber && get16(frame.bytes, frame.l4 + 6) == 0) return frame;
  frame.finish_l4();
  if (frame.protocol == kUdpNumber && get16(frame.bytes, frame.l4 + 6) == 0)
    put16(frame.bytes, frame.l4 + 6, 0xffff);
  return frame;
}

class NatTest : public MbufTest {
 protected:
  Bytes translate_bytes(rte_mbuf* mbuf, const Translation& to) {
    const Flow flow = read_flow(mbuf, kVrf);
    EXPECT_NE(flow.kind, FlowKind::kMalformed);
    translate(mbuf, flow, to);
    const Bytes bytes = to_bytes(mbuf);
    rte_pktmbuf_free(mbuf);
    return bytes;
  }
};

TEST(Crc32c, DifferenceIsThatOfRealChecksums) {
  // RFC 3720 appendix B.4.
  Bytes ascending(32);
  for (uint8_t i = 0; i < 32; ++i) ascending[i] = i;
  EXPECT_EQ(naive_crc32c(Bytes(32, 0)), 0xaa36918au);
  EXPECT_EQ(naive_crc32c(Bytes(32, 0xff)), 0x43aba862u);
  EXPECT_EQ(naive_crc32c(ascending), 0x4e79dd46u);
  EXPECT_EQ(naive_crc32c({'1', '2', '3', '4', '5', '6', '7', '8', '9'}), 0x839206e3u);
  FrameMaker maker(1);
  for (std::size_t size : {4u, 5u, 12u, 255u, 256u, 1473u, 65515u}) {
    const Bytes before = maker.noise(size), change = maker.noise(4);
    Bytes after = before;
    for (unsigned i = 0; i < 4; ++i) after[i] ^= change[i];
    uint32_t word;
    std::memcpy(&word, change.data(), 4);
    EXPECT_EQ(__builtin_bswap32(crc32c_difference(word, static_cast<uint32_t>(size))),
              naive_crc32c(before) ^ naive_crc32c(after))
        << size;
  }
}

TEST_F(NatTest, AnyPacketGetsItsEndpointsAndComesBackUnchanged) {
  for (unsigned seed = 1; seed <= 600; ++seed) {
    SCOPED_TRACE("seed " + std::to_string(seed));
    FrameMaker maker(seed);
    const Frame frame = make_packet(maker, random_l4_shape(maker, seed % 3 == 0 ? 8000 : 200));
    ASSERT_EQ(fault_of(frame.bytes), "");
    const Endpoint source = random_endpoint(maker, frame.v6);
    const Endpoint destination = random_endpoint(maker, frame.v6);
    const unsigned which = 1 + maker.below(3);
    const Translation to = {which & 1 ? &source : nullptr, which & 2 ? &destination : nullptr};
    rte_mbuf* mbuf = to_random_chain(maker, frame.bytes, frame.payload + 8);
    const Flow flow = read_flow(mbuf, kVrf);
    ASSERT_EQ(flow.kind, FlowKind::kFlow);
    translate(mbuf, flow, to);
    EXPECT_EQ(to_bytes(mbuf), translated(frame, to).bytes);
    EXPECT_EQ(fault_of(to_bytes(mbuf)), "");
    const Endpoint old_source = source_of(flow.key), old_destination = destination_of(flow.key);
    translate(mbuf, flow, {&old_source, &old_destination});
    EXPECT_EQ(to_bytes(mbuf), frame.bytes);
    rte_pktmbuf_free(mbuf);
  }
}

TEST_F(NatTest, UdpWithoutChecksumStaysWithout) {
  FrameMaker maker(2);
  Frame frame = make_packet(maker, {.protocol = kUdpNumber});
  put16(frame.bytes, frame.l4 + 6, 0);
  const Endpoint source = random_endpoint(maker, false);
  const Bytes got = translate_bytes(to_mbuf(frame.bytes), {&source, nullptr});
  EXPECT_EQ(get16(got, frame.l4 + 6), 0u);
  EXPECT_EQ(got, translated(frame, {&source, nullptr}).bytes);
}

TEST_F(NatTest, UdpChecksumThatBecomesZeroIsAllOnes) {
  for (bool v6 : {false, true}) {
    FrameMaker maker(3);
    const Frame frame = make_packet(maker, {.v6 = v6, .protocol = kUdpNumber});
    Endpoint source = random_endpoint(maker, v6);
    source.port = be16(0);
    // With a port that adds up what the checksum is without one, it is 0.
    const Frame without = translated(frame, {&source, nullptr});
    source.port = be16(static_cast<uint16_t>(get16(without.bytes, without.l4 + 6)));
    const Bytes got = translate_bytes(to_mbuf(frame.bytes), {&source, nullptr});
    EXPECT_EQ(get16(got, frame.l4 + 6), 0xffffu);
    EXPECT_EQ(fault_of(got), "");
  }
}

TEST_F(NatTest, PendingChecksumKeepsToThePseudoHeader) {
  for (unsigned seed = 1; seed <= 100; ++seed) {
    FrameMaker maker(seed);
    FrameShape shape = random_l4_shape(maker, 3000);
    shape.protocol = seed % 2 == 0 ? kTcpNumber : kUdpNumber;
    Frame frame = make_packet(maker, shape);
    frame.leave_pseudo_sum();
    const Endpoint source = random_endpoint(maker, frame.v6);
    const Endpoint destination = random_endpoint(maker, frame.v6);
    rte_mbuf* mbuf = to_mbuf(frame.bytes);
    mbuf->ol_flags |=
        shape.protocol == kTcpNumber ? RTE_MBUF_F_TX_TCP_SEG : RTE_MBUF_F_TX_UDP_CKSUM;
    Frame expected = translated(frame, {&source, &destination});
    expected.leave_pseudo_sum();
    EXPECT_EQ(translate_bytes(mbuf, {&source, &destination}), expected.bytes) << seed;
  }
}

TEST_F(NatTest, WrongChecksumsStayWrong) {
  FrameMaker maker(4);
  for (uint8_t protocol : {kTcpNumber, kUdpNumber, kSctpNumber}) {
    Frame frame = make_packet(maker, {.v6 = true, .protocol = protocol});
    frame.bytes[frame.payload + 50] ^= 1;
    const Endpoint source = random_endpoint(maker, true);
    const Bytes got = translate_bytes(to_mbuf(frame.bytes), {&source, nullptr});
    EXPECT_NE(fault_of(got), "");
    Bytes repaired = got;
    repaired[frame.payload + 50] ^= 1;
    EXPECT_EQ(fault_of(repaired), "");
  }
}

TEST_F(NatTest, ErrorsAreTranslatedOutsideAndInside) {
  for (unsigned seed = 1; seed <= 400; ++seed) {
    SCOPED_TRACE("seed " + std::to_string(seed));
    FrameMaker maker(seed);
    const Frame about = make_packet(maker, random_l4_shape(maker, 200));
    const bool sctp = about.protocol == kSctpNumber;
    const std::size_t room = about.end - about.l4 - 8;
    const auto cut = static_cast<unsigned>(maker.below(static_cast<unsigned>(room + 1)));
    std::size_t held = about.l4 + 8 + (seed % 3 == 0 ? 0 : seed % 3 == 1 ? room : cut);
    // Half a checksum cannot be kept right.
    const std::size_t checksum = sctp ? about.l4 + 8 : about.checksum_at(), width = sctp ? 4 : 2;
    if (held > checksum && held < checksum + width) held = checksum + width;
    const Frame error = make_error(maker, about, held, 3, 1, maker.below(65536));
    ASSERT_EQ(fault_of(error.bytes), "");
    const Endpoint source = random_endpoint(maker, about.v6);
    const Endpoint destination = random_endpoint(maker, about.v6);
    const unsigned which = 1 + maker.below(3);
    const Translation to = {which & 1 ? &source : nullptr, which & 2 ? &destination : nullptr};

    Frame expected = error;
    const Frame inside = translated(about, {to.destination, to.source});
    put_bytes(expected.bytes, error.l4 + 8, slice(inside.bytes, 0, held));
    if (to.source) put_bytes(expected.bytes, about.v6 ? 8 : 12, address_of(source));
    if (to.destination) put_bytes(expected.bytes, about.v6 ? 24 : 16, address_of(destination));
    expected.finish_ip();
    finish_icmp(expected);
    EXPECT_EQ(translate_bytes(to_heap_mbuf(error.bytes), to), expected.bytes);
  }
}

TEST_F(NatTest, ErrorAboutUdpWithoutChecksumLeavesItSo) {
  FrameMaker maker(5);
  Frame about = make_packet(maker, {.protocol = kUdpNumber, .payload = 11});
  put16(about.bytes, about.l4 + 6, 0);
  const Frame error = make_error(maker, about, about.end, 3, 3);
  const Endpoint source = random_endpoint(maker, false);
  const Bytes got = translate_bytes(to_mbuf(error.bytes), {&source, nullptr});
  EXPECT_EQ(get16(got, error.l4 + 8 + about.l4 + 6), 0u);
  EXPECT_EQ(fault_of(got), "");
}

TEST_F(NatTest, EchoAndProtocolsWithoutPortsGetTheAddressesAlone) {
  FrameMaker maker(6);
  for (bool v6 : {false, true}) {
    for (unsigned protocol : {v6 ? 58u : 1u, 50u}) {
      FrameShape shape;
      shape.v6 = v6;
      shape.protocol = static_cast<uint8_t>(protocol);
      Frame frame = make_packet(maker, shape);
      put16(frame.bytes, frame.l4, v6 ? 128 << 8 : 8 << 8);
      if (protocol != 50) finish_icmp(frame);
      ASSERT_EQ(fault_of(frame.bytes), "");
      const Endpoint source = random_endpoint(maker, v6), destination = random_endpoint(maker, v6);
      const Bytes got = translate_bytes(to_mbuf(frame.bytes), {&source, &destination});
      EXPECT_EQ(fault_of(got), "");
      EXPECT_EQ(slice(got, v6 ? 8 : 12, v6 ? 24 : 16), address_of(source));
      EXPECT_EQ(slice(got, v6 ? 24 : 16, v6 ? 40 : 20), address_of(destination));
      const std::size_t same = protocol == 50 ? frame.l4 : frame.l4 + 4;
      EXPECT_EQ(slice(got, same, got.size()), slice(frame.bytes, same, frame.bytes.size()));
    }
  }
}

TEST_F(NatTest, SharedDataAreCopiedBeforeTheyAreWritten) {
  FrameMaker maker(7);
  const Frame frame = make_packet(maker, {.payload = 3000});
  rte_mbuf* original = to_mbuf(frame.bytes);
  rte_mbuf* clone = rte_pktmbuf_clone(original, pool_);
  leave_free(0);
  EXPECT_EQ(make_writable(clone, 40, pool_), nullptr);
  free_hoard();
  rte_mbuf* mine = make_writable(clone, 40, pool_);
  ASSERT_NE(mine, nullptr);
  EXPECT_NE(mine, clone);
  const Endpoint source = random_endpoint(maker, false);
  EXPECT_EQ(translate_bytes(mine, {&source, nullptr}), translated(frame, {&source, nullptr}).bytes);
  EXPECT_EQ(to_bytes(original), frame.bytes);
  EXPECT_EQ(make_writable(original, 40, pool_), original);
  rte_pktmbuf_free(original);
}

}  // namespace
}  // namespace adit::nat_test

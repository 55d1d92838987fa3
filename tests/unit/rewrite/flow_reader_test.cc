// SPDX-License-Identifier: Apache-2.0
// What a packet says of its connection, and what packets are refused.
#include "l4_packets.h"

namespace adit {
namespace {

constexpr VrfId kVrf = 7;

class FlowReaderTest : public MbufTest {
 protected:
  Flow read(const Bytes& bytes) {
    rte_mbuf* mbuf = to_heap_mbuf(bytes);
    const Flow flow = read_flow(mbuf, kVrf);
    rte_pktmbuf_free(mbuf);
    return flow;
  }
  // The first buffer ends, with its memory, behind `head` bytes.
  Flow read_in_two(const Bytes& bytes, std::size_t head) {
    rte_mbuf* mbuf = to_heap_mbuf(slice(bytes, 0, head));
    if (rte_pktmbuf_chain(mbuf, to_mbuf(slice(bytes, head, bytes.size()))) != 0) std::abort();
    const Flow flow = read_flow(mbuf, kVrf);
    rte_pktmbuf_free(mbuf);
    return flow;
  }
  void expect_refused(const Bytes& bytes, DropReason reason, const std::string& what) {
    const Flow flow = read(bytes);
    EXPECT_EQ(flow.kind, FlowKind::kMalformed) << what;
    EXPECT_EQ(flow.drop, reason) << what;
  }
};

Endpoint end_at(const Frame& frame, std::size_t address, std::size_t port) {
  Endpoint endpoint;
  endpoint.ipv6 = frame.v6;
  std::memcpy(frame.v6 ? static_cast<void*>(&endpoint.address) : &endpoint.address.low,
              &frame.bytes.at(address), frame.v6 ? 16 : 4);
  if (port != 0) std::memcpy(&endpoint.port, &frame.bytes.at(port), 2);
  return endpoint;
}

FlowKey expected_key(const Frame& frame, bool with_ports, bool reverse) {
  Endpoint source = end_at(frame, frame.v6 ? 8 : 12, with_ports ? frame.l4 : 0);
  Endpoint destination = end_at(frame, frame.v6 ? 24 : 16, with_ports ? frame.l4 + 2 : 0);
  if (reverse) std::swap(source, destination);
  FlowKey key;
  key.source = source.address;
  key.destination = destination.address;
  key.source_port = source.port;
  key.destination_port = destination.port;
  key.vrf = kVrf;
  key.protocol = frame.protocol;
  key.ipv6 = frame.v6;
  return key;
}

TEST_F(FlowReaderTest, KeyAndPlacesOfAnyPacketAreRead) {
  for (unsigned seed = 1; seed <= 300; ++seed) {
    SCOPED_TRACE("seed " + std::to_string(seed));
    FrameMaker maker(seed);
    FrameShape shape = random_l4_shape(maker, 1500);
    shape.tcp_flags = static_cast<uint8_t>(maker.below(256));
    const Frame frame = make_packet(maker, shape);
    const Flow flow = read_in_two(frame.bytes, frame.payload + 8);
    ASSERT_EQ(flow.kind, FlowKind::kFlow);
    EXPECT_TRUE(flow.key == expected_key(frame, true, false));
    EXPECT_EQ(flow.packet.l4, frame.l4);
    EXPECT_EQ(flow.packet.end, frame.end);
    const bool sctp = shape.protocol == kSctpNumber;
    EXPECT_EQ(flow.payload_len, shape.payload - (sctp ? 4 : 0));
    if (shape.protocol == kTcpNumber) {
      EXPECT_EQ(flow.l4_type, shape.tcp_flags);
    }
    if (sctp) {
      EXPECT_EQ(flow.l4_type, frame.bytes[frame.l4 + 12]);
    }
  }
}

TEST_F(FlowReaderTest, ErrorHasTheKeyOfItsPacketInReverse) {
  for (unsigned seed = 1; seed <= 200; ++seed) {
    SCOPED_TRACE("seed " + std::to_string(seed));
    FrameMaker maker(seed);
    const Frame about = make_packet(maker, random_l4_shape(maker, 300));
    const std::size_t held = about.l4 + 8 + maker.below(200);
    for (unsigned type :
         about.v6 ? std::vector<unsigned>{1, 2, 3, 4} : std::vector<unsigned>{3, 11, 12}) {
      const Frame error = make_error(maker, about, std::min(held, about.end), type);
      const Flow flow = read(error.bytes);
      ASSERT_EQ(flow.kind, FlowKind::kIcmpError) << type;
      EXPECT_TRUE(flow.key == expected_key(about, true, true));
      EXPECT_EQ(flow.l4_type, type);
      EXPECT_EQ(flow.packet.l4, error.l4);
      EXPECT_EQ(flow.embedded.ip, error.l4 + 8);
      EXPECT_EQ(flow.embedded.l4, error.l4 + 8 + about.l4);
      EXPECT_EQ(flow.embedded.end, error.l4 + 8 + about.end);
    }
  }
}

TEST_F(FlowReaderTest, EchoAndOtherProtocolsHaveNoPorts) {
  FrameMaker maker(1);
  struct Case {
    bool v6;
    uint8_t protocol;
    unsigned type;
    FlowKind kind;
  };
  for (const Case& each :
       {Case{false, 1, 8, FlowKind::kEcho}, Case{false, 1, 0, FlowKind::kEcho},
        Case{false, 1, 13, FlowKind::kOther}, Case{true, 58, 128, FlowKind::kEcho},
        Case{true, 58, 129, FlowKind::kEcho}, Case{true, 58, 135, FlowKind::kOther},
        Case{false, 58, 128, FlowKind::kOther}, Case{true, 1, 8, FlowKind::kOther},
        Case{false, 50, 0, FlowKind::kOther}, Case{true, 47, 0, FlowKind::kOther}}) {
    Frame frame = make_packet(maker, {.v6 = each.v6, .protocol = each.protocol});
    put16(frame.bytes, frame.l4, each.type << 8);
    const Flow flow = read(frame.bytes);
    EXPECT_EQ(flow.kind, each.kind) << unsigned{each.protocol} << ' ' << each.type;
    EXPECT_TRUE(flow.key == expected_key(frame, false, false));
  }
}

TEST_F(FlowReaderTest, FragmentsAreToldAndAtomicOnesAreNone) {
  FrameMaker maker(2);
  for (unsigned value : {0x2000u, 0x0001u, 0x2001u}) {
    Frame frame = make_packet(maker, {});
    put16(frame.bytes, 6, value);
    EXPECT_EQ(read(frame.bytes).kind, FlowKind::kFragment) << value;
  }
  Frame whole = make_packet(maker, {});
  put16(whole.bytes, 6, 0x4000);
  EXPECT_EQ(read(whole.bytes).kind, FlowKind::kFlow);
  for (unsigned value : {0u, 1u, 8u}) {
    Frame frame = make_packet(maker, {.v6 = true, .extensions = 1});
    frame.bytes[6] = 44;  // the hop-by-hop header read as one of a fragment
    put32(frame.bytes, 40, 6u << 24 | value);
    EXPECT_EQ(read(frame.bytes).kind, value == 0 ? FlowKind::kFlow : FlowKind::kFragment) << value;
  }
}

TEST_F(FlowReaderTest, MalformedPacketsAreRefusedUnderTheirReason) {
  FrameMaker maker(3);
  const Frame tcp = make_packet(maker, {}), udp = make_packet(maker, {.protocol = 17});
  const Frame v6 = make_packet(maker, {.v6 = true, .extensions = 1});
  const auto changed = [](const Frame& frame, std::size_t at, unsigned value) {
    Bytes bytes = frame.bytes;
    put16(bytes, at, value);
    return bytes;
  };
  const auto shortened = [](const Frame& frame, std::size_t end) {
    Bytes bytes = slice(frame.bytes, 0, end);
    put16(bytes, frame.v6 ? 4 : 2, static_cast<unsigned>(frame.v6 ? end - 40 : end));
    return bytes;
  };
  expect_refused(slice(tcp.bytes, 0, 19), DropReason::k_ip_truncated, "19 bytes");
  expect_refused(slice(v6.bytes, 0, 39), DropReason::k_ip_truncated, "39 bytes");
  expect_refused(changed(tcp, 0, 0x5500), DropReason::k_ip_version, "version 5");
  expect_refused(changed(tcp, 0, 0x4400), DropReason::k_ip_header_length, "IHL 4");
  expect_refused(changed(tcp, 2, 1000), DropReason::k_ip_total_length, "total length");
  expect_refused(changed(v6, 4, 1000), DropReason::k_ip_total_length, "payload length");
  expect_refused(changed(v6, 40, 0x06ff), DropReason::k_ip_extensions, "hop-by-hop too long");
  expect_refused(make_packet(maker, {.v6 = true, .extensions = 4}).bytes,
                 DropReason::k_ip_extensions, "segments left");
  expect_refused(shortened(tcp, 39), DropReason::k_tcp_truncated, "19 bytes of TCP");
  expect_refused(changed(tcp, 32, 0x4010), DropReason::k_tcp_truncated, "data offset 4");
  expect_refused(changed(make_packet(maker, {.payload = 39}), 32, 0xf010),
                 DropReason::k_tcp_truncated, "TCP header of 60 bytes of 59");
  expect_refused(shortened(udp, 27), DropReason::k_udp_truncated, "7 bytes of UDP");
  expect_refused(changed(udp, 24, 7), DropReason::k_udp_length, "UDP length 7");
  expect_refused(changed(udp, 24, 109), DropReason::k_udp_length, "UDP length beyond the packet");
  expect_refused(shortened(make_packet(maker, {.protocol = kSctpNumber}), 35),
                 DropReason::k_sctp_truncated, "15 bytes of SCTP");
  expect_refused(shortened(make_packet(maker, {.protocol = 1}), 27), DropReason::k_icmp_truncated,
                 "7 bytes of ICMP");
}

TEST_F(FlowReaderTest, ErrorThatTellsNoConnectionIsRefused) {
  FrameMaker maker(4);
  for (bool v6 : {false, true}) {
    const Frame about = make_packet(maker, {.v6 = v6});
    for (std::size_t held = 0; held <= about.l4 + 8; ++held) {
      const Frame error = make_error(maker, about, held, 3);
      const Flow flow = read(error.bytes);
      EXPECT_EQ(flow.kind, held < about.l4 + 8 ? FlowKind::kMalformed : FlowKind::kIcmpError)
          << held;
      EXPECT_EQ(flow.drop, held < about.l4 + 8 ? DropReason::k_icmp_embedded : DropReason::kNone);
    }
  }
  Frame later = make_packet(maker, {});
  put16(later.bytes, 6, 1);
  expect_refused(make_error(maker, later, 40, 3).bytes, DropReason::k_icmp_embedded, "fragment");
  Frame tiny = make_packet(maker, {});
  put16(tiny.bytes, 2, 27);
  expect_refused(make_error(maker, tiny, 40, 3).bytes, DropReason::k_icmp_embedded, "27 bytes");
  const Frame four = make_packet(maker, {}), six = make_packet(maker, {.v6 = true});
  Frame mixed = make_error(maker, four, 28, 3);
  std::copy_n(six.bytes.begin(), 28, mixed.bytes.begin() + 28);
  expect_refused(mixed.bytes, DropReason::k_icmp_embedded, "IPv6 in ICMP of IPv4");
}

TEST_F(FlowReaderTest, NothingIsReadBehindATruncatedPacket) {
  for (unsigned seed = 1; seed <= 60; ++seed) {
    FrameMaker maker(seed);
    Frame frame = make_packet(maker, random_l4_shape(maker, 1));
    if (seed % 2 == 0) frame = make_error(maker, frame, frame.end, 3);
    ASSERT_NE(read(frame.bytes).kind, FlowKind::kMalformed);
    for (std::size_t len = 1; len < frame.bytes.size(); ++len) {
      EXPECT_EQ(read(slice(frame.bytes, 0, len)).kind, FlowKind::kMalformed) << seed << ' ' << len;
      read_in_two(frame.bytes, len);
    }
  }
}

TEST_F(FlowReaderTest, HeadersInTwoBuffersAreRefused) {
  FrameMaker maker(5);
  const FrameShape shapes[] = {{.v6 = true, .extensions = 3}, {.protocol = 17}, {.protocol = 132}};
  const std::size_t needed[] = {20, 8, 16};
  for (unsigned i = 0; i < 3; ++i) {
    const Frame frame = make_packet(maker, shapes[i]);
    for (std::size_t head = 1; head <= frame.l4 + needed[i]; ++head)
      EXPECT_EQ(read_in_two(frame.bytes, head).kind,
                head < frame.l4 + needed[i] ? FlowKind::kMalformed : FlowKind::kFlow)
          << i << ' ' << head;
  }
}

}  // namespace
}  // namespace adit

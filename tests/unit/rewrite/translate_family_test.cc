// SPDX-License-Identifier: Apache-2.0
// Translation between the IP versions; every result is read and summed anew.
#include "rewrite/translate_family.h"

#include "l4_packets.h"

namespace adit {
namespace {

class TranslateFamilyTest : public MbufTest {
 protected:
  // In place; the result also says why not.
  static DropReason translate_mbuf(rte_mbuf* mbuf, const Translation& to) {
    const Flow flow = read_flow(mbuf, 0);
    EXPECT_NE(flow.kind, FlowKind::kMalformed);
    return translate_family(mbuf, flow, to, 0x1234);
  }
  void expect_refused(rte_mbuf* mbuf, bool to_ipv6, DropReason reason, const std::string& what) {
    FrameMaker maker(99);
    const Endpoint source = random_endpoint(maker, to_ipv6),
                   other = random_endpoint(maker, to_ipv6);
    EXPECT_EQ(translate_mbuf(mbuf, {&source, &other}), reason) << what;
    rte_pktmbuf_free(mbuf);
  }
};

unsigned tos_of(const Bytes& packet) {
  return packet[0] >> 4 == 6 ? get16(packet, 0) >> 4 & 0xff : packet[1];
}

TEST_F(TranslateFamilyTest, AnyPacketBecomesOneOfTheOtherVersionAndComesBack) {
  for (unsigned seed = 1; seed <= 500; ++seed) {
    SCOPED_TRACE("seed " + std::to_string(seed));
    FrameMaker maker(seed);
    const Frame frame = make_packet(maker, random_l4_shape(maker, seed % 3 == 0 ? 8000 : 1400));
    const bool to6 = !frame.v6;
    const Endpoint source = random_endpoint(maker, to6), destination = random_endpoint(maker, to6);
    rte_mbuf* mbuf = to_random_chain(maker, frame.bytes, frame.payload + 8);
    const Flow before = read_flow(mbuf, 0);
    ASSERT_EQ(translate_family(mbuf, before, {&source, &destination}, 0x1234), DropReason::kNone);
    const Bytes got = to_bytes(mbuf);
    EXPECT_EQ(fault_of(got), "");
    const std::size_t header = to6 ? 40 : 20;
    ASSERT_EQ(got.size(), header + frame.end - frame.l4);
    EXPECT_EQ(got[0], to6 ? 0x60 | tos_of(frame.bytes) >> 4 : 0x45);
    EXPECT_EQ(tos_of(got), tos_of(frame.bytes));
    EXPECT_EQ(got[to6 ? 7 : 8], frame.bytes[to6 ? 8 : 7]);
    EXPECT_EQ(got[to6 ? 6 : 9], frame.protocol);
    if (!to6) {
      EXPECT_EQ(get32(got, 4), got.size() <= 1260 ? 0x12340000u : 0x4000u);
    }
    const std::size_t payload = frame.payload + 8;  // SCTP's header is as much longer
    EXPECT_EQ(slice(got, payload - frame.l4 + header, got.size()),
              slice(frame.bytes, payload, frame.end));

    const Flow flow = read_flow(mbuf, 0);
    ASSERT_EQ(flow.kind, FlowKind::kFlow);
    EXPECT_EQ(source_of(flow.key).address, source.address);
    EXPECT_EQ(destination_of(flow.key).address, destination.address);
    EXPECT_EQ(flow.key.source_port, source.port);
    EXPECT_EQ(flow.key.destination_port, destination.port);
    const Endpoint old_source = source_of(before.key), old_destination = destination_of(before.key);
    ASSERT_EQ(translate_family(mbuf, flow, {&old_source, &old_destination}, 7), DropReason::kNone);
    const Bytes back = to_bytes(mbuf);
    EXPECT_EQ(fault_of(back), "");
    EXPECT_EQ(slice(back, to6 ? 20 : 40, back.size()), slice(frame.bytes, frame.l4, frame.end));
    rte_pktmbuf_free(mbuf);
  }
}

TEST_F(TranslateFamilyTest, UdpWithoutChecksumGetsOneInIpv6) {
  for (unsigned payload : {0u, 1u, 100u, 3001u}) {
    FrameMaker maker(payload);
    Frame frame = make_packet(maker, {.protocol = kUdpNumber, .payload = payload});
    put16(frame.bytes, frame.l4 + 6, 0);
    const Endpoint source = random_endpoint(maker, true),
                   destination = random_endpoint(maker, true);
    rte_mbuf* mbuf = to_mbuf(frame.bytes, {frame.payload, 33});
    ASSERT_EQ(translate_mbuf(mbuf, {&source, &destination}), DropReason::kNone);
    EXPECT_EQ(fault_of(to_bytes(mbuf)), "");
    rte_pktmbuf_free(mbuf);
  }
}

TEST_F(TranslateFamilyTest, PendingChecksumBecomesThatOfTheOtherPseudoHeader) {
  FrameMaker maker(5);
  for (bool v6 : {false, true}) {
    Frame frame = make_packet(maker, {.v6 = v6, .payload = 3000});
    frame.leave_pseudo_sum();
    const Endpoint source = random_endpoint(maker, !v6), destination = random_endpoint(maker, !v6);
    rte_mbuf* mbuf = to_mbuf(frame.bytes);
    mbuf->ol_flags |= RTE_MBUF_F_TX_TCP_SEG | (v6 ? RTE_MBUF_F_TX_IPV6 : RTE_MBUF_F_TX_IPV4);
    ASSERT_EQ(translate_mbuf(mbuf, {&source, &destination}), DropReason::kNone);
    EXPECT_EQ(mbuf->ol_flags,
              RTE_MBUF_F_TX_TCP_SEG | (v6 ? RTE_MBUF_F_TX_IPV4 : RTE_MBUF_F_TX_IPV6));
    Frame got;
    got.bytes = to_bytes(mbuf);
    got.v6 = !v6;
    got.l4 = v6 ? 20 : 40;
    got.destination = v6 ? 16 : 24;
    got.protocol = kTcpNumber;
    EXPECT_EQ(get16(got.bytes, got.l4 + 16),
              naive_sum(got.pseudo_header(got.bytes.size() - got.l4)));
    rte_pktmbuf_free(mbuf);
  }
}

struct IcmpCase {
  unsigned type, code;
  uint32_t word;
  unsigned to_type, to_code;
  uint32_t to_word;
};
// RFC 7915 sections 4.2 and 5.2
constexpr IcmpCase kToIpv6[] = {
    {3, 0, 0, 1, 0, 0},          {3, 1, 0, 1, 0, 0},          {3, 2, 0, 4, 1, 6},
    {3, 3, 0, 1, 4, 0},          {3, 4, 1400, 2, 0, 1420},    {3, 4, 600, 2, 0, 1280},
    {3, 4, 0, 2, 0, 1512},       {3, 5, 0, 1, 0, 0},          {3, 6, 0, 1, 0, 0},
    {3, 7, 0, 1, 0, 0},          {3, 8, 0, 1, 0, 0},          {3, 9, 0, 1, 1, 0},
    {3, 10, 0, 1, 1, 0},         {3, 11, 0, 1, 0, 0},         {3, 12, 0, 1, 0, 0},
    {3, 13, 0, 1, 1, 0},         {3, 15, 0, 1, 1, 0},         {11, 0, 0, 3, 0, 0},
    {11, 1, 0, 3, 1, 0},         {12, 0, 0, 4, 0, 0},         {12, 0, 1u << 24, 4, 0, 1},
    {12, 0, 2u << 24, 4, 0, 4},  {12, 2, 8u << 24, 4, 0, 7},  {12, 0, 9u << 24, 4, 0, 6},
    {12, 0, 12u << 24, 4, 0, 8}, {12, 0, 19u << 24, 4, 0, 24}};
constexpr IcmpCase kToIpv4[] = {
    {1, 0, 0, 3, 1, 0},          {1, 1, 0, 3, 10, 0},        {1, 2, 0, 3, 1, 0},
    {1, 3, 0, 3, 1, 0},          {1, 4, 0, 3, 3, 0},         {2, 0, 1400, 3, 4, 1380},
    {2, 0, ~0u, 3, 4, 65535},    {3, 0, 0, 11, 0, 0},        {3, 1, 0, 11, 1, 0},
    {4, 1, 6, 3, 2, 0},          {4, 0, 0, 12, 0, 0},        {4, 0, 5, 12, 0, 2u << 24},
    {4, 0, 6, 12, 0, 9u << 24},  {4, 0, 7, 12, 0, 8u << 24}, {4, 0, 8, 12, 0, 12u << 24},
    {4, 0, 39, 12, 0, 16u << 24}};
constexpr IcmpCase kNotToIpv6[] = {{3, 14, 0, 0, 0, 0},
                                   {3, 16, 0, 0, 0, 0},
                                   {12, 1, 0, 0, 0, 0},
                                   {12, 0, 4u << 24, 0, 0, 0},
                                   {12, 0, 20u << 24, 0, 0, 0}};
constexpr IcmpCase kNotToIpv4[] = {
    {1, 5, 0, 0, 0, 0}, {4, 2, 0, 0, 0, 0}, {4, 0, 2, 0, 0, 0}, {4, 0, 40, 0, 0, 0}};

TEST_F(TranslateFamilyTest, ErrorsSayTheSameOfTheTranslatedPacket) {
  for (bool v6 : {false, true}) {
    for (const IcmpCase& each : v6 ? std::span<const IcmpCase>(kToIpv4) : kToIpv6) {
      SCOPED_TRACE((v6 ? "6: " : "4: ") + std::to_string(each.type) + "/" +
                   std::to_string(each.code) + " " + std::to_string(each.word));
      FrameMaker maker(each.type * 16 + each.code);
      FrameShape shape = random_l4_shape(maker, 100);
      shape.v6 = v6;
      shape.payload = 2000 - 28;  // 2000 bytes with IPv4's header, unless it is TCP
      shape.protocol = maker.below(2) == 0 ? kUdpNumber : kSctpNumber;
      shape.ip_options = shape.extensions = 0;
      const Frame about = make_packet(maker, shape);
      const std::size_t held = each.code % 2 == 0 ? about.l4 + 8 : about.l4 + 300;
      const Frame error = make_error(maker, about, held, each.type, each.code, each.word);
      const Endpoint source = random_endpoint(maker, !v6),
                     destination = random_endpoint(maker, !v6);
      rte_mbuf* mbuf = to_mbuf(error.bytes);
      ASSERT_EQ(translate_mbuf(mbuf, {&source, &destination}), DropReason::kNone);
      const Bytes got = to_bytes(mbuf);
      EXPECT_EQ(fault_of(got), "");
      const std::size_t header = v6 ? 20 : 40;
      EXPECT_EQ(get16(got, header), each.to_type << 8 | each.to_code);
      EXPECT_EQ(get32(got, header + 4), each.to_word);
      const Flow flow = read_flow(mbuf, 0);
      ASSERT_EQ(flow.kind, FlowKind::kIcmpError);
      EXPECT_EQ(flow.key.source, source.address);
      EXPECT_EQ(flow.key.destination, destination.address);
      EXPECT_EQ(flow.key.source_port, source.port);
      EXPECT_EQ(flow.key.destination_port, destination.port);
      EXPECT_EQ(flow.embedded.end - flow.embedded.l4, about.end - about.l4);
      // Behind the checksums.
      if (held > about.l4 + 8) {
        EXPECT_EQ(slice(got, flow.embedded.l4 + 12, got.size()),
                  slice(about.bytes, about.l4 + 12, held));
      }
      rte_pktmbuf_free(mbuf);
    }
  }
}

TEST_F(TranslateFamilyTest, WholeEmbeddedPacketsHaveTheirChecksumsRight) {
  for (unsigned seed = 1; seed <= 200; ++seed) {
    SCOPED_TRACE("seed " + std::to_string(seed));
    FrameMaker maker(seed);
    const Frame about = make_packet(maker, random_l4_shape(maker, 300));
    const Frame error = make_error(maker, about, about.end, 3);
    const Endpoint source = random_endpoint(maker, !about.v6);
    const Endpoint destination = random_endpoint(maker, !about.v6);
    rte_mbuf* mbuf = to_mbuf(error.bytes);
    ASSERT_EQ(translate_mbuf(mbuf, {&source, &destination}), DropReason::kNone);
    EXPECT_EQ(fault_of(to_bytes(mbuf)), "");
    rte_pktmbuf_free(mbuf);
  }
}

TEST_F(TranslateFamilyTest, ExtensionsOfAnErrorAreLeftOutAndItsLengthIsBounded) {
  FrameMaker maker(6);
  for (bool v6 : {false, true}) {
    const Frame about = make_packet(maker, {.v6 = v6, .protocol = kUdpNumber, .payload = 1400});
    // RFC 4884: 128 bytes of the packet, in words of 4 or 8, then extensions.
    Frame error = make_error(maker, about, 400, v6 ? 1 : 3, 0, v6 ? 16u << 24 : 32u << 16);
    const Endpoint source = random_endpoint(maker, !v6), destination = random_endpoint(maker, !v6);
    rte_mbuf* mbuf = to_mbuf(error.bytes);
    ASSERT_EQ(translate_mbuf(mbuf, {&source, &destination}), DropReason::kNone);
    const Bytes got = to_bytes(mbuf);
    EXPECT_EQ(fault_of(got), "");
    EXPECT_EQ(got.size(), v6 ? 20 + 8 + 128 - 20 : 40 + 8 + 128 + 20u);
    rte_pktmbuf_free(mbuf);
  }
  const Frame about = make_packet(maker, {.protocol = kUdpNumber, .payload = 1400});
  rte_mbuf* mbuf = to_mbuf(make_error(maker, about, 1400, 3).bytes);
  const Endpoint source = random_endpoint(maker, true), destination = random_endpoint(maker, true);
  ASSERT_EQ(translate_mbuf(mbuf, {&source, &destination}), DropReason::kNone);
  EXPECT_EQ(mbuf->pkt_len, 1280u);
  EXPECT_EQ(fault_of(to_bytes(mbuf)), "");
  rte_pktmbuf_free(mbuf);
}

TEST_F(TranslateFamilyTest, WhatHasNoCounterpartIsRefused) {
  FrameMaker maker(7);
  for (bool v6 : {false, true}) {
    const Frame about = make_packet(maker, {.v6 = v6});
    for (const IcmpCase& each : v6 ? std::span<const IcmpCase>(kNotToIpv4) : kNotToIpv6)
      expect_refused(to_mbuf(make_error(maker, about, 60, each.type, each.code, each.word).bytes),
                     !v6, DropReason::k_icmp_untranslatable,
                     std::to_string(each.type) + "/" + std::to_string(each.code));
    Frame wrong = make_error(maker, about, 60, 3);
    wrong.bytes.back() ^= 1;
    expect_refused(to_mbuf(wrong.bytes), !v6, DropReason::k_icmp_checksum, "checksum");
  }
  const Frame esp = make_packet(maker, {.protocol = 50});
  expect_refused(to_mbuf(make_error(maker, esp, 60, 3).bytes), true,
                 DropReason::k_icmp_untranslatable, "about ESP");
  const Frame four = make_packet(maker, {});
  expect_refused(to_heap_mbuf(four.bytes), true, DropReason::k_no_headroom, "no headroom");
  expect_refused(to_heap_mbuf(make_error(maker, four, 60, 3).bytes), true,
                 DropReason::k_no_headroom, "no headroom for an error");
  for (unsigned over : {0u, 1u}) {
    const Frame longest = make_packet(maker, {.v6 = true, .payload = 65535 - 20 - 20 + over});
    expect_refused(to_mbuf(longest.bytes), false,
                   over == 1 ? DropReason::k_mtu_exceeded : DropReason::kNone, "longest");
  }
}

}  // namespace
}  // namespace adit

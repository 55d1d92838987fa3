// SPDX-License-Identifier: Apache-2.0
#include "packet/inner.h"

#include <gtest/gtest.h>

#include <vector>

namespace adit {
namespace {

std::vector<uint8_t> ipv4_frame(uint8_t tos, uint16_t fragment = 0, uint16_t src_port = 1000) {
  std::vector<uint8_t> frame(14 + 20 + 8);
  reinterpret_cast<EthernetHeader*>(frame.data())->ether_type = be16(kEtherTypeIpv4);
  auto* ip = reinterpret_cast<Ipv4Header*>(frame.data() + 14);
  *ip = {0x45,           tos,     be16(28),         be16(1),         be16(fragment), 64,
         kIpProtocolUdp, be16(0), be32(0x0a000001), be32(0x0a000002)};
  ip->checksum = be16::from_raw(static_cast<uint16_t>(~fold_sum(sum_words(ip, sizeof *ip))));
  *reinterpret_cast<UdpHeader*>(ip + 1) = {be16(src_port), be16(2000), be16(8), be16(0)};
  return frame;
}

std::vector<uint8_t> ipv6_frame(uint8_t traffic_class) {
  std::vector<uint8_t> frame(14 + 40 + 8);
  reinterpret_cast<EthernetHeader*>(frame.data())->ether_type = be16(kEtherTypeIpv6);
  auto* ip = reinterpret_cast<Ipv6Header*>(frame.data() + 14);
  *ip = {};
  ip->version_class_label = be32(6u << 28 | uint32_t{traffic_class} << 20 | 0x12345);
  ip->next_header = kIpProtocolUdp;
  return frame;
}

std::vector<uint8_t> tagged(std::vector<uint8_t> frame) {
  const uint8_t tag[] = {0x81, 0x00, 0x00, 0x05};
  frame.insert(frame.begin() + 12, std::begin(tag), std::end(tag));
  return frame;
}

uint8_t ecn_of(const std::vector<uint8_t>& frame) {
  return describe_inner(frame.data(), static_cast<unsigned>(frame.size())).tos & kEcnMask;
}

// RFC 6040 figure 4: rows are the inner ECN field, columns the outer one; -1 is "drop".
constexpr int kExpected[4][4] = {{0, 0, 0, -1}, {1, 1, 1, 3}, {2, 1, 2, 3}, {3, 3, 3, 3}};

TEST(Ecn, DecapsulationFollowsTheWholeTableOfRfc6040) {
  for (uint8_t inner = 0; inner < 4; ++inner) {
    for (uint8_t outer = 0; outer < 4; ++outer) {
      const uint8_t dscp = 0xb8;
      for (auto frame :
           {ipv4_frame(dscp | inner), ipv6_frame(dscp | inner), tagged(ipv4_frame(dscp | inner))}) {
        const auto before = frame;
        const bool keep =
            apply_outer_fields(frame.data(), static_cast<unsigned>(frame.size()), {.tos = outer});
        const int expected = kExpected[inner][outer];
        ASSERT_EQ(keep, expected >= 0) << int{inner} << int{outer};
        if (expected < 0) continue;
        EXPECT_EQ(ecn_of(frame), expected) << int{inner} << int{outer};
        if (expected == inner) {
          EXPECT_EQ(frame, before);
        }
      }
    }
  }
}

TEST(Ecn, Ipv4ChecksumStaysRightWhenEcnChanges) {
  auto frame = ipv4_frame(2);
  ASSERT_TRUE(apply_outer_fields(frame.data(), static_cast<unsigned>(frame.size()), {.tos = 3}));
  EXPECT_TRUE(ipv4_header_sum_ok(reinterpret_cast<Ipv4Header*>(frame.data() + 14), 20));
}

TEST(Ecn, FramesThatAreNotIpOrTooShortPassUnchanged) {
  std::vector<uint8_t> arp(60, 0xff);
  reinterpret_cast<EthernetHeader*>(arp.data())->ether_type = be16(kEtherTypeArp);
  auto truncated = ipv4_frame(0);
  truncated.resize(20);
  for (auto frame : {arp, truncated, std::vector<uint8_t>(14, 0x81)}) {
    const auto before = frame;
    EXPECT_TRUE(apply_outer_fields(frame.data(), static_cast<unsigned>(frame.size()), {.tos = 3}));
    EXPECT_EQ(frame, before);
  }
}

uint32_t entropy_of(const std::vector<uint8_t>& frame) {
  return describe_inner(frame.data(), static_cast<unsigned>(frame.size())).entropy;
}

TEST(Entropy, DiffersByPortAndIsEqualForAllFragments) {
  EXPECT_NE(entropy_of(ipv4_frame(0, 0, 1000)), entropy_of(ipv4_frame(0, 0, 1001)));
  EXPECT_EQ(entropy_of(ipv4_frame(0, kIpv4MoreFragments, 1000)),
            entropy_of(ipv4_frame(0, 185, 4242)));
}

TEST(Entropy, SpreadsOverSourcePorts) {
  std::array<int, 16> buckets{};
  for (uint16_t port = 0; port < 1600; ++port) ++buckets[entropy_of(ipv4_frame(0, 0, port)) >> 28];
  for (int count : buckets) EXPECT_NEAR(count, 100, 50);
}

TEST(Entropy, EveryPrefixOfAFrameIsSafe) {
  for (const auto& whole : {ipv4_frame(0), ipv6_frame(0), tagged(tagged(ipv4_frame(0)))}) {
    for (size_t length = 14; length <= whole.size(); ++length) {
      const std::vector<uint8_t> prefix(whole.begin(), whole.begin() + static_cast<long>(length));
      EXPECT_EQ(entropy_of(prefix), entropy_of(prefix)) << length;  // address sanitizer watches
    }
  }
}

TEST(Checksum, UpdateEqualsRecomputation) {
  for (uint32_t to = 0; to <= 0xffff; to += 257) {
    Ipv4Header ip{};
    ip = {0x45, 0, be16(28), be16(7), be16(0), 64, 17, be16(0), be32(0xc0000201), be32(0xc0000202)};
    ip.checksum = be16::from_raw(static_cast<uint16_t>(~fold_sum(sum_words(&ip, sizeof ip))));
    ip.checksum = update_checksum(ip.checksum, ip.id, be16(static_cast<uint16_t>(to)));
    ip.id = be16(static_cast<uint16_t>(to));
    EXPECT_TRUE(ipv4_header_sum_ok(&ip, sizeof ip)) << to;
  }
}

}  // namespace
}  // namespace adit

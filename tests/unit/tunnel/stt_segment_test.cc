// SPDX-License-Identifier: Apache-2.0
// STT's headers, checksums and segmentation.
#include "tunnel/stt_segment.h"

#include <random>

#include "stt_test.h"

namespace adit {
namespace {

using namespace stt_test;

TEST(SttHeader, SequenceIsLengthAndOffset) {
  EXPECT_EQ(stt_place(0x12345678).frame_len, 0x1234);
  EXPECT_EQ(stt_place(0x12345678).offset, 0x5678);
  EXPECT_TRUE(is_whole_stt_frame(stt_place(100 << 16), 100));
  EXPECT_FALSE(is_whole_stt_frame(stt_place(100 << 16), 99));
  EXPECT_FALSE(is_whole_stt_frame(stt_place(100 << 16 | 1), 100));
}

TEST(SttHeader, ChecksTheFrameHeader) {
  struct {
    const char* what;
    uint8_t version, flags, l4_offset;
    uint16_t frame_len;
    DropReason reason;
  } const cases[] = {
      {"plain", 0, 0, 0, 32, DropReason::kNone},
      {"version", 1, 0, 0, 100, DropReason::k_stt_version},
      {"verified", 0, kSttChecksumVerified, 255, 32, DropReason::kNone},
      {"unknown flags are ignored", 0, 0xf0, 0, 32, DropReason::kNone},
      {"both", 0, kSttChecksumVerified | kSttChecksumPartial | kSttIpv4, 34, 200,
       DropReason::k_stt_flags},
      {"UDP fits", 0, kSttChecksumPartial | kSttIpv4, 34, 60, DropReason::kNone},
      {"UDP does not", 0, kSttChecksumPartial | kSttIpv4, 34, 59, DropReason::k_stt_flags},
      {"TCP fits", 0, kSttChecksumPartial | kSttIpv4 | kSttTcp, 34, 72, DropReason::kNone},
      {"TCP does not", 0, kSttChecksumPartial | kSttIpv4 | kSttTcp, 34, 71,
       DropReason::k_stt_flags},
      {"inside IPv4", 0, kSttChecksumPartial | kSttIpv4, 33, 200, DropReason::k_stt_flags},
      {"behind IPv6", 0, kSttChecksumPartial, 54, 200, DropReason::kNone},
      {"inside IPv6", 0, kSttChecksumPartial, 53, 200, DropReason::k_stt_flags},
  };
  for (const auto& each : cases) {
    SttFrameHeader header = {};
    header.version = each.version;
    header.flags = each.flags;
    header.l4_offset = each.l4_offset;
    EXPECT_EQ(check_stt_frame(header, each.frame_len), each.reason) << each.what;
  }
}

TEST(SttHeader, WritesTheTcpLikeHeader) {
  SttTcpHeader header;
  write_stt_tcp(header, 0xc123, kSttPort, 0x1234, 0x0567, 0x89abcdef, SttLast::kNo);
  const Bytes wanted = {0xc1, 0x23, 0x1d, 0x2f, 0x12, 0x34, 0x05, 0x67, 0x89, 0xab,
                        0xcd, 0xef, 0x50, 0x10, 0,    0,    0,    0,    0,    0};
  EXPECT_EQ(std::memcmp(&header, wanted.data(), wanted.size()), 0);
  write_stt_tcp(header, 0xc123, kSttPort, 0x1234, 0x0567, 0x89abcdef, SttLast::kYes);
  EXPECT_EQ(header.flags, 0x18);
}

// RFC 1071, word by word.
uint16_t slow_sum(const Bytes& bytes) {
  uint32_t sum = 0;
  for (std::size_t i = 0; i < bytes.size(); ++i) {
    sum += uint32_t{bytes[i]} << (i % 2 == 0 ? 8 : 0);
    sum = (sum & 0xffff) + (sum >> 16);
  }
  return static_cast<uint16_t>(sum);
}

TEST(Checksum, CountsCarriesBehindBuffersOfOddLength) {
  rte_mbuf* mbuf = make_packet(Bytes(200, 0xff), {33, 40, 1, 5, 0});
  EXPECT_EQ(sum_mbuf(mbuf, 0, 200), 0xffff);
  EXPECT_EQ(sum_mbuf(mbuf, 0, 0), 0);
  rte_pktmbuf_free(mbuf);
  std::mt19937 random(1);
  for (int round = 0; round < 2000; ++round) {
    Bytes bytes(1 + random() % 3000);
    for (uint8_t& byte : bytes) byte = static_cast<uint8_t>(random());
    std::vector<unsigned> pieces(random() % 10);
    for (unsigned& piece : pieces) piece = static_cast<unsigned>(random() % 400);
    mbuf = make_packet(bytes, pieces);
    const auto offset = static_cast<uint32_t>(random() % bytes.size());
    const auto len = static_cast<uint32_t>(random() % (bytes.size() - offset + 1));
    const Bytes part(bytes.begin() + offset, bytes.begin() + offset + len);
    ASSERT_EQ(sum_mbuf(mbuf, offset, len), be16(slow_sum(part)).raw()) << "round " << round;
    rte_pktmbuf_free(mbuf);
  }
}

template <class IpHeader>
void expect_true_checksum(const IpHeader& ip, const Bytes& pseudo, unsigned payload) {
  Bytes tcp(sizeof(SttTcpHeader) + payload, 0x5a);
  SttTcpHeader header;
  write_stt_tcp(header, 50000, kSttPort, 100, 0, 5, SttLast::kYes);
  std::memcpy(tcp.data(), &header, sizeof header);
  const auto tcp_len = static_cast<uint16_t>(tcp.size());
  rte_mbuf* mbuf = make_packet(tcp, {20, 3});
  header.checksum = stt_checksum(ip, mbuf, 0, tcp_len);
  Bytes all = pseudo;
  all.insert(all.end(), {0, 6, static_cast<uint8_t>(tcp_len >> 8), static_cast<uint8_t>(tcp_len)});
  all.insert(all.end(), tcp.begin(), tcp.end());
  EXPECT_EQ(header.checksum.host(), static_cast<uint16_t>(~slow_sum(all)));
  std::memcpy(rte_pktmbuf_mtod(mbuf, void*), &header, sizeof header);
  EXPECT_TRUE(stt_checksum_ok(ip, mbuf, 0, tcp_len));
  ++*rte_pktmbuf_mtod(rte_pktmbuf_lastseg(mbuf), uint8_t*);
  EXPECT_FALSE(stt_checksum_ok(ip, mbuf, 0, tcp_len));
  rte_pktmbuf_free(mbuf);
}

TEST(SttHeader, ChecksumIsThatOfTcp) {
  for (unsigned payload : {100u, 101u}) {
    Ipv4Header ipv4 = {};
    ipv4.src = be32(0xc0000201);
    ipv4.dst = be32(0xc0000202);
    expect_true_checksum(ipv4, {192, 0, 2, 1, 192, 0, 2, 2}, payload);
    Ipv6Header ipv6 = {};
    Bytes addresses = pattern(32);
    std::copy_n(addresses.begin(), 16, ipv6.src.begin());
    std::copy_n(addresses.begin() + 16, 16, ipv6.dst.begin());
    expect_true_checksum(ipv6, addresses, payload);
  }
}

TEST(SttPayload, LastSegmentIsNotTooShort) {
  for (uint32_t max : {21u, 22u, 41u, 100u, 1000u, 1460u})
    for (uint32_t total = 32; total < 5000; ++total) {
      uint32_t count = 0, last = 0;
      for (uint32_t left = total; left > 0; left -= last, ++count) {
        last = next_stt_payload(left, max);
        ASSERT_TRUE(last > 0 && last <= max);
      }
      ASSERT_EQ(count, (total + max - 1) / max) << total << " by " << max;
      // 20 or less cannot be avoided where two halves of little more than `max` are as short.
      ASSERT_TRUE(count == 1 || last > kSttShortTail || max <= 2 * kSttShortTail)
          << total << " by " << max << " ends in " << last;
    }
  EXPECT_EQ(next_stt_payload(5, 3), 3u);  // nothing helps, but it ends
}

struct SttSplit : testing::Test {
  ~SttSplit() override { EXPECT_EQ(rte_mempool_in_use_count(pool()), in_use); }
  unsigned in_use = rte_mempool_in_use_count(pool());
  rte_mbuf* out[kMaxSttBuffers] = {};
};

TEST_F(SttSplit, FrameThatFitsStaysAsItIs) {
  rte_mbuf* frame = make_packet(pattern(1000));
  ASSERT_EQ(split_stt(frame, 1000, 54, pool(), out), 1u);
  EXPECT_EQ(out[0], frame);
  rte_pktmbuf_free(frame);
}

TEST_F(SttSplit, FrameWithoutHeadroomGetsABufferInFront) {
  const Bytes bytes = pattern(1000);
  rte_mbuf* frame = make_packet(bytes, {500});
  rte_pktmbuf_prepend(frame, RTE_PKTMBUF_HEADROOM - 53);
  const Bytes all = bytes_of(frame);
  ASSERT_EQ(split_stt(frame, 2000, 54, pool(), out), 1u);
  EXPECT_NE(out[0], frame);
  EXPECT_GE(rte_pktmbuf_headroom(out[0]), 54);
  EXPECT_EQ(bytes_of(out[0]), all);
  EXPECT_EQ(rte_mbuf_check(out[0], 1, nullptr), 0);
  rte_pktmbuf_free(out[0]);
}

TEST_F(SttSplit, SharesThePayload) {
  const Bytes bytes = pattern(3000);
  rte_mbuf* frame = make_packet(bytes, {100, 1900});
  const unsigned before = rte_mempool_in_use_count(pool());
  ASSERT_EQ(split_stt(frame, 1000, 54, pool(), out), 3u);
  EXPECT_EQ(rte_mempool_in_use_count(pool()), before + 3 + 4);  // heads, slices
  for (unsigned i = 0; i < 3; ++i) {
    EXPECT_EQ(out[i]->data_len, 0);
    EXPECT_GE(rte_pktmbuf_headroom(out[i]), 54);
    EXPECT_EQ(rte_mbuf_check(out[i], 1, nullptr), 0);
    EXPECT_EQ(bytes_of(out[i]), Bytes(bytes.begin() + i * 1000, bytes.begin() + (i + 1) * 1000));
  }
  EXPECT_EQ(rte_pktmbuf_mtod(out[0]->next, void*), rte_pktmbuf_mtod(frame, void*));
  rte_pktmbuf_free_bulk(out, 3);
}

TEST_F(SttSplit, FailsWholeOrNotAtAll) {
  const Bytes bytes = pattern(3000);
  rte_mbuf* frame = make_packet(bytes);
  EXPECT_EQ(split_stt(frame, 1000, 54, pool(), std::span(out, 2)), 0u);
  EXPECT_EQ(split_stt(frame, 0, 54, pool(), out), 0u);
  EXPECT_EQ(split_stt(frame, 1000, 60000, pool(), out), 0u);
  EXPECT_EQ(split_stt(frame, 5000, 60000, pool(), out), 0u);
  // Three segments in two buffers: seven in all.
  rte_mempool* small = rte_pktmbuf_pool_create("stt_small", 7, 0, 0, 256, SOCKET_ID_ANY);
  ASSERT_NE(small, nullptr);
  for (unsigned left = 0; left < 7; ++left) {
    std::vector<rte_mbuf*> taken(7 - left);
    ASSERT_EQ(rte_pktmbuf_alloc_bulk(small, taken.data(), static_cast<unsigned>(taken.size())), 0);
    EXPECT_EQ(split_stt(frame, 1000, 54, small, out), 0u) << left;
    EXPECT_EQ(rte_mempool_avail_count(small), left);
    rte_pktmbuf_free_bulk(taken.data(), static_cast<unsigned>(taken.size()));
  }
  EXPECT_EQ(bytes_of(frame), bytes);
  ASSERT_EQ(split_stt(frame, 1000, 54, small, out), 3u);
  rte_pktmbuf_free_bulk(out, 3);
  EXPECT_EQ(rte_mempool_avail_count(small), 7u);
  rte_mempool_free(small);
}

TEST_F(SttSplit, WhatIsSplitIsReassembled) {
  for (const std::size_t size : {std::size_t{32}, std::size_t{1460}, std::size_t{1461},
                                 std::size_t{1480}, std::size_t{9000}, std::size_t{65535}})
    for (const uint32_t max_payload : {536u, 1460u, 8960u}) {
      TestReassembly stt;
      const Bytes bytes = pattern(size);
      const unsigned count = split_stt(make_packet(bytes), max_payload, kOuterLen, pool(), out);
      ASSERT_GT(count, 0u) << size;
      if (count == 1) {
        rte_pktmbuf_free(out[0]);
        continue;
      }
      uint16_t offset = 0;
      for (unsigned i = count; i-- > 0;) {  // backwards
        offset = static_cast<uint16_t>(offset + out[i]->pkt_len);
        const auto len = static_cast<uint16_t>(out[i]->pkt_len);
        std::memset(rte_pktmbuf_prepend(out[i], kOuterLen), 0xee, kOuterLen);
        if (max_payload == 536) {  // as off a wire: header buffers and slices would be too many
          rte_mbuf* one = make_packet(bytes_of(out[i]));
          rte_pktmbuf_free(out[i]);
          out[i] = one;
        }
        const uint32_t id = 0xeeeeeeee;
        const uint32_t place = static_cast<uint32_t>(size << 16) | uint32_t(size - offset);
        const SttResult result = stt->add({key(1, id), place, out[i], kOuterLen, len, 0}, 0);
        ASSERT_EQ(result.kind == SttResult::Kind::kComplete, i == 0) << size << ' ' << i;
        if (i != 0) continue;
        EXPECT_EQ(result.segments, count);
        EXPECT_EQ(fault_of(result, key(1, id), bytes), "") << size << ' ' << max_payload;
        rte_pktmbuf_free(result.mbuf);
      }
    }
}

}  // namespace
}  // namespace adit

// SPDX-License-Identifier: Apache-2.0
// What senders left to the NIC: checksums and segmentation.
#include <rte_errno.h>

#include <cerrno>

#include "offload_frames.h"
#include "packet/segment.h"

namespace adit {
namespace {

constexpr uint64_t kTcp = RTE_MBUF_F_TX_TCP_CKSUM, kUdp = RTE_MBUF_F_TX_UDP_CKSUM;
constexpr uint8_t kFin = 1, kSyn = 2, kRst = 4, kPsh = 8, kAck = 16, kUrg = 32, kCwr = 128;

class OffloadTest : public MbufTest {
 protected:
  static FrameShape random_shape(FrameMaker& maker, unsigned max_payload) {
    FrameShape shape;
    shape.v6 = maker.below(2) == 1;
    shape.tags = maker.below(3);
    shape.ip_options = 4 * maker.below(11);
    shape.extensions = maker.below(8);
    shape.tcp_options = 4 * maker.below(11);
    shape.payload = maker.below(max_payload);
    shape.padding = maker.below(3) == 0 ? maker.below(40) : 0;
    return shape;
  }
  // Sets the flags, expects the checksum to be refused and nothing to change.
  void expect_refused(const Bytes& bytes, uint64_t flags_set, const std::string& what) {
    rte_mbuf* mbuf = to_heap_mbuf(bytes);
    mbuf->ol_flags |= flags_set;
    mbuf->tso_segsz = 1000;
    const uint64_t flags = mbuf->ol_flags;
    EXPECT_FALSE(complete_checksum(mbuf)) << what;
    EXPECT_EQ(mbuf->ol_flags, flags) << what;
    EXPECT_EQ(to_bytes(mbuf), bytes) << what;
    rte_pktmbuf_free(mbuf);
  }
  void expect_not_segmented(const Bytes& bytes, int error, uint16_t mss = 500) {
    rte_mbuf* mbuf = to_heap_mbuf(bytes);
    const unsigned before = in_use();
    rte_errno = 0;
    EXPECT_EQ(segment_tcp(mbuf, pool_, mss, out_), 0u) << bytes.size();
    EXPECT_EQ(rte_errno, error);
    EXPECT_EQ(in_use(), before);
    rte_pktmbuf_free(mbuf);
  }

  std::array<rte_mbuf*, 64> out_{};
};

TEST_F(OffloadTest, ChecksumOfAnyFrameIsCompleted) {
  for (unsigned seed = 1; seed <= 400; ++seed) {
    SCOPED_TRACE("seed " + std::to_string(seed));
    FrameMaker maker(seed);
    FrameShape shape = random_shape(maker, 9000);
    shape.protocol = maker.below(2) == 0 ? 6 : 17;
    Frame frame = maker.make(shape);
    const Bytes wanted = frame.bytes;  // the maker's own checksum
    ASSERT_EQ(frame.l4_sum(), 0xffffu);
    // Some senders leave the pseudo-header's sum, some other things.
    if (maker.below(2) == 0)
      frame.leave_pseudo_sum();
    else
      put16(frame.bytes, frame.checksum_at(), maker.below(65536));
    rte_mbuf* mbuf = to_random_chain(maker, frame.bytes, frame.payload);
    mbuf->ol_flags |= (shape.protocol == 6 ? kTcp : kUdp) | RTE_MBUF_F_TX_IPV4;
    mbuf->l2_len = 14;
    ASSERT_TRUE(complete_checksum(mbuf));
    EXPECT_EQ(mbuf->ol_flags & (kTxOffloadFlags | RTE_MBUF_F_TX_IPV4), 0u);
    EXPECT_EQ(mbuf->tx_offload, 0u);
    EXPECT_EQ(to_bytes(mbuf), wanted);
    rte_pktmbuf_free(mbuf);
  }
}

TEST_F(OffloadTest, UdpChecksumOfZeroIsSentAsAllOnes) {
  for (bool v6 : {false, true}) {
    Frame frame = FrameMaker(7).make({.v6 = v6, .protocol = 17});
    put16(frame.bytes, frame.payload, 0);
    frame.finish_l4();
    put16(frame.bytes, frame.payload, get16(frame.bytes, frame.checksum_at()));
    rte_mbuf* mbuf = to_mbuf(frame.bytes);
    mbuf->ol_flags |= kUdp;
    ASSERT_TRUE(complete_checksum(mbuf));
    EXPECT_EQ(get16(to_bytes(mbuf), frame.checksum_at()), 0xffffu);
    rte_pktmbuf_free(mbuf);
  }
}

TEST_F(OffloadTest, UdpIsSummedByItsOwnLength) {
  Frame frame = FrameMaker(8).make({.protocol = 17, .payload = 100});
  put16(frame.bytes, frame.l4 + 4, 8 + 60);
  frame.end -= 40;  // for the oracle: what lies behind the datagram is not summed
  rte_mbuf* mbuf = to_mbuf(frame.bytes);
  mbuf->ol_flags |= kUdp;
  ASSERT_TRUE(complete_checksum(mbuf));
  frame.bytes = to_bytes(mbuf);
  EXPECT_EQ(frame.l4_sum(), 0xffffu);
  rte_pktmbuf_free(mbuf);
}

TEST_F(OffloadTest, Ipv4HeaderChecksumIsCompletedWhereMarked) {
  Frame frame = FrameMaker(9).make({.ip_options = 8});
  const Bytes wanted = frame.bytes;
  for (uint64_t l4 : {uint64_t{0}, kTcp}) {
    Bytes bytes = wanted;
    put16(bytes, frame.ip + 10, 0);
    rte_mbuf* mbuf = to_mbuf(bytes);
    mbuf->ol_flags |= RTE_MBUF_F_TX_IP_CKSUM | l4;
    ASSERT_TRUE(complete_checksum(mbuf));
    EXPECT_EQ(to_bytes(mbuf), wanted);
    rte_pktmbuf_free(mbuf);
  }
}

TEST_F(OffloadTest, FrameWithoutOffloadFlagsIsLeftAlone) {
  Frame frame = FrameMaker(10).make({});
  put16(frame.bytes, frame.checksum_at(), 0x1234);
  rte_mbuf* mbuf = to_mbuf(frame.bytes);
  EXPECT_TRUE(complete_checksum(mbuf));
  EXPECT_EQ(to_bytes(mbuf), frame.bytes);
  rte_pktmbuf_free(mbuf);
}

TEST_F(OffloadTest, OffloadFlagsThatDoNotMatchTheFrameAreRefused) {
  const Frame tcp = FrameMaker(11).make({}), udp = FrameMaker(12).make({.protocol = 17});
  const Frame v6 = FrameMaker(13).make({.v6 = true}), brief = FrameMaker(13).make({.payload = 39});
  const auto changed = [](const Frame& frame, std::size_t at, unsigned value) {
    Bytes bytes = frame.bytes;
    put16(bytes, at, value);
    return bytes;
  };
  expect_refused(tcp.bytes, kUdp, "TCP flagged as UDP");
  expect_refused(udp.bytes, kTcp, "UDP flagged as TCP");
  expect_refused(udp.bytes, RTE_MBUF_F_TX_TCP_SEG, "UDP flagged for segmentation");
  expect_refused(tcp.bytes, RTE_MBUF_F_TX_SCTP_CKSUM, "SCTP");
  expect_refused(udp.bytes, kUdp | RTE_MBUF_F_TX_UDP_SEG, "UDP segmentation");
  expect_refused(changed(tcp, tcp.ip + 6, 0x2000), kTcp, "first fragment");
  expect_refused(changed(tcp, tcp.ip + 6, 0x0001), kTcp, "later fragment");
  expect_refused(changed(tcp, tcp.ip + 2, 1000), kTcp, "total length beyond the frame");
  expect_refused(changed(tcp, tcp.ip + 2, 30), kTcp, "total length inside the TCP header");
  expect_refused(changed(tcp, tcp.ip, 0x4400), kTcp, "IHL of 4");
  expect_refused(changed(tcp, tcp.ip, 0x6500), kTcp, "version of 6 behind the type of IPv4");
  expect_refused(changed(tcp, tcp.ip - 2, 0x0806), kTcp, "not IP");
  expect_refused(changed(tcp, tcp.l4 + 12, 0x4010), kTcp, "TCP header of 16 bytes");
  expect_refused(changed(brief, brief.l4 + 12, 0xf010), kTcp | RTE_MBUF_F_TX_IP_CKSUM,
                 "TCP header of 60 bytes of 59");
  expect_refused(changed(udp, udp.l4 + 4, 7), kUdp, "UDP length of 7");
  expect_refused(changed(udp, udp.l4 + 4, 109), kUdp, "UDP length beyond the packet");
  expect_refused(changed(v6, v6.ip + 4, 1000), kTcp, "payload length beyond the frame");
}

TEST_F(OffloadTest, ChecksumBehindATruncatedHeaderIsRefused) {
  for (unsigned seed = 1; seed <= 40; ++seed) {
    FrameMaker maker(seed);
    FrameShape shape = random_shape(maker, 1);
    shape.padding = 0;
    const Frame frame = maker.make(shape);
    for (std::size_t len = 1; len < frame.bytes.size(); ++len)
      expect_refused(slice(frame.bytes, 0, len), kTcp, "seed " + std::to_string(seed));
  }
}

TEST_F(OffloadTest, HeadersInTwoBuffersAreRefused) {
  const Frame frame = FrameMaker(14).make({.v6 = true, .payload = 1000, .extensions = 3});
  for (std::size_t head = 1; head < frame.payload; ++head) {
    rte_mbuf* mbuf = to_mbuf(frame.bytes, {head});
    mbuf->ol_flags |= kTcp;
    EXPECT_FALSE(complete_checksum(mbuf)) << head;
    EXPECT_EQ(segment_tcp(mbuf, pool_, 500, out_), 0u) << head;
    rte_pktmbuf_free(mbuf);
  }
}

TEST_F(OffloadTest, ChecksumIsNotWrittenToSharedData) {
  const Frame frame = FrameMaker(15).make({});
  rte_mbuf* mbuf = to_mbuf(frame.bytes);
  mbuf->ol_flags |= kTcp;
  rte_mbuf* clone = rte_pktmbuf_clone(mbuf, pool_);
  EXPECT_FALSE(complete_checksum(mbuf));
  EXPECT_FALSE(complete_checksum(clone));
  EXPECT_EQ(to_bytes(mbuf), frame.bytes);
  rte_pktmbuf_free(clone);
  EXPECT_TRUE(complete_checksum(mbuf));
  rte_pktmbuf_free(mbuf);
}

TEST_F(OffloadTest, GsoFrameThatNeedsNoCutIsCompletedAndALongerOneRefused) {
  const Frame frame = FrameMaker(16).make({.payload = 1001});
  for (uint16_t mss : {uint16_t{1000}, uint16_t{1001}}) {
    rte_mbuf* mbuf = to_mbuf(frame.bytes);
    mbuf->ol_flags |= RTE_MBUF_F_TX_TCP_SEG;
    mbuf->tso_segsz = mss;
    EXPECT_EQ(complete_checksum(mbuf), mss == 1001) << mss;
    rte_pktmbuf_free(mbuf);
  }
}

// What the segments of a frame have to look like, judged from the frame alone.
void expect_segments(const Frame& frame, const std::vector<Bytes>& segments, unsigned mss) {
  Bytes payload;
  for (std::size_t i = 0; i < segments.size(); ++i) {
    SCOPED_TRACE("segment " + std::to_string(i));
    const bool first = i == 0, last = i + 1 == segments.size();
    Frame got = frame;
    got.bytes = segments[i];
    got.end = got.bytes.size();
    ASSERT_GE(got.end, frame.payload);
    const std::size_t len = got.end - frame.payload;
    EXPECT_TRUE(last || len == mss) << len;
    EXPECT_TRUE(first || len > 0);
    EXPECT_LE(len, mss);
    EXPECT_EQ(got.l4_sum(), 0xffffu);
    // The frame's own headers, but for what has to differ.
    Bytes headers = slice(frame.bytes, 0, frame.payload);
    if (frame.v6) {
      put16(headers, frame.ip + 4, static_cast<unsigned>(got.end - frame.ip - 40));
    } else {
      EXPECT_EQ(got.ip_sum(), 0xffffu);
      put16(headers, frame.ip + 2, static_cast<unsigned>(got.end - frame.ip));
      put16(headers, frame.ip + 4,
            static_cast<unsigned>(get16(headers, frame.ip + 4) + i) & 0xffff);
      put16(headers, frame.ip + 10, get16(got.bytes, frame.ip + 10));
    }
    put32(headers, frame.l4 + 4,
          get32(headers, frame.l4 + 4) + static_cast<uint32_t>(payload.size()));
    if (!first) headers[frame.l4 + 13] &= 0xff & ~kCwr;
    if (!last) headers[frame.l4 + 13] &= 0xff & ~(kFin | kPsh);
    put16(headers, frame.l4 + 16, get16(got.bytes, frame.l4 + 16));
    EXPECT_EQ(slice(got.bytes, 0, frame.payload), headers);
    append(payload, slice(got.bytes, frame.payload, got.end));
  }
  EXPECT_EQ(payload, slice(frame.bytes, frame.payload, frame.end));
}

TEST_F(OffloadTest, SegmentsAddUpToTheFrame) {
  for (unsigned seed = 1; seed <= 400; ++seed) {
    SCOPED_TRACE("seed " + std::to_string(seed));
    FrameMaker maker(seed);
    FrameShape shape = random_shape(maker, 16000);
    shape.tcp_flags = static_cast<uint8_t>(kAck | maker.below(256));
    shape.tcp_flags &= 0xff & ~(kSyn | kRst | kUrg);
    Frame frame = maker.make(shape);
    // Sequence number and id go over their ends.
    if (maker.below(2) == 0) put32(frame.bytes, frame.l4 + 4, 0xffff'ff00);
    if (!frame.v6 && maker.below(2) == 0) put16(frame.bytes, frame.ip + 4, 0xfffe);
    frame.finish_ip();
    frame.leave_pseudo_sum();
    const auto mss = static_cast<uint16_t>(300 + maker.below(1300));
    rte_mbuf* mbuf = to_random_chain(maker, frame.bytes, frame.payload);
    mbuf->ol_flags |= RTE_MBUF_F_TX_TCP_SEG | kTcp;
    mbuf->port = 3;
    rte_mbuf* clone = rte_pktmbuf_clone(mbuf, pool_);  // that others hold it is no matter
    const unsigned before = in_use();
    const unsigned n = segment_tcp(mbuf, pool_, mss, out_);
    ASSERT_EQ(n, shape.payload == 0 ? 1 : (shape.payload + mss - 1) / mss);
    EXPECT_EQ(in_use(), before + n);
    std::vector<Bytes> segments;
    for (unsigned i = 0; i < n; ++i) {
      EXPECT_FALSE(is_pending_offload(out_[i]));
      EXPECT_EQ(out_[i]->nb_segs, 1);
      EXPECT_EQ(out_[i]->port, 3);
      EXPECT_GE(rte_pktmbuf_headroom(out_[i]), RTE_PKTMBUF_HEADROOM);
      segments.push_back(to_bytes(out_[i]));
    }
    expect_segments(frame, segments, mss);
    EXPECT_EQ(to_bytes(mbuf), frame.bytes);
    EXPECT_TRUE(is_gso_frame(mbuf));
    rte_pktmbuf_free_bulk(out_.data(), n);
    rte_pktmbuf_free(clone);
    rte_pktmbuf_free(mbuf);
  }
}

TEST_F(OffloadTest, LongestFrameOfAllIsSegmented) {
  Frame frame = FrameMaker(17).make({.tags = 2, .payload = 65535 - 40});
  rte_mbuf* mbuf = to_mbuf(frame.bytes);
  const unsigned n = segment_tcp(mbuf, pool_, 1448, out_);
  ASSERT_EQ(n, 46u);
  std::vector<Bytes> segments;
  for (unsigned i = 0; i < n; ++i) segments.push_back(to_bytes(out_[i]));
  expect_segments(frame, segments, 1448);
  rte_pktmbuf_free_bulk(out_.data(), n);
  rte_pktmbuf_free(mbuf);
}

TEST_F(OffloadTest, SegmentBeyondABuffersRoomIsAChain) {
  rte_mempool* small = make_pool(63, RTE_PKTMBUF_HEADROOM + 256);
  const Frame frame = FrameMaker(18).make({.v6 = true, .payload = 5001, .extensions = 3});
  rte_mbuf* mbuf = to_mbuf(frame.bytes);
  const unsigned n = segment_tcp(mbuf, small, 1999, out_);
  ASSERT_EQ(n, 3u);
  std::vector<Bytes> segments;
  for (unsigned i = 0; i < n; ++i) segments.push_back(to_bytes(out_[i]));
  EXPECT_GT(out_[0]->nb_segs, 1);
  expect_segments(frame, segments, 1999);
  rte_pktmbuf_free_bulk(out_.data(), n);
  rte_pktmbuf_free(mbuf);
  EXPECT_EQ(rte_mempool_in_use_count(small), 0u);
  rte_mempool_free(small);
}

TEST_F(OffloadTest, LackOfBuffersLeaksNone) {
  rte_mempool* small = make_pool(63, RTE_PKTMBUF_HEADROOM + 256);
  const Frame frame = FrameMaker(19).make({.payload = 5000});
  rte_mbuf* mbuf = to_mbuf(frame.bytes);
  for (rte_mempool* pool : {pool_, small}) {
    const unsigned needed = pool == pool_ ? 5 : 20;
    for (unsigned free = 0; free < needed; ++free) {
      std::vector<rte_mbuf*> hoard;
      while (rte_mempool_avail_count(pool) > free) hoard.push_back(rte_pktmbuf_alloc(pool));
      EXPECT_EQ(segment_tcp(mbuf, pool, 1000, out_), 0u) << free;
      EXPECT_EQ(rte_errno, ENOMEM);
      EXPECT_EQ(rte_mempool_avail_count(pool), free);
      for (rte_mbuf* kept : hoard) rte_pktmbuf_free(kept);
    }
  }
  rte_pktmbuf_free(mbuf);
  rte_mempool_free(small);
}

TEST_F(OffloadTest, MoreSegmentsThanAskedForAreNotMade) {
  const Frame frame = FrameMaker(20).make({.payload = 5000});
  rte_mbuf* mbuf = to_mbuf(frame.bytes);
  const unsigned before = in_use();
  for (std::size_t room : {0u, 1u, 4u}) {
    EXPECT_EQ(segment_tcp(mbuf, pool_, 1000, std::span(out_).first(room)), 0u) << room;
    EXPECT_EQ(rte_errno, E2BIG);
    EXPECT_EQ(in_use(), before);
  }
  EXPECT_EQ(segment_tcp(mbuf, pool_, 1000, std::span(out_).first(5)), 5u);
  rte_pktmbuf_free_bulk(out_.data(), 5);
  rte_pktmbuf_free(mbuf);
}

TEST_F(OffloadTest, WhatIsNoWholeTcpPacketIsNotSegmented) {
  const Frame tcp = FrameMaker(21).make({.payload = 2000});
  Frame fragment = FrameMaker(22).make({.v6 = true, .payload = 2000, .extensions = 1});
  fragment.bytes[fragment.ip + 6] = 44;  // the hop-by-hop header read as one of a fragment
  put32(fragment.bytes, fragment.ip + 40, 6u << 24);
  expect_not_segmented(FrameMaker(23).make({.protocol = 17, .payload = 2000}).bytes, EINVAL);
  expect_not_segmented(fragment.bytes, EINVAL);
  expect_not_segmented(tcp.bytes, EINVAL, 0);
  for (unsigned value : {0x2000u, 0x0001u}) {
    Bytes bytes = tcp.bytes;
    put16(bytes, tcp.ip + 6, value);
    expect_not_segmented(bytes, EINVAL);
  }
  for (uint8_t flag : {kSyn, kRst, kUrg})
    expect_not_segmented(FrameMaker(24).make({.payload = 501, .tcp_flags = flag}).bytes, EINVAL);
}

TEST_F(OffloadTest, EveryTruncatedFrameIsNotSegmented) {
  for (unsigned seed = 1; seed <= 40; ++seed) {
    FrameMaker maker(seed);
    FrameShape shape = random_shape(maker, 600);
    shape.padding = 0;
    const Frame frame = maker.make(shape);
    for (std::size_t len = 1; len < frame.bytes.size(); ++len)
      expect_not_segmented(slice(frame.bytes, 0, len), EINVAL);
  }
}

// Random bytes changed in random places: whatever comes of it, nothing is read beyond the
// frame (the sanitizer's matter) and nothing leaks (the fixture's).
TEST_F(OffloadTest, DamagedFramesDoNoHarm) {
  for (unsigned seed = 1; seed <= 20000; ++seed) {
    FrameMaker maker(seed);
    FrameShape shape = random_shape(maker, 300);
    Frame frame = maker.make(shape);
    for (unsigned i = 0; i <= maker.below(4); ++i)
      frame.bytes[12 + maker.below(static_cast<unsigned>(frame.payload) - 12)] =
          static_cast<uint8_t>(maker.below(256));
    frame.bytes.resize(1 + maker.below(static_cast<unsigned>(frame.bytes.size())));
    rte_mbuf* mbuf = to_heap_mbuf(frame.bytes);
    mbuf->ol_flags |= maker.below(2) == 0 ? kTcp : kUdp;
    const unsigned n = segment_tcp(mbuf, pool_, 100, out_);
    if (n != 0) rte_pktmbuf_free_bulk(out_.data(), n);
    (void)complete_checksum(mbuf);
    rte_pktmbuf_free(mbuf);
  }
}

}  // namespace
}  // namespace adit

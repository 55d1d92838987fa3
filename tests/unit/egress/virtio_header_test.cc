// SPDX-License-Identifier: Apache-2.0
// The header that a TAP interface has before each frame, and the offload flags that say the same.
#include "io/virtio_header.h"

#include "offload_frames.h"
#include "packet/segment.h"

namespace adit {
namespace {

using namespace virtio;

class VirtioHeaderTest : public MbufTest {
 protected:
  // As the kernel says that the frame's checksum is left to do.
  static VirtioHeader partial(const Frame& frame) {
    VirtioHeader header{};
    header.flags = kNeedsChecksum;
    header.csum_start = static_cast<uint16_t>(frame.l4);
    header.csum_offset = static_cast<uint16_t>(frame.checksum_at() - frame.l4);
    return header;
  }
  static VirtioHeader super(const Frame& frame, uint16_t mss = 1000) {
    VirtioHeader header = partial(frame);
    header.gso_type = frame.v6 ? kTcpIpv6 : kTcpIpv4;
    header.gso_size = mss;
    header.hdr_len = static_cast<uint16_t>(frame.payload);
    return header;
  }
  void expect_refused(const VirtioHeader& header, const Bytes& bytes, const std::string& what) {
    rte_mbuf* mbuf = to_mbuf(bytes);
    const uint64_t flags = mbuf->ol_flags;
    EXPECT_FALSE(read_virtio_header(header, mbuf)) << what;
    EXPECT_EQ(mbuf->ol_flags, flags) << what;
    EXPECT_EQ(mbuf->tx_offload, 0u) << what;
    EXPECT_EQ(to_bytes(mbuf), bytes) << what;
    rte_pktmbuf_free(mbuf);
  }
};

TEST_F(VirtioHeaderTest, FrameWithNothingLeftToDoIsLeftAlone) {
  const Frame frame = FrameMaker(1).make({});
  VirtioHeader header{};
  header.flags = virtio::kDataValid;
  // Without the flag that they go with, these have no meaning.
  header.csum_start = 9999;
  header.csum_offset = 1;
  header.hdr_len = 9999;
  header.gso_size = 1;
  rte_mbuf* mbuf = to_mbuf(frame.bytes);
  EXPECT_TRUE(read_virtio_header(header, mbuf));
  EXPECT_FALSE(is_pending_offload(mbuf));
  EXPECT_EQ(to_bytes(mbuf), frame.bytes);
  rte_pktmbuf_free(mbuf);
}

TEST_F(VirtioHeaderTest, PartialChecksumSetsTheFlagsThatSttSets) {
  for (unsigned seed = 1; seed <= 200; ++seed) {
    SCOPED_TRACE("seed " + std::to_string(seed));
    FrameMaker maker(seed);
    Frame frame = maker.make({.v6 = maker.below(2) == 1,
                              .tags = maker.below(3),
                              .protocol = static_cast<uint8_t>(maker.below(2) == 1 ? 6 : 17),
                              .payload = maker.below(3000),
                              .ip_options = 4 * maker.below(11),
                              .extensions = maker.below(8),
                              .tcp_options = 4 * maker.below(11)});
    const Bytes wanted = frame.bytes;
    frame.leave_pseudo_sum();
    rte_mbuf* mbuf = to_random_chain(maker, frame.bytes, frame.payload);
    ASSERT_TRUE(read_virtio_header(partial(frame), mbuf));
    EXPECT_EQ(mbuf->ol_flags & kTxOffloadFlags,
              frame.protocol == 6 ? RTE_MBUF_F_TX_TCP_CKSUM : RTE_MBUF_F_TX_UDP_CKSUM);
    EXPECT_EQ(mbuf->tx_offload, 0u);
    EXPECT_EQ(to_bytes(mbuf), frame.bytes);
    const VirtioHeader back = make_virtio_header(mbuf), there = partial(frame);
    EXPECT_EQ(std::memcmp(&back, &there, sizeof back), 0);
    ASSERT_TRUE(complete_checksum(mbuf));
    EXPECT_EQ(to_bytes(mbuf), wanted);
    rte_pktmbuf_free(mbuf);
  }
}

TEST_F(VirtioHeaderTest, GsoFrameSetsTheFlagsThatSttSets) {
  for (unsigned seed = 1; seed <= 100; ++seed) {
    SCOPED_TRACE("seed " + std::to_string(seed));
    FrameMaker maker(seed);
    Frame frame = maker.make({.v6 = maker.below(2) == 1,
                              .tags = maker.below(3),
                              .payload = 1001 + maker.below(60000),
                              .extensions = maker.below(8),
                              .tcp_options = 4 * maker.below(11),
                              .tcp_flags = static_cast<uint8_t>(maker.below(2) ? 0x10 : 0x90)});
    frame.leave_pseudo_sum();
    VirtioHeader there = super(frame);
    if (frame.bytes[frame.l4 + 13] & 0x80) there.gso_type |= kEcn;
    rte_mbuf* mbuf = to_random_chain(maker, frame.bytes, frame.payload);
    ASSERT_TRUE(read_virtio_header(there, mbuf));
    EXPECT_EQ(mbuf->ol_flags & kTxOffloadFlags, RTE_MBUF_F_TX_TCP_CKSUM | RTE_MBUF_F_TX_TCP_SEG);
    EXPECT_EQ(mbuf->tso_segsz, 1000);
    EXPECT_EQ(to_bytes(mbuf), frame.bytes);
    EXPECT_EQ(segment_bytes(mbuf), frame.payload + 1000);
    const VirtioHeader back = make_virtio_header(mbuf);
    EXPECT_EQ(std::memcmp(&back, &there, sizeof back), 0);
    rte_pktmbuf_free(mbuf);
  }
}

// It keeps the tag beside the frame, and does not count it.
TEST_F(VirtioHeaderTest, LengthOfHeadersMayLackAVlanTag) {
  const Frame frame = FrameMaker(2).make({.tags = 1, .payload = 5000});
  VirtioHeader header = super(frame);
  header.hdr_len = static_cast<uint16_t>(frame.payload - 4);
  rte_mbuf* mbuf = to_mbuf(frame.bytes);
  EXPECT_TRUE(read_virtio_header(header, mbuf));
  rte_pktmbuf_free(mbuf);
}

TEST_F(VirtioHeaderTest, GsoFrameThatContradictsItsHeaderIsRefused) {
  const Frame v4 = FrameMaker(3).make({.payload = 5000});
  const Frame v6 = FrameMaker(4).make({.v6 = true, .payload = 5000});
  const Frame udp = FrameMaker(5).make({.protocol = 17, .payload = 5000});
  const Frame syn = FrameMaker(6).make({.payload = 5000, .tcp_flags = 2});
  const auto refuse = [this](const Frame& frame, const std::string& what, auto change) {
    VirtioHeader header = super(frame);
    change(header);
    expect_refused(header, frame.bytes, what);
  };
  using H = VirtioHeader;
  refuse(v4, "no checksum left", [](H& h) { h.flags = 0; });
  refuse(v4, "no MSS", [](H& h) { h.gso_size = 0; });
  refuse(v4, "headers without TCP's", [&](H& h) { h.hdr_len = static_cast<uint16_t>(v4.l4 - 1); });
  refuse(v4, "no headers", [](H& h) { h.hdr_len = 0; });
  refuse(v4, "headers beyond the frame",
         [&](H& h) { h.hdr_len = static_cast<uint16_t>(v4.bytes.size() + 1); });
  refuse(v4, "start before TCP", [](H& h) { h.csum_start -= 2; });
  refuse(v4, "start behind TCP's", [](H& h) { h.csum_start += 2; });
  refuse(v4, "start beyond the frame", [](H& h) { h.csum_start = 0xffff; });
  refuse(v4, "checksum of UDP", [](H& h) { h.csum_offset = 6; });
  refuse(v4, "checksum beyond the frame", [](H& h) { h.csum_offset = 0xffff; });
  refuse(v4, "IPv6", [](H& h) { h.gso_type = kTcpIpv6; });
  refuse(v6, "IPv4", [](H& h) { h.gso_type = kTcpIpv4; });
  refuse(udp, "UDP", [](H&) {});
  refuse(syn, "SYN", [](H&) {});
  for (const int type : {2, 3, 5, 6, 0x7f, kEcn + 0, kEcn | 3, kEcn | 5, 0xff})
    refuse(v4, "type " + std::to_string(type),
           [type](H& h) { h.gso_type = static_cast<uint8_t>(type); });
  const auto refuse_changed = [this](const Frame& frame, std::size_t at, unsigned value,
                                     const std::string& what) {
    Bytes bytes = frame.bytes;
    put16(bytes, at, value);
    expect_refused(super(frame), bytes, what);
  };
  refuse_changed(v4, v4.ip + 6, 0x2000, "fragment");
  refuse_changed(v4, v4.ip + 2, 0, "total length of 0");
  refuse_changed(v4, v4.ip + 2, 5100, "total length beyond the frame");
  refuse_changed(v4, v4.ip - 2, 0x0806, "ARP");
  refuse_changed(v4, v4.l4 + 12, 0x4010, "TCP header of 16 bytes");
  refuse_changed(v6, v6.ip + 4, 0, "payload length of 0");
  expect_refused(super(v4), slice(v4.bytes, 0, v4.payload - 1), "cut off inside TCP");
}

TEST_F(VirtioHeaderTest, ChecksumOutsideTheFrameIsRefused) {
  const Frame frame = FrameMaker(7).make({.payload = 5000});
  const auto refuse = [&](unsigned start, unsigned offset) {
    VirtioHeader header = partial(frame);
    header.csum_start = static_cast<uint16_t>(start);
    header.csum_offset = static_cast<uint16_t>(offset);
    expect_refused(header, frame.bytes, std::to_string(start) + "+" + std::to_string(offset));
  };
  refuse(0, 16);
  refuse(13, 16);
  refuse(40, 15);  // a checksum is at an even place
  refuse(0xffff, 0xffff);
  refuse(40, 0xfffe);
  refuse(static_cast<unsigned>(frame.bytes.size()), 0);
  refuse(static_cast<unsigned>(frame.bytes.size()) - 1, 0);
  refuse(40, 4000);  // behind the first buffer
}

// For instance that of a packet in a tunnel of the kernel's.
TEST_F(VirtioHeaderTest, ChecksumThatNoFlagDescribesIsCompleted) {
  for (unsigned seed = 1; seed <= 200; ++seed) {
    SCOPED_TRACE("seed " + std::to_string(seed));
    FrameMaker maker(seed);
    const Frame frame = maker.make({.protocol = static_cast<uint8_t>(maker.below(2) ? 17 : 132),
                                    .payload = 200 + maker.below(3000)});
    VirtioHeader header{};
    header.flags = kNeedsChecksum;
    header.csum_start = static_cast<uint16_t>(frame.payload + maker.below(50));
    header.csum_offset = static_cast<uint16_t>(2 * maker.below(20));
    const std::size_t at = header.csum_start + header.csum_offset;
    Bytes bytes = frame.bytes;
    put16(bytes, at, 0);
    const unsigned rest = naive_sum(slice(bytes, header.csum_start, bytes.size()));
    const unsigned pseudo = maker.below(4) == 0 ? 0xffff - rest : maker.below(65536);
    put16(bytes, at, pseudo);
    rte_mbuf* mbuf = to_random_chain(maker, bytes, at + 2);
    ASSERT_TRUE(read_virtio_header(header, mbuf));
    EXPECT_FALSE(is_pending_offload(mbuf));
    // All is as it was but for the checksum, which together with the pseudo-header is right.
    Bytes got = to_bytes(mbuf);
    EXPECT_NE(get16(got, at), 0u);
    Bytes covered = {static_cast<uint8_t>(pseudo >> 8), static_cast<uint8_t>(pseudo)};
    append(covered, slice(got, header.csum_start, got.size()));
    EXPECT_EQ(naive_sum(covered), 0xffffu);
    put16(got, at, pseudo);
    EXPECT_EQ(got, bytes);
    rte_pktmbuf_free(mbuf);
  }
}

TEST_F(VirtioHeaderTest, FinishedFrameAsksForNothing) {
  const Frame frame = FrameMaker(8).make({});
  rte_mbuf* mbuf = to_mbuf(frame.bytes);
  const VirtioHeader none{}, header = make_virtio_header(mbuf);
  EXPECT_EQ(std::memcmp(&header, &none, sizeof none), 0);
  rte_pktmbuf_free(mbuf);
}

TEST_F(VirtioHeaderTest, GsoFrameThatNeedsNoCutAsksForItsChecksumAlone) {
  const Frame frame = FrameMaker(9).make({.payload = 1000});
  for (uint16_t mss : {uint16_t{999}, uint16_t{1000}}) {
    rte_mbuf* mbuf = to_mbuf(frame.bytes);
    set_tx_offload(mbuf, kIpProtocolTcp, mss);
    const VirtioHeader header = make_virtio_header(mbuf);
    EXPECT_EQ(header.flags, kNeedsChecksum);
    EXPECT_EQ(header.gso_type, mss == 999 ? kTcpIpv4 : 0);
    EXPECT_EQ(header.gso_size, mss == 999 ? 999 : 0);
    rte_pktmbuf_free(mbuf);
  }
}

}  // namespace
}  // namespace adit

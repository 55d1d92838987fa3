// SPDX-License-Identifier: Apache-2.0
// The rules of STT reassembly, one by one.
#include "stt_test.h"

namespace adit {
namespace {

using namespace stt_test;
using Kind = SttResult::Kind;

constexpr uint64_t kBuffer = RTE_PKTMBUF_HEADROOM + kRoom;
constexpr uint8_t kCe = 3;

// Adds frame[cut] and gives the reason for which it was dropped, or kNone.
DropReason add(TestReassembly& stt, const SttKey& key, const Bytes& frame, Cut cut,
               uint64_t now_ns = 0) {
  const SttResult result = stt->add(segment(key, frame, cut), now_ns);
  EXPECT_NE(result.kind, Kind::kComplete);
  EXPECT_EQ(result.kind == Kind::kDropped, result.reason != DropReason::kNone);
  return result.reason;
}

// Adds frame[cut], which must complete the frame.
void complete(TestReassembly& stt, const SttKey& key, const Bytes& frame, Cut cut,
              uint64_t now_ns = 0) {
  const SttResult result = stt->add(segment(key, frame, cut), now_ns);
  ASSERT_EQ(result.kind, Kind::kComplete);
  EXPECT_EQ(fault_of(result, key, frame), "");
  rte_pktmbuf_free(result.mbuf);
}

TEST(SttReassembly, JoinsSegmentsInAnyOrder) {
  TestReassembly stt;
  const Bytes frame = pattern(4000);
  EXPECT_EQ(add(stt, key(1, 7), frame, {1400, 1400}), DropReason::kNone);
  EXPECT_EQ(stt->held_frames(), 1u);
  EXPECT_EQ(stt->held_bytes(), kBuffer);
  EXPECT_EQ(add(stt, key(1, 7), frame, {2800, 1200}), DropReason::kNone);
  const SttResult result = stt->add(segment(key(1, 7), frame, {0, 1400}), 0);
  ASSERT_EQ(result.kind, Kind::kComplete);
  EXPECT_EQ(result.segments, 3u);
  EXPECT_EQ(result.payload_offset, kOuterLen);
  EXPECT_FALSE(result.has_ce);
  EXPECT_EQ(fault_of(result, key(1, 7), frame), "");
  rte_pktmbuf_free(result.mbuf);
  EXPECT_EQ(stt->held_bytes(), 0u);
  EXPECT_EQ(stt->held_frames(), 0u);
  EXPECT_EQ(stt.total_drops(), 0u);
}

TEST(SttReassembly, KeepsKeysApart) {
  TestReassembly stt;
  const Bytes frame = pattern(100);
  SttKey other_dst = key(1, 1);
  other_dst.dst[15] = 1;
  const SttKey keys[] = {key(1, 1), key(1, 2), key(2, 1), key(1, 1, true), other_dst};
  for (const SttKey& each : keys) EXPECT_EQ(add(stt, each, frame, {0, 50}), DropReason::kNone);
  EXPECT_EQ(stt->held_frames(), std::size(keys));
  for (const SttKey& each : keys) complete(stt, each, frame, {50, 50});
}

TEST(SttReassembly, RefusesSegmentsThatAreWrongByThemselves) {
  TestReassembly stt;
  const Bytes frame = pattern(100);
  EXPECT_EQ(add(stt, key(1, 1), frame, {50, 0}), DropReason::k_stt_empty);
  EXPECT_EQ(add(stt, key(1, 1), pattern(31), {0, 10}), DropReason::k_stt_length);
  SttSegment beyond = segment(key(1, 1), frame, {50, 50});
  ++beyond.sequence;  // offset 51
  EXPECT_EQ(stt->add(beyond, 0).reason, DropReason::k_stt_length);
  SttSegment lying = segment(key(1, 1), frame, {0, 50});
  lying.payload_len = 51;
  EXPECT_EQ(stt->add(lying, 0).reason, DropReason::k_stt_truncated);
  SttSegment headless = segment(key(1, 1), frame, {0, 50}, 0, {kOuterLen - 1});
  EXPECT_EQ(stt->add(headless, 0).reason, DropReason::k_stt_truncated);
  EXPECT_EQ(stt->held_frames(), 0u);
  EXPECT_EQ(stt.total_drops(), 5u);
}

TEST(SttReassembly, ShortestFrameHasAnEthernetHeader) {
  TestReassembly stt;
  const Bytes frame = pattern(32);
  EXPECT_EQ(add(stt, key(1, 1), frame, {0, 1}), DropReason::kNone);
  complete(stt, key(1, 1), frame, {1, 31});
}

TEST(SttReassembly, KeepsTheFrameWhenASegmentDoesNotFitIt) {
  TestReassembly stt;
  const Bytes frame = pattern(1000);
  EXPECT_EQ(add(stt, key(1, 1), frame, {200, 200}), DropReason::kNone);
  EXPECT_EQ(add(stt, key(1, 1), frame, {600, 200}), DropReason::kNone);
  EXPECT_EQ(add(stt, key(1, 1), pattern(1001), {0, 200}), DropReason::k_stt_length_differs);
  const Cut overlaps[] = {{200, 200}, {199, 2},   {399, 2},   {250, 10}, {100, 500},
                          {400, 201}, {399, 201}, {700, 300}, {0, 1000}};
  for (const Cut& cut : overlaps)
    EXPECT_EQ(add(stt, key(1, 1), frame, cut), DropReason::k_stt_duplicate) << cut.offset;
  EXPECT_EQ(stt.total_drops(), 1 + std::size(overlaps));
  EXPECT_EQ(stt->held_bytes(), 2 * kBuffer);
  EXPECT_EQ(add(stt, key(1, 1), frame, {0, 200}), DropReason::kNone);
  EXPECT_EQ(add(stt, key(1, 1), frame, {400, 200}), DropReason::kNone);
  complete(stt, key(1, 1), frame, {800, 200});
}

TEST(SttReassembly, CeOfAnySegmentIsOnTheFrame) {
  const Bytes frame = pattern(300);
  // Which of first, second, last to arrive, and a repetition, bears CE; the others ECT(0).
  for (int with_ce = -1; with_ce < 4; ++with_ce) {
    TestReassembly stt;
    const auto ecn = [&](int number) { return with_ce == number ? kCe : uint8_t{2}; };
    stt->add(segment(key(1, 1), frame, {100, 100}, ecn(0)), 0);
    stt->add(segment(key(1, 1), frame, {0, 100}, ecn(1)), 0);
    stt->add(segment(key(1, 1), frame, {0, 100}, ecn(3)), 0);
    const SttResult result = stt->add(segment(key(1, 1), frame, {200, 100}, ecn(2)), 0);
    ASSERT_EQ(result.kind, Kind::kComplete);
    EXPECT_EQ(result.has_ce, with_ce >= 0) << with_ce;
    rte_pktmbuf_free(result.mbuf);
  }
}

TEST(SttReassembly, CeDoesNotOutliveItsFrame) {
  TestReassembly stt;
  const Bytes frame = pattern(100);
  for (uint8_t ecn : {kCe, uint8_t{0}}) {
    stt->add(segment(key(1, 1), frame, {0, 50}, ecn), 0);
    const SttResult result = stt->add(segment(key(1, 1), frame, {50, 50}), 0);
    EXPECT_EQ(result.has_ce, ecn == kCe);
    rte_pktmbuf_free(result.mbuf);
  }
}

TEST(SttReassembly, BringsHeadersTogetherFromTinySegments) {
  TestReassembly stt;
  const Bytes frame = pattern(5000);
  const Cut cuts[] = {{0, 1}, {1, 9}, {10, 7}, {17, 2}, {19, 81}, {100, 1900}, {2000, 1500}};
  for (const Cut& cut : cuts) EXPECT_EQ(add(stt, key(1, 1), frame, cut), DropReason::kNone);
  complete(stt, key(1, 1), frame, {3500, 1500});
}

TEST(SttReassembly, CutsPaddingAndTakesChains) {
  TestReassembly stt;
  const Bytes frame = pattern(6000);
  // Padding in a buffer of its own; a first buffer of headers only; payload over three buffers.
  stt->add(segment(key(1, 1), frame, {0, 3000}, 0, {kOuterLen, 10, 2990}, 6), 0);
  stt->add(segment(key(1, 1), frame, {3000, 1000}, 0, {kOuterLen + 500}, 100), 0);
  const SttResult result =
      stt->add(segment(key(1, 1), frame, {4000, 2000}, 0, {kOuterLen, 1000, 999}, 3000), 0);
  ASSERT_EQ(result.kind, Kind::kComplete);
  EXPECT_EQ(fault_of(result, key(1, 1), frame), "");
  rte_pktmbuf_free(result.mbuf);
}

TEST(SttReassembly, BoundsTheBuffersOfAFrame) {
  TestReassembly stt;
  const Bytes frame = pattern(1000);
  for (unsigned i = 0; i < kMaxSttBuffers; ++i)
    EXPECT_EQ(add(stt, key(1, 1), frame, {i, 1}), DropReason::kNone);
  EXPECT_EQ(add(stt, key(1, 1), frame, {kMaxSttBuffers, 1}), DropReason::k_stt_segments);
  EXPECT_EQ(stt->held_bytes(), kMaxSttBuffers * kBuffer);
  // One packet of more buffers than that.
  std::vector<unsigned> pieces(kMaxSttBuffers + 1, 1);
  pieces[0] = kOuterLen;
  const SttSegment chain = segment(key(1, 2), frame, {0, 900}, 0, pieces);
  ASSERT_EQ(chain.mbuf->nb_segs, kMaxSttBuffers + 2);
  EXPECT_EQ(stt->add(chain, 0).reason, DropReason::k_stt_segments);
  EXPECT_EQ(stt->held_frames(), 1u);
}

TEST(SttReassembly, FramesExpireAfterTheirFirstSegment) {
  TestReassembly stt({.limits = {.expiry_ns = 1000}});
  const Bytes frame = pattern(300);
  add(stt, key(1, 1), frame, {0, 100}, 0);
  add(stt, key(1, 2), frame, {0, 100}, 500);
  add(stt, key(1, 1), frame, {100, 100}, 999);  // does not prolong its life
  stt->expire(999);
  EXPECT_EQ(stt->held_frames(), 2u);
  stt->expire(1000);
  EXPECT_EQ(stt->held_frames(), 1u);
  EXPECT_EQ(stt.drops[DropReason::k_stt_expired], 2u);
  EXPECT_EQ(stt->held_bytes(), kBuffer);
  stt->expire(1500);
  EXPECT_EQ(stt->held_frames(), 0u);
  EXPECT_EQ(stt.drops[DropReason::k_stt_expired], 3u);
}

TEST(SttReassembly, ReusedPacketIdDoesNotMeetAnExpiredFrame) {
  TestReassembly stt({.limits = {.expiry_ns = 1000}});
  const Bytes old_frame = pattern(200, 1), new_frame = pattern(200, 2);
  add(stt, key(1, 1), old_frame, {0, 100}, 0);
  EXPECT_EQ(add(stt, key(1, 1), new_frame, {100, 100}, 1000), DropReason::kNone);
  EXPECT_EQ(stt.drops[DropReason::k_stt_expired], 1u);
  complete(stt, key(1, 1), new_frame, {0, 100}, 1001);
}

TEST(SttReassembly, ExpiryCostsABoundedAmountPerCall) {
  TestReassembly stt({.limits = {.expiry_ns = 1000}});
  for (unsigned i = 0; i < 100; ++i) add(stt, key(1, i), pattern(100), {0, 50});
  stt->expire(1000);
  EXPECT_EQ(stt->held_frames(), 100 - SttReassembly::kMaxExpiredPerCall);
  for (int i = 0; i < 10; ++i) stt->expire(1000);
  EXPECT_EQ(stt->held_frames(), 0u);
}

TEST(SttReassembly, OldestFrameOfThePeerGoesFirstAtItsCap) {
  TestReassembly stt({.limits = {.max_bytes = 100 * kBuffer, .max_bytes_per_peer = 4 * kBuffer}});
  const Bytes frame = pattern(300);
  add(stt, key(2, 9), frame, {0, 100});  // older than all of peer 1's
  add(stt, key(1, 1), frame, {0, 100});
  add(stt, key(1, 1), frame, {100, 100});
  add(stt, key(1, 2), frame, {0, 100});
  add(stt, key(1, 3), frame, {0, 100});
  EXPECT_EQ(stt.total_drops(), 0u);
  add(stt, key(1, 4), frame, {0, 100});
  EXPECT_EQ(stt.drops[DropReason::k_stt_evicted], 2u);  // both segments of frame 1
  EXPECT_EQ(stt->held_frames(), 4u);
  EXPECT_EQ(stt->held_bytes(), 4 * kBuffer);
  for (uint32_t id : {2, 3, 4}) {
    add(stt, key(1, id), frame, {100, 100});
    complete(stt, key(1, id), frame, {200, 100});
  }
  add(stt, key(2, 9), frame, {100, 100});
  complete(stt, key(2, 9), frame, {200, 100});
}

TEST(SttReassembly, AtTheCapOfTheWorkerWhoHoldsMostGivesWay) {
  TestReassembly stt({.limits = {.max_bytes = 6 * kBuffer, .max_bytes_per_peer = 6 * kBuffer}});
  const Bytes frame = pattern(300);
  add(stt, key(1, 1), frame, {0, 100});  // the oldest of all
  for (uint32_t id : {1, 2, 3}) add(stt, key(2, id), frame, {0, 100});
  add(stt, key(3, 1), frame, {0, 100});
  add(stt, key(3, 1), frame, {100, 100});
  EXPECT_EQ(stt.total_drops(), 0u);
  add(stt, key(1, 1), frame, {100, 100});  // pushes out peer 2's oldest
  EXPECT_EQ(stt.drops[DropReason::k_stt_evicted], 1u);
  add(stt, key(2, 4), frame, {0, 100});  // would make it the one with most: its own goes
  EXPECT_EQ(stt.drops[DropReason::k_stt_evicted], 2u);
  EXPECT_EQ(stt->held_bytes(), 6 * kBuffer);
  for (unsigned peer : {1, 3}) complete(stt, key(peer, 1), frame, {200, 100});
  for (uint32_t id : {3, 4}) {
    add(stt, key(2, id), frame, {100, 100});
    complete(stt, key(2, id), frame, {200, 100});
  }
}

TEST(SttReassembly, AtTheCapOfTheWorkerOneOfEqualsGivesWay) {
  TestReassembly stt({.limits = {.max_bytes = 3 * kBuffer, .max_bytes_per_peer = 3 * kBuffer}});
  const Bytes frame = pattern(300);
  for (unsigned peer : {1, 2, 3, 4}) add(stt, key(peer, 1), frame, {0, 100});
  EXPECT_EQ(stt.drops[DropReason::k_stt_evicted], 1u);
  EXPECT_EQ(stt->held_bytes(), 3 * kBuffer);
  EXPECT_EQ(add(stt, key(1, 1), frame, {100, 100}), DropReason::kNone);  // pushes out peer 2
  EXPECT_EQ(stt.drops[DropReason::k_stt_evicted], 2u);
  add(stt, key(3, 1), frame, {100, 200 - 1});  // would hold most: it goes, with its new segment
  EXPECT_EQ(stt.drops[DropReason::k_stt_evicted], 4u);
  EXPECT_EQ(stt->held_frames(), 2u);
}

TEST(SttReassembly, LowerLimitsPushOutWhatIsBeyondThem) {
  TestReassembly stt;
  const Bytes frame = pattern(300);
  for (unsigned id : {1, 2, 3}) add(stt, key(1, id), frame, {0, 100});
  add(stt, key(2, 1), frame, {0, 100});
  add(stt, key(2, 1), frame, {100, 100});
  add(stt, key(3, 1), frame, {0, 100});
  stt->set_limits({.max_bytes = 8 * kBuffer, .max_bytes_per_peer = 2 * kBuffer});
  EXPECT_EQ(stt.drops[DropReason::k_stt_evicted], 1u);  // the oldest of peer 1
  EXPECT_EQ(stt->held_bytes(), 5 * kBuffer);
  stt->set_limits({.max_bytes = 3 * kBuffer, .max_bytes_per_peer = 2 * kBuffer});
  // The second of peer 1's three, and then the only one of peer 2's, of two segments.
  EXPECT_EQ(stt.drops[DropReason::k_stt_evicted], 4u);
  EXPECT_EQ(stt->held_frames(), 2u);
  // Raised again: what is left completes.
  stt->set_limits({});
  for (const SttKey& left : {key(1, 3), key(3, 1)}) {
    add(stt, left, frame, {100, 100});
    complete(stt, left, frame, {200, 100});
  }
  EXPECT_EQ(stt.total_drops(), 4u);
}

TEST(SttReassembly, ShorterExpiryCountsForFramesThatAreHere) {
  TestReassembly stt;
  add(stt, key(1, 1), pattern(300), {0, 100}, 0);
  stt->set_limits({.expiry_ns = 1000});
  stt->expire(999);
  EXPECT_EQ(stt->held_frames(), 1u);
  stt->expire(1000);
  EXPECT_EQ(stt.drops[DropReason::k_stt_expired], 1u);
}

TEST(SttReassembly, LastSegmentNeedsNoRoom) {
  TestReassembly stt({.limits = {.max_bytes = kBuffer, .max_bytes_per_peer = kBuffer}});
  const Bytes frame = pattern(300);
  add(stt, key(1, 1), frame, {0, 100});
  complete(stt, key(1, 1), frame, {100, 200});
}

TEST(SttReassembly, SegmentBeyondTheCapPushesNothingOut) {
  TestReassembly stt({.limits = {.max_bytes = 2 * kBuffer, .max_bytes_per_peer = 2 * kBuffer}});
  const Bytes frame = pattern(10000);
  add(stt, key(1, 1), frame, {0, 100});
  EXPECT_EQ(add(stt, key(1, 2), frame, {0, 6000}), DropReason::k_stt_evicted);
  EXPECT_EQ(stt->held_frames(), 1u);
}

TEST(SttReassembly, BoundsTheNumberOfFrames) {
  TestReassembly stt({.max_frames = 4, .max_frames_per_peer = 2});
  const Bytes frame = pattern(100);
  add(stt, key(9, 1), frame, {0, 50});
  for (uint32_t id : {1, 2, 3}) add(stt, key(1, id), frame, {0, 50});
  EXPECT_EQ(stt.drops[DropReason::k_stt_evicted], 1u);  // peer 1's first
  complete(stt, key(9, 1), frame, {50, 50});
  add(stt, key(2, 1), frame, {0, 50});
  add(stt, key(3, 1), frame, {0, 50});
  add(stt, key(4, 1), frame, {0, 50});
  EXPECT_EQ(stt.drops[DropReason::k_stt_evicted], 2u);  // peer 1's second: it has most
  EXPECT_EQ(stt->held_frames(), 4u);
  complete(stt, key(1, 3), frame, {50, 50});
}

TEST(SttReassembly, PeersBeyondTheTableShareOneEntry) {
  TestReassembly stt({.max_frames_per_peer = 2, .max_peers = 2});
  const Bytes frame = pattern(100);
  for (unsigned peer : {1, 2, 3, 4, 5}) add(stt, key(peer, 1), frame, {0, 50});
  EXPECT_EQ(stt.drops[DropReason::k_stt_evicted], 1u);  // 3, 4 and 5 share; 3 was the oldest
  complete(stt, key(1, 1), frame, {50, 50});            // frees an entry
  add(stt, key(3, 2), frame, {0, 50});
  add(stt, key(3, 3), frame, {0, 50});
  EXPECT_EQ(stt.drops[DropReason::k_stt_evicted], 1u);
  for (unsigned peer : {2, 4, 5}) complete(stt, key(peer, 1), frame, {50, 50});
}

TEST(SttReassembly, PeerKeepsItsEntryWhenItsOnlyFrameGivesWay) {
  TestReassembly stt({.max_frames_per_peer = 1, .max_peers = 1});
  const Bytes frame = pattern(100);
  add(stt, key(1, 1), frame, {0, 50});
  add(stt, key(1, 2), frame, {0, 50});
  add(stt, key(2, 1), frame, {0, 50});  // shares
  add(stt, key(3, 1), frame, {0, 50});  // shares, and pushes out peer 2
  EXPECT_EQ(stt.drops[DropReason::k_stt_evicted], 2u);
  complete(stt, key(1, 2), frame, {50, 50});
  complete(stt, key(3, 1), frame, {50, 50});
}

TEST(SttReassembly, PeersComeAndGoWithoutEnd) {
  TestReassembly stt({.max_frames = 8, .max_frames_per_peer = 8, .max_peers = 4});
  const Bytes frame = pattern(100);
  for (unsigned peer = 0; peer < 1000; ++peer) {
    add(stt, key(peer, 1), frame, {0, 50});
    complete(stt, key(peer, 1), frame, {50, 50});
  }
  EXPECT_EQ(stt.total_drops(), 0u);
}

TEST(SttReassembly, DropsAreTheSendersAndOfItsContextWhereThatIsKnown) {
  TestReassembly stt({.limits = {.expiry_ns = 1000}});
  const Bytes frame = pattern(300);
  SttFrameHeader header;
  std::memcpy(&header, frame.data(), sizeof header);
  const uint64_t context = header.context_id.host();
  add(stt, key(1, 1), frame, {0, 18});
  add(stt, key(1, 1), frame, {18, 50});
  add(stt, key(1, 1), frame, {18, 50});  // a duplicate of a frame whose header is here
  add(stt, key(2, 1), frame, {0, 17});   // not all of the header
  add(stt, key(3, 1), frame, {18, 50});  // none
  add(stt, key(3, 1), frame, {18, 50});
  stt->expire(1000);
  const auto of = [&](unsigned peer, uint64_t id) { return stt.drops_of[{key(peer, 0).src, id}]; };
  EXPECT_EQ(of(1, context), 3u);
  EXPECT_EQ(of(2, SttDrop::kNoContext), 1u);
  EXPECT_EQ(of(3, SttDrop::kNoContext), 2u);
  EXPECT_EQ(stt.total_drops(), 6u);
}

TEST(SttReassembly, SharedFirstBufferIsNotWrittenTo) {
  TestReassembly stt;
  const Bytes frame = pattern(300);
  SttSegment first = segment(key(1, 1), frame, {0, 20});
  rte_mbuf_refcnt_update(first.mbuf, 1);
  rte_mbuf* ours = first.mbuf;
  stt->add(first, 0);
  EXPECT_EQ(stt->add(segment(key(1, 1), frame, {20, 280}), 0).reason, DropReason::k_stt_no_room);
  EXPECT_EQ(stt.drops[DropReason::k_stt_no_room], 2u);
  EXPECT_EQ(stt->held_frames(), 0u);
  rte_pktmbuf_free(ours);
}

TEST(SttReassembly, FreesWhatItHolds) {
  TestReassembly stt;  // its destructor looks for leaks
  for (unsigned i = 0; i < 20; ++i) add(stt, key(i, i), pattern(100), {0, 50});
  EXPECT_EQ(stt->held_frames(), 20u);
}

}  // namespace
}  // namespace adit
